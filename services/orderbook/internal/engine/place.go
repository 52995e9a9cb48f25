package engine

// newOrder takes an order in: a known client order id gets the present state of
// its order; else the order is refused, or accepted, matched, and rested or
// ended.
func (e *Engine) newOrder(c *Command) reason {
	r := e.barredOwner(c.Account)
	switch {
	case r != ok:
		return e.turnAway(c, r)
	case !c.named():
		return e.turnAway(c, rejBadCommand)
	case c.Ref != 0:
		if taken, _ := e.seekRef(e.hint.ref(c), c.Account, c.Ref); taken != 0 {
			return e.turnAway(c, rejDuplicate)
		}
	default:
		if i := e.findClient(c.Account, c.ClientID); i != 0 {
			return e.repeat(i, c)
		}
	}
	if r = e.screen(c); r != ok {
		return e.turnAway(c, r)
	}
	m := &e.markets[c.Market-1]
	acct := e.nearAccount(c.Account)
	if r = e.check(m, acct, c); r != ok {
		return e.reject(c, r)
	}
	need, fits := e.need(m, acct, c)
	held := e.heldOf(acct, m, c.Side)
	if !fits || need > e.balances[held].available {
		return e.reject(c, rejInsufficient)
	}
	i := e.accept(m, acct, c)
	e.answer.slot = i
	if held != 0 {
		b := e.touchSlot(held)
		b.available -= need
		b.reserved += need
		e.orders[i].reserved = need
	}
	e.emitOrderAccepted(i)
	e.begin(m, i)
	e.afterMatch(m)
	return ok
}

// begin lets an accepted order act, or wait.
func (e *Engine) begin(m *market, i uint32) {
	if waits(e.orders[i].typ) {
		e.waitFor(i)
		return
	}
	e.run(m, i)
}

// spending is the asset that orders of a side pay with.
func (m *market) spending(side uint8) uint32 {
	if side == sell {
		return m.base
	}
	return m.quote
}

// accept gives an order its id and place. It is live from here on, in no book
// yet, and has reserved nothing.
func (e *Engine) accept(m *market, acct uint32, c *Command) uint32 {
	if acct == 0 {
		acct = e.account(c.Account)
	}
	i := e.newSlot()
	e.fillIn(m, acct, c, i)
	e.enter(i)
	e.enlist(i)
	e.mark(i)
	return i
}

// fillIn writes a new order into its slot.
func (e *Engine) fillIn(m *market, acct uint32, c *Command, i uint32) {
	e.orderID++
	o := &e.orders[i]
	r := &o.rest
	flags := o.flags&flagDirty | (c.Side - buy)
	if c.PostOnly {
		flags |= flagPost
	}
	// A literal of several fields would be made beside and copied over in wide
	// words, each waiting for the narrow ones that it was made of: tens of
	// nanoseconds. So it is here and in all that each order passes.
	*o = order{}
	o.id, o.price, o.remaining, o.acct, o.ref = e.orderID, c.Price, c.Quantity, acct, c.Ref
	o.market, o.flags, o.status = uint16(c.Market), flags, statusOpen
	r.quantity, r.typ, r.tif, r.self = c.Quantity, c.Type, c.TIF, c.SelfTrade
	if len(c.ClientID) != 0 {
		r.clientID = e.ids.add(c.ClientID, c.content(), &e.memory)
	}
	if c.Ext != nil || c.TIF == tifDay {
		e.fillTerms(m, c, i)
	}
}

// fillTerms gives an order what few have.
func (e *Engine) fillTerms(m *market, c *Command, i uint32) {
	x := c.terms()
	expires := x.ExpiresMs
	if c.TIF == tifDay && m != nil {
		expires = dayEnd(e.clock.nowMs, m.dayEndsMs)
	}
	if *x == (Terms{}) && expires == 0 {
		return
	}
	n := e.newTerms()
	o, t := &e.orders[i], &e.terms[n]
	o.terms = n
	*t = terms{budget: x.Budget, protection: x.Protection, trigger: x.Trigger, trail: x.Trail, display: x.Display, minLots: x.MinLots, expiresMs: expires}
	if x.Budget != 0 {
		o.flags |= flagBudget
	}
	if x.Display != 0 {
		o.flags |= flagIceberg
	}
	if m != nil && c.Type == typeTrailingStop {
		t.trigger = trailed(c.Side == buy, x.Trigger, x.Trail, m.last)
	}
}

