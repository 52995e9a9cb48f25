package core

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// reach walks the opposite side as far as the order could trade now: up to its
// quantity, its limit, or the first order of the same account. It returns the
// lots and their notional, and false when that is above MaxAmount.
func (e *Engine) reach(m *market, o *order) (lots, cost int64, fits bool) {
	l := m.opposite(o)
	for k := len(l.levels) - 1; k >= 0 && lots < o.quantity; k-- {
		lv := &l.levels[k]
		if !l.crosses(lv.price, o.price) {
			break
		}
		for i := lv.head; i != none && lots < o.quantity; {
			maker := &e.orders.rows[i]
			if maker.account == o.account {
				return lots, cost, true
			}
			q := min(o.quantity-lots, maker.remaining())
			n, ok := notional(lv.price, q, m.unit)
			if !ok || n > MaxAmount-cost {
				return lots, cost, false
			}
			lots, cost = lots+q, cost+n
			i = maker.next
		}
	}
	return lots, cost, true
}

// reserve moves an amount from available to the order's reservation. Only a
// market buy that meets an empty book reserves nothing.
func (e *Engine) reserve(m *market, o *order, amount int64) {
	if amount == 0 {
		return
	}
	b := e.touch(e.balanceOf(o.acct, m.spends(o)))
	b.available -= amount
	b.reserved += amount
	o.reserved = amount
}

// release gives what is left of an order's reservation back.
func (e *Engine) release(m *market, o *order) {
	if o.reserved == 0 {
		return
	}
	b := e.touch(e.balanceOf(o.acct, m.spends(o)))
	b.available += o.reserved
	b.reserved -= o.reserved
	o.reserved = 0
}

// spends is the asset that an order pays with.
func (m *market) spends(o *order) int32 {
	if o.buys() {
		return m.quote
	}
	return m.base
}

// run matches an accepted order and then rests or ends it.
func (e *Engine) run(m *market, i int32) {
	e.tookFills = e.tookFills[:0]
	taker := &e.orders.rows[i]
	fok := taker.tif == uint8(ordersv1.TimeInForce_TIME_IN_FORCE_FOK)
	if fok {
		if lots, _, fits := e.reach(m, taker); lots < taker.quantity || !fits {
			e.end(m, i, ordersv1.CancelReason_CANCEL_REASON_FOK_UNFILLABLE)
			return
		}
	}
	met := false
	for l := m.opposite(taker); taker.remaining() > 0; {
		lv := l.best()
		if lv == nil || !l.crosses(lv.price, taker.price) {
			break
		}
		if met = e.orders.rows[lv.head].account == taker.account; met {
			break
		}
		e.fill(m, taker, lv)
	}
	switch {
	case taker.remaining() == 0:
		taker.status = uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
		e.release(m, taker)
		e.bury(i)
	case met:
		e.end(m, i, ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE)
	case taker.kind == uint8(ordersv1.OrderType_ORDER_TYPE_MARKET):
		e.end(m, i, ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER)
	case taker.tif == uint8(ordersv1.TimeInForce_TIME_IN_FORCE_IOC):
		e.end(m, i, ordersv1.CancelReason_CANCEL_REASON_IOC_REMAINDER)
	default:
		if taker.filled > 0 {
			taker.status = uint8(ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED)
		}
		e.rest(i)
		e.emitOrderRested(taker.id, taker.remaining())
		e.enroll(taker)
	}
}

// end cancels the rest of an order that is not in the digest and not in its
// book, or no longer.
func (e *Engine) end(m *market, i int32, why ordersv1.CancelReason) {
	o := &e.orders.rows[i]
	o.status, o.cancel = uint8(ordersv1.OrderStatus_ORDER_STATUS_CANCELED), uint8(why)
	e.emitOrderCanceled(o.id, why, o.remaining())
	e.release(m, o)
	e.bury(i)
}

