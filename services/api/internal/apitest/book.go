package apitest

import (
	"fmt"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

const atMS = 1700000000123

func cidKey(account uint64, cid string) string { return fmt.Sprint(account, "/", cid) }

func refused(why ordersv1.RejectReason) *ordersv1.Outcome { return &ordersv1.Outcome{Reject: why} }

// command carries out one command.
func (e *Engine) command(c *ordersv1.Command) (*ordersv1.Outcome, []*tradesv1.Event) {
	switch k := c.GetOp().(type) {
	case *ordersv1.Command_NewOrder:
		return e.place(k.NewOrder)
	case *ordersv1.Command_Cancel:
		o, why := e.named(k.Cancel)
		if why != 0 {
			return refused(why), nil
		}
		ev := e.cancel(o, ordersv1.CancelReason_CANCEL_REASON_REQUESTED)
		return o.outcome(), []*tradesv1.Event{ev}
	case *ordersv1.Command_Amend:
		return e.amend(k.Amend)
	case *ordersv1.Command_Replace:
		old, why := e.named(k.Replace.GetCancel())
		if why != 0 {
			return refused(why), nil
		}
		ev := e.cancel(old, ordersv1.CancelReason_CANCEL_REASON_REPLACED)
		out, events := e.place(k.Replace.GetNewOrder())
		return out, append([]*tradesv1.Event{ev}, events...)
	case *ordersv1.Command_NewPair:
		first, events := e.place(k.NewPair.GetFirst())
		second, more := e.place(k.NewPair.GetSecond())
		if len(more) > 0 && more[0].GetOrderAccepted() != nil {
			more[0].GetOrderAccepted().Terms.OtherLeg = first.GetOrderId()
		}
		first.SecondOrderId = second.GetOrderId()
		return first, append(events, more...)
	case *ordersv1.Command_CancelAll:
		out := &ordersv1.Outcome{}
		var events []*tradesv1.Event
		for id := uint64(1); id <= e.ids; id++ {
			o, a := e.orders[id], k.CancelAll
			if o.open() && o.GetAccount() == a.GetAccount() && (a.GetMarket() == 0 || a.GetMarket() == o.GetMarket()) && (a.GetSide() == 0 || a.GetSide() == o.GetSide()) {
				events = append(events, e.cancel(o, ordersv1.CancelReason_CANCEL_REASON_REQUESTED))
				out.Canceled++
			}
		}
		return out, events
	case *ordersv1.Command_KeepAlive:
		return &ordersv1.Outcome{}, []*tradesv1.Event{{Kind: &tradesv1.Event_KeptAlive{KeptAlive: &tradesv1.KeptAlive{Account: k.KeepAlive.GetAccount(), DeadlineMs: atMS + k.KeepAlive.GetTimeoutMs()}}}}
	}
	return refused(ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND), nil
}

func (e *Engine) named(c *ordersv1.CancelOrder) (*held, ordersv1.RejectReason) {
	id := c.GetOrderId()
	if c.GetClientOrderId() != "" {
		id = e.cids[cidKey(c.GetAccount(), c.GetClientOrderId())]
	}
	if ref := c.GetClientRef(); ref != 0 {
		id = e.cids[cidKey(c.GetAccount(), fmt.Sprint("#", ref))]
	}
	switch o := e.orders[id]; {
	case o == nil || o.GetAccount() != c.GetAccount():
		return nil, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER
	case !o.open():
		return nil, ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE
	default:
		return o, 0
	}
}

func (e *Engine) cancel(o *held, why ordersv1.CancelReason) *tradesv1.Event {
	left := o.left
	o.status, o.cancel, o.left = ordersv1.OrderStatus_ORDER_STATUS_CANCELED, why, 0
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: uint64(o.id), Reason: uint32(why), RemainingLots: uint64(left), AtMs: atMS}}}
}