// content is a hash of all that an order asks for, by which the same command is
// known again.
func (c *Command) content() sum {
	t := c.terms()
	h := newHash(kindContent).u64(uint64(c.Market)).u64(uint64(c.Side) | uint64(c.Type)<<8 | uint64(c.TIF)<<16 | uint64(c.SelfTrade)<<24 | uint64(c.Malformed)<<32)
	trigger := t.Trigger
	if c.Type == typeTrailingStop {
		trigger = 0 // no event tells the one that was asked for
	}
	h = h.i64(c.Price).i64(c.Quantity).i64(t.Budget).i64(t.Protection).i64(trigger).i64(t.Trail)
	h = h.i64(t.Display).i64(t.MinLots).i64(t.ExpiresMs)
	if c.PostOnly {
		h = h.u64(1)
	}
	return h.sum()
}

// reserve moves an amount from available to an order's reservation.
func (e *Engine) reserve(m *market, i uint32, amount int64) {
	o := &e.orders[i]
	b := e.touchSpent(o, m)
	b.available -= amount
	b.reserved += amount
	o.reserved += amount
}

// release gives back all but keep of an order's reservation; keep may also be
// more than it has.
func (e *Engine) release(m *market, i uint32, keep int64) {
	o := &e.orders[i]
	if d := o.reserved - keep; d != 0 {
		b := e.touchSpent(o, m)
		b.available += d
		b.reserved -= d
		o.reserved = keep
	}
}

// needOf is what the rest of a live order can still cost.
func (e *Engine) needOf(m *market, i uint32) int64 {
	need, _ := e.fullNeed(m, i)
	return need
}

// fullNeed is needOf, with false when it is above what any account can have.
func (e *Engine) fullNeed(m *market, i uint32) (int64, bool) {
	o := &e.orders[i]
	r := &o.rest
	if o.sells() {
		return o.remaining * m.lot, true
	}
	price := o.price
	if price == 0 {
		t := &e.terms[o.terms]
		if o.flags&flagBudget != 0 && r.took == 0 {
			return t.budget, true // a leg of a pair may reserve for the other one
		}
		if o.flags&flagBudget != 0 || t.protection == 0 {
			return o.reserved, true
		}
		price = t.protection
	}
	left := price * o.remaining * m.unit
	owed := m.owed(r)
	fee := owed.plus(m.maxPPM, left).ceil() - owed.ceil()
	return left + fee, fee <= MaxAmount-left
}

// trim gives back what an order does not need of its reservation.
func (e *Engine) trim(i uint32) {
	m := e.market(&e.orders[i])
	if e.orders[i].flags&flagPair != 0 {
		e.trimPair(m, i)
		return
	}
	if need := e.needOf(m, i); need < e.orders[i].reserved {
		e.release(m, i, need)
		e.mark(i)
	}
}

// repeat answers a client order id that is taken: the same content gets the
// order as it is now, another one is a conflict and makes no order.
func (e *Engine) repeat(i uint32, c *Command) reason {
	if e.ids.rows[e.orders[i].clientID].content != c.content() {
		return e.refuse(c.Account, e.orders[i].id, rejConflict)
	}
	e.answer.slot = i
	e.answer.repeated = true
	if e.orders[i].status == statusRejected {
		return reason(e.orders[i].why)
	}
	return ok
}

// turnAway refuses an order that is not remembered: the same command may pass
// later. It takes an id all the same, so that the refusal can be asked for.
func (e *Engine) turnAway(c *Command, r reason) reason {
	e.orderID++
	e.emitOrderRejected(e.orderID, c, r, true)
	e.answer.rejected(e.orderID)
	return r
}

// reject refuses an order; one with a client order id is remembered.
func (e *Engine) reject(c *Command, r reason) reason {
	if c.Ref != 0 || e.maxDead == 0 {
		e.orderID++
	} else {
		i := e.newSlot()
		acct := e.account(c.Account)
		plain := *c
		plain.Ext, plain.TIF = nil, c.TIF
		e.fillIn(nil, acct, &plain, i)
		e.ids.rows[e.orders[i].clientID].content = c.content()
		o := &e.orders[i]
		o.status, o.remaining = statusRejected, 0
		e.orders[i].quantity, e.orders[i].why = 0, uint8(r)
		e.enter(i)
		e.bury(i)
	}
	e.emitOrderRejected(e.orderID, c, r, false)
	e.answer.rejected(e.orderID)
	return r
}
