package trade

import (
	"cmp"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// liveSpan is how many ids a row of trade.live_orders counts.
const liveSpan = 1024

// Living is how the number of orders that live changes among the ids from First to
// Last.
type Living struct {
	First, Last int64
	More        int32 // fewer when negative
}

// Alive says whether the order may still trade: it is open or waits.
func (o *Order) Alive() bool {
	switch o.Status {
	case ordersv1.OrderStatus_ORDER_STATUS_OPEN, ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED, ordersv1.OrderStatus_ORDER_STATUS_WAITING:
		return true
	}
	return false
}

// Living is where orders began or ceased to live, in the order of ids, one piece a
// row. Where all that were made have ended it says so too: which rows there are
// then depends on the orders alone, and not on how the events were batched.
func (c *Changes) Living() []Living {
	more := map[int64]int32{}
	for _, o := range c.Orders {
		first := int64(o.ID) / liveSpan * liveSpan
		switch alive := o.Alive(); {
		case alive && !o.Lived:
			more[first]++
		case !alive && o.Lived:
			more[first]--
		case o.Made:
			more[first] += 0
		}
	}
	out := make([]Living, 0, len(more))
	for first, n := range more {
		out = append(out, Living{First: first, Last: first + liveSpan - 1, More: n})
	}
	slices.SortFunc(out, func(a, b Living) int { return cmp.Compare(a.First, b.First) })
	return out
}
