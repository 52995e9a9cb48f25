package twin

import (
	"cmp"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	ok         = ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED
	badCommand = ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND

	buy  = ordersv1.Side_SIDE_BUY
	sell = ordersv1.Side_SIDE_SELL
)

// order is an order from its acceptance or reject on, as long as it is live or
// remembered.
type order struct {
	id      uint64
	body    *ordersv1.NewOrder // as it was asked for
	account uint64
	market  uint32
	side    ordersv1.Side

	price, quantity, filled int64 // of now, in ticks and lots
	budget, budgetLeft      int64
	visible                 int64 // icebergs
	trigger                 int64 // of now
	owed                    int64 // last price that its trigger has still to follow; 0: none
	expires                 int64 // 0 = never
	other                   uint64
	arrival                 uint64

	asTaker, asMaker, paid int64 // notionals and fees
	reserve                int64

	live, waiting, resting bool
	remembered             bool
	status                 ordersv1.OrderStatus
	cancel                 ordersv1.CancelReason
	reject                 ordersv1.RejectReason
	leftAtEnd              int64
	diedMs                 int64
	fills                  []*ordersv1.Fill // by the command at hand
}

// open is what may still trade; a budget has no lots.
func (o *order) open() int64 {
	if o.budget > 0 {
		return 0
	}
	return o.quantity - o.filled
}

func (o *order) shown() int64 {
	if o.body.DisplayLots > 0 {
		return o.visible
	}
	return o.open()
}

func isMarketType(t ordersv1.OrderType) bool {
	switch t {
	case ordersv1.OrderType_ORDER_TYPE_MARKET, ordersv1.OrderType_ORDER_TYPE_STOP,
		ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT, ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP:
		return true
	}
	return false
}

func waitsFirst(t ordersv1.OrderType) bool {
	return t >= ordersv1.OrderType_ORDER_TYPE_STOP && t <= ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP
}

func (o *order) isMarket() bool { return isMarketType(o.body.Type) }

// rests says whether what is left of a limit order stays in the book.
func (o *order) rests() bool { return !o.isMarket() && lasting(o.body.TimeInForce) }

func lasting(t ordersv1.TimeInForce) bool {
	return t == ordersv1.TimeInForce_TIME_IN_FORCE_GTC || t == ordersv1.TimeInForce_TIME_IN_FORCE_GTD ||
		t == ordersv1.TimeInForce_TIME_IN_FORCE_DAY
}

// rises says whether rising prices trigger it.
func (o *order) rises() bool {
	stop := o.body.Type == ordersv1.OrderType_ORDER_TYPE_STOP || o.body.Type == ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT ||
		o.body.Type == ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP
	return stop == (o.side == buy)
}

func (v *Venue) find(id uint64) *order {
	i, found := slices.BinarySearchFunc(v.orders, id, func(o *order, id uint64) int { return cmp.Compare(o.id, id) })
	if !found {
		return nil
	}
	return v.orders[i]
}

// named finds an order of an account by its own name.
func (v *Venue) named(account uint64, clientID string, ref uint64) *order {
	for _, o := range v.orders {
		if o.account != account {
			continue
		}
		if clientID != "" && o.body.ClientOrderId == clientID || ref != 0 && o.live && o.body.ClientRef == ref {
			return o
		}
	}
	return nil
}

// book is one side of a market, best price first, then first in the queue.
func (v *Venue) book(market uint32, side ordersv1.Side) []*order {
	var all []*order
	for _, o := range v.orders {
		if o.live && o.resting && o.market == market && o.side == side {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b *order) int {
		if a.price != b.price {
			if (a.price > b.price) == (side == buy) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.arrival, b.arrival)
	})
	return all
}

// Level is a price of the book with what it shows.
type Level struct{ Price, Lots, Orders int64 }

