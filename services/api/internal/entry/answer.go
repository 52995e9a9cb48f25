package entry

import (
	"strconv"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/reject"
	"fondaco.dev/services/api/internal/shape"
)

// Refused says whether the engine's answer is an error: it refused, and there
// is no rejected order to show.
func Refused(c *command.Command, o *command.Outcome) bool {
	switch o.Reject {
	case 0:
		return false
	case ordersv1.RejectReason_REJECT_REASON_CONFLICT, ordersv1.RejectReason_REJECT_REASON_DUPLICATE:
		return true
	}
	return o.OrderID == 0 || (c.Op != command.Place && c.Op != command.Pair)
}

// AppendResult writes what became of one command of many, as JSON:
//
//	{"id":7,"client_order_id":"a","status":"open","filled":"0","remaining":"3"}   and where it applies
//	"client_ref", "reason", "message", "repeated", "second_id" (of a pair), "fills":[{"price","quantity","fee","trade_id"}]
//	{"canceled":12}                                     cancel all: so far
//	{"timeout_ms":5000}                                 keep-alive
//	{"error":{"code":"unknown_order","message":"…"}}    nothing was changed
func AppendResult(b []byte, c *command.Command, o *command.Outcome) []byte {
	if Refused(c, o) {
		e := reject.Of(o.Reject)
		return appendError(b, e.Code, e.Sentence)
	}
	switch c.Op {
	case command.CancelAll:
		return append(strconv.AppendUint(append(b, `{"canceled":`...), uint64(o.Canceled), 10), '}')
	case command.KeepAlive:
		return append(strconv.AppendInt(append(b, `{"timeout_ms":`...), c.TimeoutMS, 10), '}')
	}
	b = strconv.AppendUint(append(b, `{"id":`...), o.OrderID, 10)
	id, ref := c.Name.ClientID, c.Name.Ref
	if c.New() && c.Op != command.Amend {
		id, ref = c.First.ClientID, c.First.Ref
	}
	if len(id) > 0 {
		b = shape.AppendString(append(b, `,"client_order_id":`...), id)
	}
	if ref != 0 {
		b = strconv.AppendUint(append(b, `,"client_ref":`...), ref, 10)
	}
	b = append(append(append(b, `,"status":"`...), shape.Status(status(o))...), '"')
	if m := c.Market; m != nil {
		b = decimal.AppendSteps(append(b, `,"filled":"`...), o.Filled, m.Lot, m.BaseScale)
		b = decimal.AppendSteps(append(b, `","remaining":"`...), o.Remaining, m.Lot, m.BaseScale)
		b = append(b, '"')
	}
	switch {
	case o.Reject != 0:
		e := reject.Of(o.Reject)
		b = append(append(append(b, `,"reason":"`...), e.Code...), `","message":"`...)
		b = append(append(b, e.Sentence...), '"')
	case o.CancelReason != 0:
		b = append(append(append(b, `,"reason":"`...), shape.CancelReason(o.CancelReason)...), '"')
	}
	if o.Repeated {
		b = append(b, `,"repeated":true`...)
	}
	if o.SecondID != 0 {
		b = strconv.AppendUint(append(b, `,"second_id":`...), o.SecondID, 10)
	}
	if c.Market != nil && len(o.Fills) > 0 {
		b = shape.AppendFills(append(b, `,"fills":`...), o.Fills, c.Market)
	}
	return append(b, '}')
}

// status is the order's; of a rejected one the engine may leave it out.
func status(o *command.Outcome) ordersv1.OrderStatus {
	if o.Status == 0 && o.Reject != 0 {
		return ordersv1.OrderStatus_ORDER_STATUS_REJECTED
	}
	return o.Status
}

// AppendError writes why a command was not even sent.
func AppendError(b []byte, err error) []byte {
	p, ok := problem.Of(err)
	if !ok {
		return appendError(b, "internal", "an error that is ours")
	}
	return append(append(append(b, `{"error":`...), shape.Encode(struct {
		Code         string   `json:"code"`
		Message      string   `json:"message"`
		Parameter    string   `json:"parameter,omitempty"`
		Allowed      []string `json:"allowed,omitempty"`
		RetryAfterMS int64    `json:"retry_after_ms,omitempty"`
	}{p.Code, p.Detail, p.Parameter, p.Allowed, p.RetryAfterMS})...), '}')
}

// appendError writes a code and a sentence that need no escapes.
func appendError(b []byte, code, sentence string) []byte {
	b = append(append(append(b, `{"error":{"code":"`...), code...), `","message":"`...)
	return append(append(b, sentence...), `"}}`...)
}

// Order is the order that a new-order command made.
func Order(account uint64, n *command.Order, id uint64, o *command.Outcome) market.Order {
	out := market.Order{ID: id, Account: account, ClientOrderID: string(n.ClientID), ClientRef: n.Ref, Side: n.Side, Type: n.Type, TimeInForce: n.TimeInForce,
		SelfTrade: n.SelfTrade, PriceTicks: n.Price, QuantityLots: n.Quantity, FilledLots: o.Filled, RemainingLots: o.Remaining, Status: status(o),
		RejectReason: o.Reject, CancelReason: o.CancelReason, Fills: o.Fills,
		Terms: market.Terms{QuoteBudget: n.Budget, ProtectionTicks: n.Protection, TriggerTicks: n.Trigger, TrailTicks: n.Trail, DisplayLots: n.Display,
			MinLots: n.MinLots, PostOnly: n.PostOnly, ExpiresAtMS: n.ExpiresMS}}
	if n.Market != nil {
		out.Market = n.Market.ID
	}
	return out
}
