package core

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// newOrder takes an order in: a known client id gets its first answer; else
// the order is refused, or accepted, matched, and rested or ended.
func (e *Engine) newOrder(index int, c *ordersv1.NewOrder) reason {
	mi, known := e.marketIndex[c.Symbol]
	if !known {
		mi = none
	}
	if i, again := e.byClient[clientKey{c.Account, c.ClientOrderId}]; again {
		return e.repeat(index, i, mi, c)
	}
	if r := e.screen(c, known); r != ok {
		return e.turnAway(c, r)
	}
	m := &e.markets[mi]
	e.orderID++
	o := order{
		id: e.orderID, account: c.Account, price: c.PriceTicks, quantity: c.QuantityLots,
		market: mi, acct: none, side: small(c.Side), kind: small(c.Type), tif: small(c.TimeInForce),
		malformed: small(c.Malformed), status: uint8(ordersv1.OrderStatus_ORDER_STATUS_OPEN),
	}
	if a, found := e.accountIndex[c.Account]; found {
		o.acct = a
	}
	reserve, r := e.reservation(m, &o)
	if r != ok {
		o.status, o.reject = uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED), uint8(r)
		i := e.remember(o, c.ClientOrderId)
		e.emitOrder(kindOrderRejected, &e.orders.rows[i], m.symbol, c.ClientOrderId)
		e.bury(i)
		e.answer(i, r, false, nil)
		return r
	}
	i := e.remember(o, c.ClientOrderId)
	e.emitOrder(kindOrderAccepted, &e.orders.rows[i], m.symbol, c.ClientOrderId)
	e.reserve(m, &e.orders.rows[i], reserve)
	e.run(m, i)
	e.answer(i, ok, false, e.tookFills)
	return ok
}

// repeat answers a client id that is taken: the same body gets the order as it
// is now, another body is a conflict and makes no order.
func (e *Engine) repeat(index int, i, mi int32, c *ordersv1.NewOrder) reason {
	o := &e.orders.rows[i]
	if o.market != mi || o.side != small(c.Side) || o.kind != small(c.Type) || o.tif != small(c.TimeInForce) ||
		o.price != c.PriceTicks || o.quantity != c.QuantityLots || o.malformed != small(c.Malformed) {
		return e.refuse(index, c.Account, o.id, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
	}
	e.tookFills = e.tookFills[:0]
	for f := o.fills; f != none; f = e.fillSlab[f].next {
		e.tookFills = append(e.tookFills, e.fillSlab[f])
	}
	e.answer(i, reason(o.reject), true, e.tookFills)
	return ok
}

// screen finds what makes a command no order at all, or not now. Such a refusal
// is not remembered under the client id: the same command may pass later.
func (e *Engine) screen(c *ordersv1.NewOrder, marketKnown bool) reason {
	if r := e.barred(ordersv1.FromAPI); r != ok {
		return r
	}
	switch {
	case c.Account == 0:
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT
	case !printable(c.ClientOrderId, MaxClientID):
		return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	case e.stale():
		return ordersv1.RejectReason_REJECT_REASON_STALE
	case c.Side != ordersv1.Side_SIDE_BUY && c.Side != ordersv1.Side_SIDE_SELL:
		return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	case !marketKnown, c.Malformed == ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET:
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
	}
	switch c.Malformed {
	case ok, ordersv1.RejectReason_REJECT_REASON_BAD_TICK, ordersv1.RejectReason_REJECT_REASON_BAD_LOT,
		ordersv1.RejectReason_REJECT_REASON_BAD_PRICE, ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY,
		ordersv1.RejectReason_REJECT_REASON_OVERFLOW:
	default:
		return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	}
	switch c.TimeInForce {
	case ordersv1.TimeInForce_TIME_IN_FORCE_GTC, ordersv1.TimeInForce_TIME_IN_FORCE_IOC, ordersv1.TimeInForce_TIME_IN_FORCE_FOK:
	case ordersv1.TimeInForce_TIME_IN_FORCE_UNSPECIFIED:
		if c.Type != ordersv1.OrderType_ORDER_TYPE_MARKET {
			return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
		}
	default:
		return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	}
	if c.Type != ordersv1.OrderType_ORDER_TYPE_LIMIT && c.Type != ordersv1.OrderType_ORDER_TYPE_MARKET {
		return ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	}
	return ok
}

// reservation checks an order's terms and returns what it must set aside: the
// base when selling; when buying the notional at its limit and the highest fee
// on it; for a market buy what the book asks for it now, fee included.
func (e *Engine) reservation(m *market, o *order) (int64, reason) {
	isLimit := o.kind == uint8(ordersv1.OrderType_ORDER_TYPE_LIMIT)
	switch {
	case o.malformed != 0:
		return 0, reason(o.malformed)
	case isLimit && o.price <= 0, !isLimit && o.price != 0:
		return 0, ordersv1.RejectReason_REJECT_REASON_BAD_PRICE
	case o.quantity <= 0:
		return 0, ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	base, fits := mulAmount(o.quantity, m.lot)
	if !fits {
		return 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW
	}
	var cost int64
	if isLimit {
		if cost, fits = notional(o.price, o.quantity, m.unit); !fits {
			return 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW
		}
	}
	need, spends := base, m.base
	if o.buys() {
		spends = m.quote
		if isLimit {
			need = cost + feeBase{}.plus(m.maxPPM(), cost).ceil()
		} else {
			if _, cost, fits = e.reach(m, o); !fits {
				return 0, ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE
			}
			need = cost + feeBase{}.plus(m.takerPPM, cost).ceil()
		}
	}
	if need > e.available(o.acct, spends) {
		return 0, ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE
	}
	return need, ok
}

// turnAway refuses a new order that is not remembered. It has an id all the
// same, so that the refusal can be asked for.
func (e *Engine) turnAway(c *ordersv1.NewOrder, r reason) reason {
	e.orderID++
	o := order{
		id: e.orderID, account: c.Account, price: c.PriceTicks, quantity: c.QuantityLots,
		side: small(c.Side), kind: small(c.Type), tif: small(c.TimeInForce),
		malformed: small(c.Malformed), status: uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED), reject: uint8(r),
	}
	symbol, clientID := c.Symbol, c.ClientOrderId
	if !printable(symbol, MaxSymbol) {
		symbol = ""
	}
	if !printable(clientID, MaxClientID) {
		clientID = ""
	}
	e.emitOrder(kindOrderRejected, &o, symbol, clientID)
	e.reply.order(&o, symbol, clientID, r, false, nil)
	return r
}

func (e *Engine) answer(i int32, r reason, repeated bool, fills []keptFill) {
	if e.reply == nil {
		return
	}
	o := &e.orders.rows[i]
	e.reply.order(o, e.markets[o.market].symbol, e.orders.clientIDs[i], r, repeated, fills)
}

// small keeps an enum in a byte; a value that no version knows becomes 255,
// which none has, so it is never taken for another.
func small[E ~int32](v E) uint8 {
	if v < 0 || v > 255 {
		return 255
	}
	return uint8(v)
}