// Depth is a side of the book, best first.
func (v *Venue) Depth(market uint32, side ordersv1.Side) []Level {
	var out []Level
	for _, o := range v.book(market, side) {
		if len(out) == 0 || out[len(out)-1].Price != o.price {
			out = append(out, Level{Price: o.price})
		}
		l := &out[len(out)-1]
		l.Lots += o.shown()
		l.Orders++
	}
	return out
}

// Last is a market's last price, 0 before any trade; Phase its phase.
func (v *Venue) Last(market uint32) int64           { return v.market(market).last }
func (v *Venue) Phase(market uint32) ordersv1.Phase { return v.market(market).phase }

// Live counts the live orders, Markets and Assets what there is.
func (v *Venue) Live() (n int) {
	for _, o := range v.orders {
		if o.live {
			n++
		}
	}
	return n
}
func (v *Venue) Markets() int { return len(v.markets) }
func (v *Venue) Assets() int  { return len(v.assets) }

// LiveOf lists an account's live orders by id; 0 = of all accounts.
func (v *Venue) LiveOf(account uint64) (ids []uint64) {
	for _, o := range v.orders {
		if o.live && (account == 0 || o.account == account) {
			ids = append(ids, o.id)
		}
	}
	return ids
}

// end ends a live order. A reason other than UNSPECIFIED cancels it.
func (v *Venue) end(o *order, why ordersv1.CancelReason) {
	v.endWith(o, why, o.open())
}

func (v *Venue) endWith(o *order, why ordersv1.CancelReason, left int64) {
	o.live, o.waiting, o.resting, o.reserve = false, false, false, 0
	o.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
	if why != 0 {
		o.status, o.cancel, o.leftAtEnd = ordersv1.OrderStatus_ORDER_STATUS_CANCELED, why, left
		switch {
		case why == ordersv1.CancelReason_CANCEL_REASON_EXPIRED:
			o.status = ordersv1.OrderStatus_ORDER_STATUS_EXPIRED
		case why == ordersv1.CancelReason_CANCEL_REASON_BUDGET && o.filled > 0:
			o.status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
		}
		v.emit(&tradesv1.OrderCanceled{OrderId: o.id, RemainingLots: uint64(left), AtMs: uint64(v.now), Reason: uint32(why)})
	}
	v.bury(o)
	v.cancelOtherLeg(o)
}

// cancelOtherLeg ends the order that cannot live beside o; what both had
// reserved is o's, as far as it needs it.
func (v *Venue) cancelOtherLeg(o *order) {
	leg := v.find(o.other)
	if o.other == 0 || leg == nil {
		return
	}
	o.other, leg.other = 0, 0
	v.end(leg, ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG)
	if o.live {
		o.reserve = small(v.need(o))
	}
}

func (v *Venue) bury(o *order) {
	o.diedMs = v.now
	if o.body.ClientOrderId == "" {
		v.orders = slices.DeleteFunc(v.orders, func(x *order) bool { return x.id == o.id })
		return
	}
	o.remembered = true
	v.graves = append(v.graves, o.id)
	for len(v.graves) > v.MaxDead {
		v.forgetOldest()
	}
}

func (v *Venue) forgetOldest() {
	id := v.graves[0]
	v.graves = v.graves[1:]
	v.orders = slices.DeleteFunc(v.orders, func(x *order) bool { return x.id == id })
}

// outcome shows an order to the sender of the command.
func (v *Venue) outcome(o *order) *ordersv1.Outcome {
	left := o.open()
	if !o.live {
		left = o.leftAtEnd
	}
	fills := o.fills
	if len(fills) > 1000 {
		fills = fills[:1000]
	}
	return &ordersv1.Outcome{OrderId: o.id, Status: o.status, FilledLots: uint64(o.filled), RemainingLots: uint64(left),
		CancelReason: o.cancel, Reject: o.reject, Fills: fills}
}

func protoValue(m proto.Message) protoreflect.Value {
	return protoreflect.ValueOfMessage(m.ProtoReflect())
}

// printable reports 1..limit printable ASCII characters.
func printable(s string, limit int) bool {
	return len(s) > 0 && len(s) <= limit && !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' || b > '~' })
}