func (e *Engine) amend(a *ordersv1.AmendOrder) (*ordersv1.Outcome, []*tradesv1.Event) {
	o, why := e.named(&ordersv1.CancelOrder{Account: a.GetAccount(), OrderId: a.GetOrderId(), ClientOrderId: a.GetClientOrderId(), ClientRef: a.GetClientRef()})
	if why == 0 {
		why = a.GetMalformed()
	}
	if q := a.GetQuantityLots(); why == 0 && q != 0 && q <= o.filled {
		why = ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if why != 0 {
		return refused(why), nil
	}
	kept := a.GetPriceTicks() == 0 || a.GetPriceTicks() == o.GetPriceTicks()
	if a.GetPriceTicks() != 0 {
		o.PriceTicks = a.GetPriceTicks()
	}
	if q := a.GetQuantityLots(); q != 0 {
		kept = kept && q <= o.QuantityLots
		o.left += q - o.QuantityLots
		o.QuantityLots = q
	}
	amended := &tradesv1.OrderAmended{OrderId: uint64(o.id), PriceTicks: uint64(o.PriceTicks), QuantityLots: uint64(o.QuantityLots), RemainingLots: uint64(o.left), AtMs: atMS, KeptPlace: kept}
	events := []*tradesv1.Event{{Kind: &tradesv1.Event_OrderAmended{OrderAmended: amended}}}
	if kept {
		amended.VisibleLots = uint64(o.left)
		return o.outcome(), events
	}
	fills, more := e.match(o)
	out := o.outcome()
	out.Fills = fills
	return out, append(events, more...)
}

func (e *Engine) place(n *ordersv1.NewOrder) (*ordersv1.Outcome, []*tradesv1.Event) {
	key := cidKey(n.GetAccount(), n.GetClientOrderId())
	if n.GetClientRef() != 0 {
		key = cidKey(n.GetAccount(), fmt.Sprint("#", n.GetClientRef()))
	}
	if id, ok := e.cids[key]; ok {
		o := e.orders[id]
		if o.GetPriceTicks() == n.GetPriceTicks() && o.GetQuantityLots() == n.GetQuantityLots() && o.GetSide() == n.GetSide() {
			out := o.outcome()
			out.RepeatedId = true
			return out, nil
		}
		return refused(ordersv1.RejectReason_REJECT_REASON_CONFLICT), nil
	}
	e.ids++
	o := &held{NewOrder: n, id: int64(e.ids), left: n.GetQuantityLots(), status: ordersv1.OrderStatus_ORDER_STATUS_OPEN}
	e.orders[e.ids], e.cids[key] = o, e.ids
	why := n.GetMalformed()
	if why == 0 && n.GetQuantityLots() <= 0 && n.GetQuoteBudget() <= 0 {
		why = ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if why != 0 {
		o.status, o.reject, o.left = ordersv1.OrderStatus_ORDER_STATUS_REJECTED, why, 0
		return o.outcome(), []*tradesv1.Event{{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{OrderId: uint64(o.id), Order: n, AtMs: atMS, Reason: why}}}}
	}
	accepted := &tradesv1.OrderAccepted{OrderId: uint64(o.id), Account: n.GetAccount(), Market: n.GetMarket(), PriceTicks: uint64(n.GetPriceTicks()), QuantityLots: uint64(n.GetQuantityLots()),
		Kind: uint32(n.GetSide()) | uint32(n.GetType())<<8 | uint32(n.GetTimeInForce())<<16 | uint32(n.GetSelfTrade())<<24, AtMs: atMS, ClientRef: n.GetClientRef(), ClientOrderId: n.GetClientOrderId(),
		Terms: &tradesv1.OrderTerms{QuoteBudget: n.GetQuoteBudget(), ProtectionTicks: n.GetProtectionTicks(), TriggerTicks: n.GetTriggerTicks(), TrailTicks: n.GetTrailTicks(), DisplayLots: n.GetDisplayLots(),
			MinLots: n.GetMinLots(), PostOnly: n.GetPostOnly(), ExpiresAtMs: n.GetExpiresAtMs()}}
	events := []*tradesv1.Event{{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: accepted}}}
	if n.GetTriggerTicks() != 0 || n.GetTrailTicks() != 0 {
		o.status = ordersv1.OrderStatus_ORDER_STATUS_WAITING
		return o.outcome(), events
	}
	fills, more := e.match(o)
	out := o.outcome()
	out.Fills = fills
	return out, append(events, more...)
}

// match trades with what rests at the order's price, then rests or cancels it.
func (e *Engine) match(o *held) (fills []*ordersv1.Fill, events []*tradesv1.Event) {
	limit := o.GetType() == ordersv1.OrderType_ORDER_TYPE_LIMIT
	for id := uint64(1); id <= e.ids && o.left > 0; id++ {
		m := e.orders[id]
		if m == o || !m.resting() || m.GetMarket() != o.GetMarket() || m.GetSide() == o.GetSide() || m.GetAccount() == o.GetAccount() || (limit && m.GetPriceTicks() != o.GetPriceTicks()) {
			continue
		}
		lots := min(o.left, m.left)
		e.trades++
		for _, x := range []*held{m, o} {
			x.filled += lots
			x.left -= lots
			x.status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
			if x.left == 0 {
				x.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
			}
		}
		fills = append(fills, &ordersv1.Fill{TradeId: e.trades, PriceTicks: uint64(m.GetPriceTicks()), QuantityLots: uint64(lots), Fee: 2})
		events = append(events, &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: e.trades, Market: o.GetMarket(), PriceTicks: uint64(m.GetPriceTicks()), QuantityLots: uint64(lots),
			MakerOrderId: uint64(m.id), TakerOrderId: uint64(o.id), MakerAccount: m.GetAccount(), TakerAccount: o.GetAccount(), TakerSide: uint32(o.GetSide()), MakerFee: 1, TakerFee: 2, AtMs: atMS}}})
	}
	switch {
	case o.left == 0:
	case !limit || o.GetTimeInForce() == ordersv1.TimeInForce_TIME_IN_FORCE_IOC || o.GetTimeInForce() == ordersv1.TimeInForce_TIME_IN_FORCE_FOK:
		events = append(events, e.cancel(o, ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER))
	default:
		shown := o.left
		if d := o.GetDisplayLots(); d > 0 {
			shown = min(d, shown)
		}
		events = append(events, &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: uint64(o.id), RemainingLots: uint64(o.left), VisibleLots: uint64(shown)}}})
	}
	return fills, events
}

// Setup are the events that make the test market and give accounts 1 and 2 money.
func Setup() []*tradesv1.Event {
	return []*tradesv1.Event{
		{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: "USD", Scale: 2, Asset: 1}}},
		{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: "WINE18", Scale: 0, Asset: 2}}},
		{Kind: &tradesv1.Event_MarketAdded{MarketAdded: &tradesv1.MarketAdded{Market: 1, Terms: &ordersv1.AddMarket{Symbol: "WINE18-USD", Base: "WINE18", Quote: "USD", Tick: 5, Lot: 2}}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 1, Asset: 1, Available: 100000, Reserved: 50}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 2, Asset: 2, Available: 500}}},
	}
}
