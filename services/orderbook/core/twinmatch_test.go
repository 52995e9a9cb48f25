package core

import (
	"math/big"
	"sort"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

func (w *twin) lookup(account uint64, cid string) *twinOrder {
	for _, o := range w.orders {
		if o.remembered && o.body.Account == account && o.body.ClientOrderId == cid {
			return o
		}
	}
	return nil
}

func (w *twin) late() bool { return w.doubtful || w.sent < w.now-5000 }

// show is an order's state without or with the fills given.
func show(o *twinOrder, fills []*ordersv1.Fill) *ordersv1.Order {
	s := proto.Clone(o.state).(*ordersv1.Order)
	s.Fills = fills
	return s
}

func (w *twin) place(i int, c *ordersv1.NewOrder) {
	if old := w.lookup(c.Account, c.ClientOrderId); old != nil {
		if !proto.Equal(old.body, c) {
			w.refuse(i, c.Account, old.state.Id, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
			return
		}
		w.done(&ordersv1.Outcome{Reject: old.state.RejectReason, Order: show(old, old.state.Fills), RepeatedId: true})
		return
	}
	w.lastID++
	o := &twinOrder{body: c, asTaker: new(big.Int), asMkr: new(big.Int), paid: new(big.Int), state: &ordersv1.Order{
		Id: w.lastID, ClientOrderId: c.ClientOrderId, Account: c.Account, Symbol: c.Symbol, Side: c.Side, Type: c.Type,
		TimeInForce: c.TimeInForce, PriceTicks: c.PriceTicks, QuantityLots: c.QuantityLots, Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN}}
	why, kept := w.objection(o)
	if why != 0 {
		o.state.Status, o.state.RejectReason = ordersv1.OrderStatus_ORDER_STATUS_REJECTED, why
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{
			OrderId: o.state.Id, Account: c.Account, Symbol: c.Symbol, Side: c.Side, Type: c.Type, TimeInForce: c.TimeInForce,
			PriceTicks: c.PriceTicks, QuantityLots: c.QuantityLots, ClientOrderId: c.ClientOrderId, AtMs: w.now, Reason: why,
			Malformed: c.Malformed}}})
		if kept {
			w.orders = append(w.orders, o)
			w.die(o)
		}
		w.done(&ordersv1.Outcome{Reject: why, Order: show(o, nil)})
		return
	}
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{
		OrderId: o.state.Id, Account: c.Account, Symbol: c.Symbol, Side: c.Side, Type: c.Type, TimeInForce: c.TimeInForce,
		PriceTicks: c.PriceTicks, QuantityLots: c.QuantityLots, ClientOrderId: c.ClientOrderId, AtMs: w.now}}})
	fills := w.trade(o)
	w.orders = append(w.orders, o)
	w.done(&ordersv1.Outcome{Order: show(o, fills)})
}

// objection says why an order is refused, and whether its id is kept.
func (w *twin) objection(o *twinOrder) (ordersv1.RejectReason, bool) {
	c := o.body
	m := w.market(c.Symbol)
	switch {
	case w.halted:
		return ordersv1.RejectReason_REJECT_REASON_HALTED, false
	case w.late():
		return ordersv1.RejectReason_REJECT_REASON_STALE, false
	case m == nil:
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET, false
	case c.Malformed != 0:
		return c.Malformed, true
	case (c.Type == ordersv1.OrderType_ORDER_TYPE_LIMIT) != (c.PriceTicks > 0) || c.PriceTicks < 0:
		return ordersv1.RejectReason_REJECT_REASON_BAD_PRICE, true
	case c.QuantityLots <= 0:
		return ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY, true
	}
	bound := new(big.Int).Lsh(big.NewInt(1), 62)
	if new(big.Int).Mul(big.NewInt(c.QuantityLots), big.NewInt(m.Lot)).Cmp(bound) > 0 || w.worth(m, c.PriceTicks, c.QuantityLots).Cmp(bound) > 0 {
		return ordersv1.RejectReason_REJECT_REASON_OVERFLOW, true
	}
	need := w.worst(o)
	if c.Type == ordersv1.OrderType_ORDER_TYPE_MARKET && c.Side == ordersv1.Side_SIDE_BUY {
		left := c.QuantityLots
		need = new(big.Int)
		for _, mk := range w.queue(o) {
			if mk.body.Account == c.Account || left == 0 {
				break
			}
			q := min(left, mk.body.QuantityLots-mk.state.FilledLots)
			need.Add(need, w.worth(m, mk.body.PriceTicks, q))
			left -= q
		}
		need.Add(need, ceilPPM(new(big.Int).Mul(need, big.NewInt(m.TakerFeePpm))))
	}
	have := new(big.Int)
	if n := w.owned[twinKey{c.Account, w.spends(c)}]; n != nil {
		have.Sub(n, w.reserved(c.Account, w.spends(c)))
	}
	if need.Cmp(have) > 0 {
		return ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE, true
	}
	return 0, true
}

// queue is whom an order can trade with, first first.
func (w *twin) queue(o *twinOrder) []*twinOrder {
	var q []*twinOrder
	for _, x := range w.orders {
		if !x.resting || x.body.Symbol != o.body.Symbol || x.body.Side == o.body.Side {
			continue
		}
		if p := o.body.PriceTicks; p != 0 && (o.body.Side == ordersv1.Side_SIDE_BUY && x.body.PriceTicks > p ||
			o.body.Side == ordersv1.Side_SIDE_SELL && x.body.PriceTicks < p) {
			continue
		}
		q = append(q, x)
	}
	sort.SliceStable(q, func(i, j int) bool {
		if o.body.Side == ordersv1.Side_SIDE_BUY {
			return q[i].body.PriceTicks < q[j].body.PriceTicks
		}
		return q[i].body.PriceTicks > q[j].body.PriceTicks
	})
	return q
}

