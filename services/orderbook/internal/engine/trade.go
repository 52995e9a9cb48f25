package engine

// trade lets two orders trade lots at a price: money and goods change hands,
// fees are taken, both lose the lots. Queues and the ends of orders are the
// caller's. In an auction both pay the maker's rate.
func (e *Engine) trade(m *market, mi, ti uint32, price, lots int64, auction bool) {
	maker, taker := &e.orders[mi], &e.orders[ti]
	mr, tr := &e.orders[mi].rest, &e.orders[ti].rest
	paid := price * lots * m.unit // below both notionals, which were checked
	e.tradeID++
	// Fees are rounded up once over all fills of an order, so that many small
	// fills pay what one large fill would, and never more than was reserved.
	makerOwed, takerOwed, takerPPM := m.owed(mr), m.owed(tr), m.takerPPM
	mr.made += paid
	if auction {
		takerPPM = m.makerPPM
		tr.made += paid
	} else {
		tr.took += paid
	}
	makerFee := makerOwed.plus(m.makerPPM, paid).ceil() - makerOwed.ceil()
	takerFee := takerOwed.plus(takerPPM, paid).ceil() - takerOwed.ceil()
	maker.remaining -= lots
	if taker.flags&flagBudget == 0 {
		taker.remaining -= lots
	} else {
		e.terms[taker.terms].bought += lots
	}
	maker.status, taker.status = statusPartly, statusPartly
	e.mark(mi)
	e.mark(ti)
	e.assets[m.quote-1].fees += makerFee + takerFee
	goods := lots * m.lot
	if taker.buys() {
		e.pay(m, ti, paid+takerFee, goods)
		e.sold(m, mi, paid-makerFee, goods)
	} else {
		e.sold(m, ti, paid-takerFee, goods)
		e.pay(m, mi, paid+makerFee, goods)
	}
	// A purchase that rests keeps what its rest can cost; one that takes is
	// looked at when it is done.
	if maker.buys() {
		e.release(m, mi, e.needOf(m, mi))
	} else if auction {
		e.release(m, ti, e.needOf(m, ti))
	}
	if m.last != price {
		m.last = price
		e.markMarket(m)
	}
	if m.pauseRef == 0 && m.phase == phaseContinuous {
		m.pauseRef = price
		e.markMarket(m)
	}
	e.emitTrade(m, price, lots, maker, taker, makerFee, takerFee, auction)
	if e.reply != nil && (ti == e.answer.slot || mi == e.answer.slot) {
		e.noteFill(price, lots, mi, makerFee, takerFee)
	}
}

// owed is what an order's fills so far cost in fees, not rounded.
func (m *market) owed(r *rest) feeBase {
	return feeBase{}.plus(m.takerPPM, r.took).plus(m.makerPPM, r.made)
}

// pay captures a purchase's cost from its reservation and hands it the goods.
func (e *Engine) pay(m *market, i uint32, cost, goods int64) {
	o := &e.orders[i]
	o.reserved -= cost
	a := e.purse(o.acct, m)
	if quote, base := a.held[0], a.held[1]; quote != 0 && base != 0 {
		e.touchSlot(quote).reserved -= cost
		e.touchSlot(base).available += goods
		return
	}
	e.touch(o.acct, m.quote).reserved -= cost
	e.touch(o.acct, m.base).available += goods
}

// sold captures the goods and pays for them.
func (e *Engine) sold(m *market, i uint32, proceeds, goods int64) {
	o := &e.orders[i]
	o.reserved -= goods
	a := e.purse(o.acct, m)
	if quote, base := a.held[0], a.held[1]; quote != 0 && base != 0 {
		e.touchSlot(base).reserved -= goods
		e.touchSlot(quote).available += proceeds
		return
	}
	e.touch(o.acct, m.base).reserved -= goods
	e.touch(o.acct, m.quote).available += proceeds
}
