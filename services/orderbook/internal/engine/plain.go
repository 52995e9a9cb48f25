package engine

import "math/bits"

// Nearly all that a venue is asked for are limit orders under a client_ref, good
// till canceled or immediate, without any other term, and cancels of such. They
// have a way of their own: it looks first at everything that could make a command
// another one or have it refused, and leaves those, with nothing changed, to the
// code that knows all kinds. What it does itself gives the same events and the
// same state, with few branches and each thing looked up once.

// plain carries a command out if it is one of these; else it returns false.
func (e *Engine) plain(c *Command) bool {
	if !e.calm {
		return false
	}
	switch c.Op {
	case OpNew:
		return e.plainNew(c)
	case OpCancel:
		return e.plainCancel(c)
	}
	return false
}

// isPlain reports a limit order without anything that few have.
func (c *Command) isPlain() bool {
	return c.Type == typeLimit && (c.TIF == tifGTC || c.TIF == tifIOC) && c.Side-buy <= 1 && c.SelfTrade <= selfDecrement &&
		c.Malformed == 0 && !c.PostOnly && c.Ext == nil && len(c.ClientID) == 0 && c.Ref != 0 && c.Account != 0 && c.Price > 0 && c.Quantity > 0
}

// isPlain reports a market in which such an order has only its size, its funds
// and its name to be looked at.
func (m *market) isPlain() bool {
	return m.phase == phaseContinuous && !m.oneSide && m.limits.CollarPPM == 0
}

func (e *Engine) plainNew(c *Command) bool {
	if !c.isPlain() || c.Market-1 >= uint32(len(e.markets)) {
		return false
	}
	m := &e.markets[c.Market-1]
	need, fits := m.plainNeed(c)
	if !fits || !m.isPlain() {
		return false
	}
	acct := e.hint.acct
	if acct == 0 {
		acct = e.nearAccount(c.Account)
	}
	a := e.purse(acct, m)
	held := a.held[(c.Side-buy)&1]
	hash := e.hint.ref(c)
	if taken, _ := e.seekRef(hash, c.Account, c.Ref); taken != 0 || need > e.balances[held].available {
		return false
	}
	i := e.newSlot()
	e.orderID++
	o := &e.orders[i]
	flags := o.flags&flagDirty | (c.Side - buy)
	*o = order{} // single fields for the reason that fillIn has
	o.id, o.price, o.remaining, o.reserved, o.ref = e.orderID, c.Price, c.Quantity, need, c.Ref
	o.acct, o.market, o.flags, o.status = acct, uint16(c.Market), flags, statusOpen
	o.quantity, o.typ, o.tif, o.self = c.Quantity, typeLimit, c.TIF, c.SelfTrade
	e.answer.slot = i
	b := e.touchSlot(held)
	b.available -= need
	b.reserved += need
	if c.TIF == tifIOC {
		o.flags |= flagPassing
		e.emitPlain(o, c.Account, false)
		e.run(m, i)
		e.afterMatch(m)
		return true
	}
	e.byID.add(o.id, i)
	e.enterRef(hash, i)
	e.enlist(i)
	e.mark(i)
	rests := !m.against(o).takes(c.Price)
	e.emitPlain(o, c.Account, rests)
	if rests {
		e.arrivals++
		o.arrival = e.arrivals
		e.rest(m, i)
	} else {
		e.run(m, i)
	}
	e.afterMatch(m)
	return true
}

// plainNeed is what a plain order sets aside; false when it is outside of the
// market's limits, or of what any account can have. A maximum of 0 is none: one
// less than that is above all.
func (m *market) plainNeed(c *Command) (int64, bool) {
	l := &m.limits
	over, lots := bits.Mul64(uint64(c.Price), uint64(c.Quantity))
	over2, cost := bits.Mul64(lots, uint64(m.unit))
	over3, goods := bits.Mul64(uint64(c.Quantity), uint64(m.lot))
	if over|over2|over3|(cost|goods)>>63 != 0 || c.Quantity < l.MinLots || uint64(c.Quantity-1) > uint64(l.MaxLots-1) ||
		int64(cost) < l.MinNotional || cost-1 > uint64(l.MaxNotional-1) {
		return 0, false
	}
	need, fits := withFee(int64(cost), m.maxPPM, true)
	sells := c.Side - buy
	need ^= (need ^ int64(goods)) & -int64(sells)
	return need, fits || sells != 0
}

func (e *Engine) plainCancel(c *Command) bool {
	if c.Ref == 0 || c.OrderID != 0 || len(c.ClientID) != 0 || c.Account == 0 {
		return false
	}
	hash := e.hint.ref(c)
	i, at := e.seekRef(hash, c.Account, c.Ref)
	o := &e.orders[i]
	if i == 0 || o.terms != 0 || o.level == 0 {
		return false
	}
	m := e.market(o)
	if m.phase == phaseHalted {
		return false
	}
	e.answer.slot = i
	l := m.book(o)
	l.levels[o.level].lots -= o.remaining
	e.unlink(l, i)
	o.status, o.why = statusCanceled, causeRequested
	e.emitOrderCanceled(o.id, causeRequested, o.remaining)
	b := e.touchSpent(o, m)
	b.available += o.reserved
	b.reserved -= o.reserved
	o.reserved = 0
	e.unlist(i)
	if e.reply != nil {
		e.capture(i)
	}
	e.orderSum.sub(o.hashed())
	e.byID.remove(o.id, i)
	e.byRef.removeAt(at, hash, i)
	e.freeSlot(i)
	return true
}