func (w *twin) trade(o *twinOrder) (fills []*ordersv1.Fill) {
	q := w.queue(o)
	own := false
	if o.body.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_FOK {
		can := int64(0)
		for _, mk := range q {
			if mk.body.Account == o.body.Account {
				break
			}
			can += mk.body.QuantityLots - mk.state.FilledLots
		}
		if can < o.body.QuantityLots {
			w.drop(o, ordersv1.CancelReason_CANCEL_REASON_FOK_UNFILLABLE)
			return nil
		}
	}
	for _, mk := range q {
		left := o.body.QuantityLots - o.state.FilledLots
		if left == 0 {
			break
		}
		if own = mk.body.Account == o.body.Account; own {
			break
		}
		fills = append(fills, w.match(o, mk, min(left, mk.body.QuantityLots-mk.state.FilledLots)))
	}
	switch {
	case o.state.FilledLots == o.body.QuantityLots:
		o.state.Status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
		w.die(o)
	case own:
		w.drop(o, ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE)
	case o.body.Type == ordersv1.OrderType_ORDER_TYPE_MARKET:
		w.drop(o, ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER)
	case o.body.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_IOC:
		w.drop(o, ordersv1.CancelReason_CANCEL_REASON_IOC_REMAINDER)
	default:
		o.resting, o.remembered = true, true
		if o.state.FilledLots > 0 {
			o.state.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
		}
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{
			OrderId: o.state.Id, RemainingLots: o.body.QuantityLots - o.state.FilledLots}}})
	}
	return fills
}

func (w *twin) match(o, mk *twinOrder, lots int64) *ordersv1.Fill {
	m, price := w.market(o.body.Symbol), mk.body.PriceTicks
	worth := w.worth(m, price, lots)
	goods := new(big.Int).Mul(big.NewInt(lots), big.NewInt(m.Lot))
	w.trades++
	o.asTaker.Add(o.asTaker, worth)
	mk.asMkr.Add(mk.asMkr, worth)
	fee := map[*twinOrder]int64{}
	for _, x := range []*twinOrder{o, mk} {
		owed := ceilPPM(w.weighed(x))
		fee[x] = new(big.Int).Sub(owed, x.paid).Int64()
		x.paid = owed
		x.state.FilledLots += lots
		if x.body.Side == ordersv1.Side_SIDE_BUY {
			w.own(x.body.Account, m.Base, goods)
			w.own(x.body.Account, m.Quote, new(big.Int).Neg(worth))
		} else {
			w.own(x.body.Account, m.Base, new(big.Int).Neg(goods))
			w.own(x.body.Account, m.Quote, worth)
		}
		w.own(x.body.Account, m.Quote, big.NewInt(-fee[x]))
	}
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{
		TradeId: w.trades, Symbol: m.Symbol, PriceTicks: price, QuantityLots: lots, MakerOrderId: mk.state.Id, TakerOrderId: o.state.Id,
		MakerAccount: mk.body.Account, TakerAccount: o.body.Account, TakerSide: o.body.Side, MakerFee: fee[mk], TakerFee: fee[o], AtMs: w.now}}})
	mine := &ordersv1.Fill{TradeId: w.trades, PriceTicks: price, QuantityLots: lots, Fee: fee[o]}
	theirs := &ordersv1.Fill{TradeId: w.trades, PriceTicks: price, QuantityLots: lots, Fee: fee[mk]}
	if len(o.state.Fills) < 8 {
		o.state.Fills = append(o.state.Fills, mine)
	}
	if len(mk.state.Fills) < 8 {
		mk.state.Fills = append(mk.state.Fills, theirs)
	}
	mk.state.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	if mk.state.FilledLots == mk.body.QuantityLots {
		mk.state.Status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
		w.die(mk)
	}
	return mine
}

func (w *twin) drop(o *twinOrder, why ordersv1.CancelReason) {
	o.state.Status, o.state.CancelReason = ordersv1.OrderStatus_ORDER_STATUS_CANCELED, why
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{
		OrderId: o.state.Id, Reason: why, RemainingLots: o.body.QuantityLots - o.state.FilledLots, AtMs: w.now}}})
	w.die(o)
}

func (w *twin) die(o *twinOrder) {
	o.resting, o.remembered, o.died = false, true, w.now
	w.deaths = append(w.deaths, o)
	if len(w.deaths) > w.maxDead {
		w.deaths[0].remembered, w.deaths = false, w.deaths[1:]
	}
}

func (w *twin) cancel(i int, c *ordersv1.CancelOrder) {
	switch {
	case w.halted:
		w.refuse(i, c.Account, c.OrderId, ordersv1.RejectReason_REJECT_REASON_HALTED)
		return
	case w.late():
		w.refuse(i, c.Account, c.OrderId, ordersv1.RejectReason_REJECT_REASON_STALE)
		return
	}
	var o *twinOrder
	for _, x := range w.orders {
		if x.remembered && x.body.Account == c.Account && (c.OrderId != 0 && x.state.Id == c.OrderId ||
			c.OrderId == 0 && x.body.ClientOrderId == c.ClientOrderId) {
			o = x
		}
	}
	if o == nil {
		w.refuse(i, c.Account, c.OrderId, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER)
		return
	}
	if !o.resting {
		w.refuse(i, c.Account, o.state.Id, ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE)
		w.outcomes[len(w.outcomes)-1].Order = show(o, nil)
		return
	}
	w.drop(o, ordersv1.CancelReason_CANCEL_REASON_REQUESTED)
	w.done(&ordersv1.Outcome{Order: show(o, nil)})
}
