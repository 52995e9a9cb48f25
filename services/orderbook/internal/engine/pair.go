package engine

// newPair takes two orders of one account, market and side in, of which one
// cancels the other. Both are taken or neither.
func (e *Engine) newPair(c *Command) reason {
	a, b := c, c.Second
	if b == nil {
		return e.refuse(c.Account, 0, rejBadCommand)
	}
	if r := e.screenPair(a, b); r != ok {
		return e.pairRefused(a, b, r, true)
	}
	i, j := e.findClient(a.Account, a.ClientID), e.findClient(b.Account, b.ClientID)
	if i != 0 || j != 0 {
		return e.repeatPair(i, j, a, b)
	}
	for _, leg := range [...]*Command{a, b} {
		r := e.screen(leg)
		if r == ok && !leg.maybeLeg() {
			r = rejBadCommand
		}
		if r != ok {
			return e.pairRefused(a, b, r, true)
		}
	}
	m := &e.markets[a.Market-1]
	acct := e.accountSlot(a.Account)
	need, r := e.checkPair(m, acct, a, b)
	if r != ok {
		return e.pairRefused(a, b, r, false)
	}
	i, j = e.accept(m, acct, a), e.accept(m, acct, b)
	second := e.orders[j].id
	e.answer.slot, e.answer.second = i, second
	e.link(i, j)
	e.link(j, i)
	e.reserve(m, i, need)
	e.emitOrderAccepted(i)
	e.emitOrderAccepted(j)
	e.begin(m, i)
	if o := &e.orders[j]; o.id == second && o.isLive() {
		e.begin(m, j)
	}
	e.afterMatch(m)
	return ok
}

// screenPair makes the checks of both legs that come before known names.
func (e *Engine) screenPair(a, b *Command) reason {
	if r := e.barred(fromAPI); r != ok {
		return r
	}
	if a.Account != b.Account || a.Market != b.Market || a.Side != b.Side ||
		a.Ref != 0 && a.Ref == b.Ref || len(a.ClientID) != 0 && string(a.ClientID) == string(b.ClientID) {
		return rejBadCommand
	}
	for _, leg := range [...]*Command{a, b} {
		switch {
		case leg.Account == 0:
			return rejUnknownAccount
		case !leg.named():
			return rejBadCommand
		}
	}
	for _, leg := range [...]*Command{a, b} {
		if leg.Ref != 0 && e.findRef(leg.Account, leg.Ref) != 0 {
			return rejDuplicate
		}
	}
	return ok
}

// maybeLeg reports an order that rests or waits.
func (c *Command) maybeLeg() bool {
	return waits(c.Type) || c.Type == typeLimit && c.TIF != tifIOC && c.TIF != tifFOK
}

// checkPair makes the checks of two legs and returns what they reserve: once,
// the larger of their needs.
func (e *Engine) checkPair(m *market, acct uint32, a, b *Command) (int64, reason) {
	for _, leg := range [...]*Command{a, b} {
		if r := e.check(m, acct, leg); r != ok {
			return 0, r
		}
	}
	if m.actsAtOnce(a) && m.actsAtOnce(b) {
		return 0, rejBadTrigger
	}
	first, fits := e.need(m, acct, a)
	second, alsoFits := e.need(m, acct, b)
	need := max(first, second)
	if !fits || !alsoFits || need > e.available(acct, m.spending(a.Side)) {
		return 0, rejInsufficient
	}
	return need, ok
}

// actsAtOnce reports an order that would trade or trigger when it is accepted.
func (m *market) actsAtOnce(c *Command) bool {
	if m.phase != phaseContinuous {
		return false
	}
	if !waits(c.Type) {
		return m.wouldTake(c.Side, c.Price)
	}
	t := c.terms()
	trigger := t.Trigger
	if c.Type == typeTrailingStop {
		trigger = trailed(c.Side == buy, t.Trigger, t.Trail, m.last)
	}
	return m.reached(c.Type, c.Side == buy, trigger)
}

// pairRefused refuses both legs for one reason; forgotten as in OrderRejected.
func (e *Engine) pairRefused(a, b *Command, r reason, forgotten bool) reason {
	var ids [2]uint64
	for k, leg := range [...]*Command{a, b} {
		if forgotten {
			e.turnAway(leg, r)
		} else {
			e.reject(leg, r)
		}
		ids[k] = e.answer.id
	}
	e.answer.id, e.answer.second = ids[0], ids[1]
	return r
}

// repeatPair answers known client order ids; i and j are the orders that have
// those of the legs, 0 for none.
func (e *Engine) repeatPair(i, j uint32, a, b *Command) reason {
	if i == 0 || j == 0 || !e.sameContent(i, a) || !e.sameContent(j, b) {
		known := i
		if known == 0 {
			known = j
		}
		return e.refuse(a.Account, e.orders[known].id, rejConflict)
	}
	e.answer.second = e.orders[j].id
	return e.repeat(i, a)
}

func (e *Engine) sameContent(i uint32, c *Command) bool {
	return e.ids.rows[e.orders[i].clientID].content == c.content()
}

// link makes j the other leg of i.
func (e *Engine) link(i, j uint32) {
	o := &e.orders[i]
	if o.terms == 0 {
		o.terms = e.newTerms()
	}
	o.flags |= flagPair
	e.terms[o.terms].other = j
}

// trimPair gives back what neither leg of a pair needs.
func (e *Engine) trimPair(m *market, i uint32) {
	j := e.terms[e.orders[i].terms].other
	need := max(e.needOf(m, i), e.needOf(m, j))
	if e.orders[j].reserved != 0 {
		i = j
	}
	e.release(m, i, need)
	e.mark(i)
}

// otherLeg ends the pair of an order that is about to trade, has just been
// triggered, or has ended: the other leg is canceled. One that lives on takes
// the pair's reservation over and gives back what it does not need.
func (e *Engine) otherLeg(i uint32) {
	j := e.terms[e.orders[i].terms].other
	e.parted(i)
	e.parted(j)
	o, other := &e.orders[i], &e.orders[j]
	lives := o.isLive()
	if lives {
		o.reserved += other.reserved
		other.reserved = 0
		e.mark(i)
	}
	e.cancelLive(j, causeOtherLeg)
	if lives {
		e.trim(i)
	}
}

func (e *Engine) parted(i uint32) {
	o := &e.orders[i]
	o.flags &^= flagPair
	e.terms[o.terms].other = 0
	e.mark(i)
}

// cancelLive ends an order that waits, rests, or was accepted and has not acted
// yet.
func (e *Engine) cancelLive(i uint32, why cause) {
	o := &e.orders[i]
	if o.status == statusWaiting {
		e.unwait(i)
	} else if o.level != 0 {
		e.unrest(i)
	}
	e.end(i, why)
}
