package trade

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Order is a row of trade.orders. Enums are the numbers of orders.v1.
type Order struct {
	ID            uint64
	Account       uint64
	ClientOrderID string // empty: none
	ClientRef     uint64 // 0: none
	Market        uint32
	Side          ordersv1.Side
	Type          ordersv1.OrderType
	TimeInForce   ordersv1.TimeInForce
	SelfTrade     ordersv1.SelfTrade
	PriceTicks    int64
	QuantityLots  int64
	FilledLots    int64
	Remaining     int64 // open lots, hidden included; 0 once it has ended
	Visible       int64 // of these, what the book shows; 0 unless it rests
	Decremented   int64 // lots that self-trade prevention took
	Status        ordersv1.OrderStatus
	RejectReason  ordersv1.RejectReason
	CancelReason  ordersv1.CancelReason
	Resting       bool
	Triggered     bool
	QueueSeq      uint64 // event_seq of its last OrderRested: the order of a queue
	QuoteBudget   int64
	Protection    int64
	Trigger       int64
	Trail         int64
	Display       int64
	MinLots       int64
	PostOnly      bool
	ExpiresMs     int64
	OtherLeg      uint64
	CreatedMs     int64
	UpdatedMs     int64
	EventSeq      uint64

	// Made says that the batch at hand made it: it is not in the database yet.
	Made bool
	// Lived says that it was Alive before the batch.
	Lived bool
}

// waits reports a type that waits for its trigger.
func waits(t ordersv1.OrderType) bool { return t >= ordersv1.OrderType_ORDER_TYPE_STOP }

func accepted(o *Order, seq uint64, a *tradesv1.OrderAccepted) {
	kind := a.GetKind()
	*o = Order{
		ID: a.GetOrderId(), Account: a.GetAccount(), ClientOrderID: a.GetClientOrderId(), ClientRef: a.GetClientRef(), Market: a.GetMarket(),
		Side: ordersv1.Side(kind & 0xff), Type: ordersv1.OrderType(kind >> 8 & 0xff),
		TimeInForce: ordersv1.TimeInForce(kind >> 16 & 0xff), SelfTrade: ordersv1.SelfTrade(kind >> 24),
		PriceTicks: int64(a.GetPriceTicks()), QuantityLots: int64(a.GetQuantityLots()), Remaining: int64(a.GetQuantityLots()),
		Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN, CreatedMs: int64(a.GetAtMs()), UpdatedMs: int64(a.GetAtMs()), EventSeq: seq,
	}
	if waits(o.Type) {
		o.Status = ordersv1.OrderStatus_ORDER_STATUS_WAITING
	}
	if t := a.GetTerms(); t != nil {
		o.QuoteBudget, o.Protection, o.Trigger, o.Trail = t.GetQuoteBudget(), t.GetProtectionTicks(), t.GetTriggerTicks(), t.GetTrailTicks()
		o.Display, o.MinLots, o.PostOnly, o.ExpiresMs, o.OtherLeg = t.GetDisplayLots(), t.GetMinLots(), t.GetPostOnly(), t.GetExpiresAtMs(), t.GetOtherLeg()
	}
}

func rejected(o *Order, seq uint64, r *tradesv1.OrderRejected) {
	n := r.GetOrder()
	*o = Order{
		ID: r.GetOrderId(), Account: n.GetAccount(), ClientOrderID: n.GetClientOrderId(), ClientRef: n.GetClientRef(), Market: n.GetMarket(),
		Side: n.GetSide(), Type: n.GetType(), TimeInForce: n.GetTimeInForce(), SelfTrade: n.GetSelfTrade(),
		PriceTicks: n.GetPriceTicks(), QuantityLots: n.GetQuantityLots(), QuoteBudget: n.GetQuoteBudget(), Protection: n.GetProtectionTicks(),
		Trigger: n.GetTriggerTicks(), Trail: n.GetTrailTicks(), Display: n.GetDisplayLots(), MinLots: n.GetMinLots(), PostOnly: n.GetPostOnly(),
		ExpiresMs: n.GetExpiresAtMs(), Status: ordersv1.OrderStatus_ORDER_STATUS_REJECTED, RejectReason: r.GetReason(),
		CreatedMs: r.GetAtMs(), UpdatedMs: r.GetAtMs(), EventSeq: seq,
	}
}

// rest puts the order at the end of its queue.
func (o *Order) rest(seq uint64, e *tradesv1.OrderRested) {
	o.Remaining, o.Visible, o.Resting, o.QueueSeq = int64(e.GetRemainingLots()), int64(e.GetVisibleLots()), true, seq
	if o.Status = ordersv1.OrderStatus_ORDER_STATUS_OPEN; o.FilledLots > 0 {
		o.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	}
}

// fill takes lots; auction fills take hidden ones too, and what is left shows
// again at once.
func (o *Order) fill(lots int64, auction bool) {
	o.FilledLots += lots
	o.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	if o.QuantityLots == 0 {
		return // a budget: only its OrderCanceled says that it ended
	}
	o.Remaining -= lots
	if o.Resting {
		o.Visible -= lots
		if auction {
			o.Visible = o.Remaining
			if o.Display > 0 {
				o.Visible = min(o.Display, o.Remaining)
			}
		}
	}
	if o.Remaining <= 0 {
		o.end(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	}
}

func (o *Order) cancel(why ordersv1.CancelReason) {
	o.CancelReason = why
	switch {
	case why == ordersv1.CancelReason_CANCEL_REASON_EXPIRED:
		o.end(ordersv1.OrderStatus_ORDER_STATUS_EXPIRED)
	case why == ordersv1.CancelReason_CANCEL_REASON_BUDGET && o.FilledLots > 0:
		o.end(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	default:
		o.end(ordersv1.OrderStatus_ORDER_STATUS_CANCELED)
	}
}

func (o *Order) end(s ordersv1.OrderStatus) {
	o.Status, o.Resting, o.Remaining, o.Visible = s, false, 0, 0
}

// amend takes new terms over; unless the order kept its place it is out of the
// book until the OrderRested that follows.
func (o *Order) amend(e *tradesv1.OrderAmended) {
	o.PriceTicks, o.QuantityLots = int64(e.GetPriceTicks()), int64(e.GetQuantityLots())
	o.Remaining, o.Visible = int64(e.GetRemainingLots()), int64(e.GetVisibleLots())
	if !e.GetKeptPlace() {
		o.Resting, o.Visible = false, 0
	}
}
