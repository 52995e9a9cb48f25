package engine

// amend gives a live order another price or quantity. Less at the same price
// keeps its place; anything else takes it out and in again as if it came now.
func (e *Engine) amend(c *Command) reason {
	i, r := e.own(c)
	if r != ok {
		return e.refuseOwn(c, i, r)
	}
	o := &e.orders[i]
	rest := &o.rest
	m := e.market(o)
	price, quantity := o.price, rest.quantity
	if c.Price != 0 {
		price = c.Price
	}
	if c.Quantity != 0 {
		quantity = c.Quantity
	}
	waiting := o.status == statusWaiting
	keeps := waiting || price == o.price && quantity <= rest.quantity
	if r = e.checkAmend(m, i, c, price, quantity, keeps); r != ok {
		return e.refuseOwn(c, i, r)
	}
	if r = e.reserveAmend(m, i, price, quantity); r != ok {
		return e.refuseOwn(c, i, r)
	}
	e.answer.slot = i
	e.mark(i)
	if !waiting {
		l := m.book(o)
		l.levels[o.level].lots -= e.visible(o)
		if !keeps {
			e.unlink(l, i)
		}
	}
	if o.flags&flagBudget == 0 {
		o.remaining = quantity - e.filledLots(i)
	}
	o.price, rest.quantity = price, quantity
	shown := int64(0)
	if o.flags&flagIceberg != 0 {
		t := &e.terms[o.terms]
		t.visible = min(t.visible, o.remaining)
	}
	if keeps && !waiting {
		shown = e.visible(o)
		m.book(o).levels[o.level].lots += shown
	}
	e.emitOrderAmended(i, shown, keeps)
	if !keeps {
		e.run(m, i)
	}
	e.afterMatch(m)
	return ok
}

// checkAmend makes the checks of a new order that an amend can fail.
func (e *Engine) checkAmend(m *market, i uint32, c *Command, price, quantity int64, keeps bool) reason {
	o := &e.orders[i]
	r := &o.rest
	t := &e.terms[o.terms]
	budget := o.flags&flagBudget != 0
	switch {
	case c.Malformed > uint8(lastReject):
		return rejBadCommand
	case c.Malformed != 0:
		return reason(c.Malformed)
	case m.phase == phaseCancelOnly:
		return rejPhase
	case m.phase == phaseDelisted:
		return rejUnknownMarket
	case c.Price < 0 || c.Price != 0 && !limitType(r.typ):
		return rejBadPrice
	case budget && c.Quantity != 0, !budget && quantity <= e.filledLots(i):
		return rejBadQuantity
	}
	as := Command{Side: o.side(), Type: r.typ, Price: price, Quantity: quantity}
	if rej := m.checkSize(&as, &Terms{Budget: t.budget, Protection: t.protection}); rej != ok {
		return rej
	}
	if limitType(r.typ) && m.limits.CollarPPM != 0 && m.outsideCollar(price) {
		return rejOutsideCollar
	}
	if !keeps && (o.flags&flagPost != 0 || m.phase == phasePostOnly) && m.wouldTake(as.Side, price) {
		return rejWouldTake
	}
	return ok
}

// reserveAmend changes the reservation to what the order's rest will need.
func (e *Engine) reserveAmend(m *market, i uint32, price, quantity int64) reason {
	o := &e.orders[i]
	if o.flags&flagBudget != 0 {
		return ok
	}
	before := order{price: o.price, remaining: o.remaining}
	o.price, o.remaining = price, quantity-e.filledLots(i)
	need, fits := e.fullNeed(m, i)
	holder := i
	if o.flags&flagPair != 0 {
		j := e.terms[o.terms].other
		if other := e.needOf(m, j); other > need {
			need = other
		}
		if e.orders[j].reserved != 0 {
			holder = j
		}
	}
	o.price, o.remaining = before.price, before.remaining
	h := &e.orders[holder]
	if !fits || need-h.reserved > e.available(h.acct, m.spends(h)) {
		return rejInsufficient
	}
	e.release(m, holder, need)
	e.mark(holder)
	return ok
}
