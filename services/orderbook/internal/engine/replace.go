package engine

// replace cancels one order and places another, or does neither: the new one is
// checked with the old one gone.
func (e *Engine) replace(c *Command) reason {
	n := c.Second
	r := e.barredOwner(n.Account)
	switch {
	case r != ok:
		return e.turnAway(n, r)
	case !n.named():
		return e.turnAway(n, rejBadCommand)
	case n.Ref != 0:
		if e.findRef(n.Account, n.Ref) != 0 {
			return e.turnAway(n, rejDuplicate)
		}
	default:
		if i := e.findClient(n.Account, n.ClientID); i != 0 {
			return e.repeat(i, n)
		}
	}
	if r = e.screen(n); r != ok {
		return e.turnAway(n, r)
	}
	if c.Account != n.Account {
		return e.refuse(c.Account, c.OrderID, rejBadCommand)
	}
	i, r := e.own(c)
	if r != ok {
		return e.refuseOwn(c, i, r)
	}
	m := &e.markets[n.Market-1]
	acct := e.orders[i].acct
	e.lift(i)
	r = e.check(m, acct, n)
	if r == ok {
		if need, fits := e.need(m, acct, n); !fits || need > e.available(acct, m.spending(n.Side)) {
			r = rejInsufficient
		}
	}
	e.putBack()
	if r != ok {
		return e.reject(n, r)
	}
	e.cancelLive(i, causeReplaced)
	e.hint = hint{} // the new order has a name of its own
	return e.newOrder(n)
}

// lifted is an order that was taken out of its queue to look at the market
// without it.
type lifted struct {
	slot       uint32
	prev, next uint32
	reserved   int64
	resting    bool
}

// lift takes an order, and the other leg of its pair, and their reservations
// out until putBack.
func (e *Engine) lift(i uint32) {
	e.liftOne(0, i)
	if o := &e.orders[i]; o.flags&flagPair != 0 {
		e.liftOne(1, e.terms[o.terms].other)
	}
}

func (e *Engine) liftOne(k int, i uint32) {
	o := &e.orders[i]
	e.lifted[k] = lifted{slot: i, prev: o.prev, next: o.next, reserved: o.reserved, resting: o.level != 0}
	if o.level != 0 {
		e.unrest(i)
	}
	e.release(e.market(o), i, 0)
}

// putBack undoes lift, the latest first, so that neighbours are there again.
func (e *Engine) putBack() {
	for k := len(e.lifted) - 1; k >= 0; k-- {
		f := e.lifted[k]
		if f.slot == 0 {
			continue
		}
		e.lifted[k] = lifted{}
		o := &e.orders[f.slot]
		e.release(e.market(o), f.slot, f.reserved)
		if f.resting {
			e.insert(f.slot, f.prev, f.next)
		}
	}
}

// insert puts an order between two neighbours of its queue.
func (e *Engine) insert(i, prev, next uint32) {
	o := &e.orders[i]
	l := e.market(o).book(o)
	v := l.at(o.price)
	lv := &l.levels[v]
	o.level, o.prev, o.next = v, prev, next
	if prev == 0 {
		lv.head = i
	} else {
		e.orders[prev].next = i
	}
	if next == 0 {
		lv.tail = i
	} else {
		e.orders[next].prev = i
	}
	lv.orders++
	lv.lots += e.visible(o)
}
