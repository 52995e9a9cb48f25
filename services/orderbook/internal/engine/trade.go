package engine

// trade lets two orders trade lots at a price: money and goods change hands,
// fees are taken, both lose the lots. Queues and the ends of orders are the
// caller's. In an auction both pay the maker's rate.
func (e *Engine) trade(m *market, mi, ti uint32, price, lots int64, auction bool) {
	maker, taker := &e.orders[mi], &e.orders[ti]
	mr, tr := &e.rests[mi], &e.rests[ti]
	paid := price * lots * m.unit // below both notionals, which were checked
	e.tradeID++
	makerFee, takerFee := -m.owed(mr).ceil(), -m.owed(tr).ceil()
	mr.made += paid
	if auction {
		tr.made += paid
	} else {
		tr.took += paid
	}
	// Fees are rounded up once over all fills of an order, so that many small
	// fills pay what one large fill would, and never more than was reserved.
	makerFee += m.owed(mr).ceil()
	takerFee += m.owed(tr).ceil()
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
	e.touchQuote(o.acct, m).reserved -= cost
	e.touchBase(o.acct, m).available += goods
}

// sold captures the goods and pays for them.
func (e *Engine) sold(m *market, i uint32, proceeds, goods int64) {
	o := &e.orders[i]
	o.reserved -= goods
	e.touchBase(o.acct, m).reserved -= goods
	e.touchQuote(o.acct, m).available += proceeds
}