// fill trades the taker with the oldest order of a level, at its price.
func (e *Engine) fill(m *market, taker *order, lv *level) {
	mi := lv.head
	maker := &e.orders.rows[mi]
	e.withdraw(maker)
	lots, price := min(taker.remaining(), maker.remaining()), lv.price
	paid := price * lots * m.unit // below both notionals, which were checked
	e.tradeID++

	taker.takerNotional += paid
	maker.makerNotional += paid
	taker.filled += lots
	maker.filled += lots
	takerFee, makerFee := m.charge(taker), m.charge(maker)
	e.assets[m.quote].fees += takerFee + makerFee
	buyer, seller, buyerFee, sellerFee := taker, maker, takerFee, makerFee
	if !taker.buys() {
		buyer, seller, buyerFee, sellerFee = maker, taker, makerFee, takerFee
	}
	e.settleBuyer(m, buyer, paid+buyerFee, lots*m.lot)
	e.settleSeller(m, seller, paid-sellerFee, lots*m.lot)

	e.emitTrade(m.symbol, price, lots, maker, taker, makerFee, takerFee)
	f := keptFill{tradeID: e.tradeID, price: price, quantity: lots, fee: takerFee}
	if len(e.tookFills) < maxFillsAnswered {
		e.tookFills = append(e.tookFills, f)
	}
	e.keepFill(taker, f)
	f.fee = makerFee
	e.keepFill(maker, f)

	lv.lots -= lots
	if maker.remaining() > 0 {
		maker.status = uint8(ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED)
		e.enroll(maker)
		return
	}
	maker.status = uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	e.release(m, maker)
	e.unrest(mi)
	e.bury(mi)
}

// charge brings an order's fees up to date after a fill and returns the
// difference: the total is rounded up once, so that fees of many small fills
// add up to the fee of one large fill, and never beyond the reservation.
func (m *market) charge(o *order) int64 {
	total := m.owed(o).ceil()
	fee := total - o.feePaid
	o.feePaid = total
	return fee
}

func (m *market) owed(o *order) feeBase {
	return feeBase{}.plus(m.takerPPM, o.takerNotional).plus(m.makerPPM, o.makerNotional)
}

// settleBuyer captures a fill's cost from the reservation and gives back what
// a better price saved: what stays reserved is what the rest can still cost.
func (e *Engine) settleBuyer(m *market, o *order, cost, got int64) {
	keep := o.reserved - cost
	if o.price != 0 {
		rest := o.price * o.remaining() * m.unit
		keep = rest + m.owed(o).plus(m.maxPPM(), rest).ceil() - o.feePaid
	}
	quote, base := e.balanceOf(o.acct, m.quote), e.balanceOf(o.acct, m.base)
	b := e.touch(quote)
	b.available += o.reserved - cost - keep
	b.reserved -= o.reserved - keep
	o.reserved = keep
	e.touch(base).available += got
}

// settleSeller captures the goods and pays for them.
func (e *Engine) settleSeller(m *market, o *order, proceeds, gave int64) {
	quote, base := e.balanceOf(o.acct, m.quote), e.balanceOf(o.acct, m.base)
	e.touch(base).reserved -= gave
	o.reserved -= gave
	e.touch(quote).available += proceeds
}

// cancel ends a resting order at its owner's wish.
func (e *Engine) cancel(index int, c *ordersv1.CancelOrder) reason {
	if r := e.barred(ordersv1.FromAPI); r != ok {
		return e.refuse(index, c.Account, c.OrderId, r)
	}
	if c.Account == 0 {
		return e.refuse(index, 0, c.OrderId, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT)
	}
	if e.stale() {
		return e.refuse(index, c.Account, c.OrderId, ordersv1.RejectReason_REJECT_REASON_STALE)
	}
	i, found := e.byID[c.OrderId]
	if c.OrderId == 0 {
		i, found = e.byClient[clientKey{c.Account, c.ClientOrderId}]
	}
	if !found || e.orders.rows[i].account != c.Account {
		return e.refuse(index, c.Account, c.OrderId, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER)
	}
	o := &e.orders.rows[i]
	if !o.isLive() {
		r := ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE
		e.emitCommandRejected(index, c.Account, o.id, r)
		e.answer(i, r, false, nil)
		return r
	}
	e.withdraw(o)
	e.unrest(i)
	e.end(&e.markets[o.market], i, ordersv1.CancelReason_CANCEL_REASON_REQUESTED)
	e.answer(i, ok, false, nil)
	return ok
}
