package engine

// run matches an order that acts now and then rests or ends it.
func (e *Engine) run(m *market, i uint32) {
	o := &e.orders[i]
	r := &o.rest
	if o.terms != 0 || r.tif == tifFOK {
		if why := e.unfillable(m, i); why != 0 {
			e.end(i, why)
			return
		}
	}
	if m.phase == phaseAuction {
		e.settleDown(m, i)
		return
	}
	why := e.match(m, i)
	switch {
	case e.orders[i].flags&flagBudget != 0:
		e.end(i, why)
	case e.orders[i].remaining == 0:
		e.filled(m, i)
	case why == 0 || why == causePaused && limitType(r.typ) && r.tif != tifIOC && r.tif != tifFOK:
		e.settleDown(m, i)
	default:
		e.end(i, why)
	}
}

// unfillable looks ahead for a FOK or one with a minimum; it returns the cause
// for which the order ends without any effect, 0 when it may act.
func (e *Engine) unfillable(m *market, i uint32) cause {
	o := &e.orders[i]
	r := &o.rest
	t := &e.terms[o.terms]
	fok := r.tif == tifFOK
	if !fok && (t.minLots == 0 || r.arrival != 0) {
		return 0
	}
	if m.phase == phaseAuction { // a pair's other leg has just paused the market
		return causeMinQuantity
	}
	s := seen{
		acct: o.acct, sells: o.sells(), self: r.self, market: !limitType(r.typ), limit: e.limitOf(o), want: o.remaining,
		whole: t.budget, budget: spendable(t.budget, m.takerPPM),
	}
	e.look(m, &s)
	switch {
	case fok && t.budget != 0 && !s.paid, fok && t.budget == 0 && s.lots < o.remaining:
		return causeFOK
	case s.lots < t.minLots:
		return causeMinQuantity
	}
	return 0
}

// limitOf is the worst price that an order takes.
func (e *Engine) limitOf(o *order) int64 {
	if o.price != 0 {
		return o.price
	}
	if p := e.terms[o.terms].protection; p != 0 {
		return p
	}
	if o.sells() {
		return 0
	}
	return MaxAmount
}

// match trades an order with the other side as far as it goes. It returns why
// the rest must be canceled, 0 when it may rest or nothing is left.
func (e *Engine) match(m *market, i uint32) cause {
	o := &e.orders[i]
	r := &o.rest
	l := m.against(o)
	limit := e.limitOf(o)
	marketType := !limitType(r.typ)
	if o.price != 0 && !l.takes(o.price) { // most orders
		if r.tif == tifIOC || r.tif == tifFOK {
			return causeIOC
		}
		return 0
	}
	low, high := m.collar(marketType)
	budget, byBudget := int64(0), o.flags&flagBudget != 0 // a small one pays for no notional at all
	if byBudget {
		budget = spendable(e.terms[o.terms].budget, m.takerPPM)
	}
	for o.remaining > 0 || byBudget && o.reserved > 0 {
		v := l.best
		if v == 0 {
			break
		}
		lv := &l.levels[v]
		price := lv.price
		if !l.crosses(price, limit) {
			break
		}
		if price < low || price > high {
			return causeCollar
		}
		mi := lv.head
		maker := &e.orders[mi]
		if maker.acct == o.acct && r.self != selfNone {
			if why := e.selfTrade(m, i, mi); why != 0 {
				return why
			}
			continue
		}
		lots := maker.remaining
		if maker.flags&flagIceberg != 0 {
			lots = e.visible(maker)
		}
		if byBudget {
			lots = min(lots, (budget-r.took)/(price*m.unit))
			if lots == 0 {
				return causeBudget
			}
		} else {
			lots = min(lots, o.remaining)
		}
		if m.limits.PausePPM != 0 && m.pauses(price, m.pauseReference()) {
			e.pause(m)
			return causePaused
		}
		if (maker.flags|o.flags)&flagPair != 0 {
			e.partBefore(mi, i)
		}
		e.trade(m, mi, i, price, lots, false)
		e.taken(m, l, v, mi, lots)
	}
	switch {
	case byBudget && o.reserved == 0:
		return causeBudget
	case marketType:
		return causeMarketRemainder
	case r.tif == tifIOC || r.tif == tifFOK:
		return causeIOC
	}
	return 0
}

// partBefore ends the pairs of two orders that are about to trade.
func (e *Engine) partBefore(maker, taker uint32) {
	if e.orders[taker].flags&flagPair != 0 {
		e.otherLeg(taker)
	}
	if e.orders[maker].flags&flagPair != 0 {
		e.otherLeg(maker)
	}
}

// taken takes a maker's lots out of its queue after a fill: it ends when it has
// none left, and goes to the end of the queue when only its shown part is used
// up.
func (e *Engine) taken(m *market, l *ladder, v, mi uint32, lots int64) {
	maker := &e.orders[mi]
	lv := &l.levels[v]
	lv.lots -= lots
	if maker.remaining == 0 {
		e.unlink(l, mi)
		e.filled(m, mi)
		return
	}
	if maker.flags&flagIceberg != 0 {
		e.shown(l, v, mi, lots)
	}
}

// shown lowers an iceberg's shown part, whose level knows of it already.
func (e *Engine) shown(l *ladder, v, i uint32, lots int64) {
	o := &e.orders[i]
	t := &e.terms[o.terms]
	t.visible -= lots
	if t.visible > 0 {
		return
	}
	t.visible = min(t.display, o.remaining)
	lv := &l.levels[v]
	lv.lots += t.visible
	if lv.tail != i {
		lv.head = o.next
		e.orders[o.next].prev = 0
		o.prev, o.next = lv.tail, 0
		e.orders[lv.tail].next = i
		lv.tail = i
	}
	e.arrive(i)
}

// arrive tells that an order is now the last of its queue.
func (e *Engine) arrive(i uint32) {
	e.arrivals++
	e.orders[i].arrival = e.arrivals
	o := &e.orders[i]
	e.emitOrderRested(o.id, o.remaining, e.visible(o))
}

// settleDown puts what is left of an order into the book.
func (e *Engine) settleDown(m *market, i uint32) {
	o := &e.orders[i]
	if o.flags&flagIceberg != 0 {
		t := &e.terms[o.terms]
		t.visible = min(t.display, o.remaining)
	}
	if e.orders[i].took != 0 && o.buys() {
		e.release(m, i, e.needOf(m, i))
	}
	o.status = statusOpen
	if e.orders[i].made|e.orders[i].took != 0 {
		o.status = statusPartly
	}
	e.rest(m, i)
	e.arrive(i)
	e.mark(i)
	if o.terms != 0 {
		e.expireLater(i)
	}
}

// rest puts an order at the end of the queue at its price.
func (e *Engine) rest(m *market, i uint32) {
	orders := e.orders
	o := &orders[i]
	l := m.book(o)
	v := l.at(o.price)
	lv := &l.levels[v]
	o.level, o.prev, o.next = v, lv.tail, 0
	orders[lv.tail].next = i // slot 0 takes what nobody reads
	head := lv.head
	if lv.tail == 0 {
		head = i
	}
	lv.head, lv.tail = head, i
	lv.orders++
	lv.lots += e.visible(o)
}

// unrest takes an order out of its queue; an empty level goes.
func (e *Engine) unrest(i uint32) {
	o := &e.orders[i]
	l := e.market(o).book(o)
	l.levels[o.level].lots -= e.visible(o)
	e.unlink(l, i)
}

// unlink takes an order out of the list of its level, whose lots do not count
// it any more.
func (e *Engine) unlink(l *ladder, i uint32) {
	orders := e.orders
	o := &orders[i]
	v := o.level
	lv := &l.levels[v]
	// Where in its queue an order is no branch foretells: these are moves.
	head, tail := lv.head, lv.tail
	if o.prev == 0 {
		head = o.next
	}
	if o.next == 0 {
		tail = o.prev
	}
	lv.head, lv.tail = head, tail
	orders[o.prev].next, orders[o.next].prev = o.next, o.prev
	o.level = 0
	lv.orders--
	if lv.orders == 0 {
		l.remove(v)
	}
}

// filled ends an order that has no lots left and is in no book.
func (e *Engine) filled(m *market, i uint32) {
	o := &e.orders[i]
	o.status = statusFilled
	if o.reserved != 0 {
		e.release(m, i, 0)
	}
	e.unlist(i)
	if o.flags&flagPair != 0 {
		e.otherLeg(i)
	}
	e.bury(i)
}

// end cancels what is left of a live order that is in no book and waits for
// nothing.
func (e *Engine) end(i uint32, why cause) {
	o := &e.orders[i]
	r := &o.rest
	o.status, r.why = statusCanceled, why
	switch {
	case why == causeExpired:
		o.status = statusExpired
	case why == causeBudget && r.took > 0:
		o.status = statusFilled
	}
	e.emitOrderCanceled(o.id, why, o.remaining)
	if o.reserved != 0 {
		e.release(e.market(o), i, 0)
	}
	e.unlist(i)
	if o.flags&flagPair != 0 {
		e.otherLeg(i)
	}
	e.bury(i)
}
