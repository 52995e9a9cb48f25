package trade

import (
	"slices"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

func TestLiving(t *testing.T) {
	t.Parallel()
	const open, filled = ordersv1.OrderStatus_ORDER_STATUS_OPEN, ordersv1.OrderStatus_ORDER_STATUS_FILLED
	c := NewChanges(map[uint64]*Order{
		1023: {ID: 1023, Status: filled, Lived: true}, // ended
		1024: {ID: 1024, Status: open, Lived: true},   // lives on
		1025: {ID: 1025, Status: open},                // made
		1026: {ID: 1026, Status: ordersv1.OrderStatus_ORDER_STATUS_WAITING},
		2047: {ID: 2047, Status: filled, Made: true}, // made and ended
		3000: {ID: 3000, Status: filled, Made: true},
		6000: {ID: 6000, Status: filled}, // ended before
		5000: {ID: 5000, Status: ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED, Made: true},
		5001: {ID: 5001, Status: ordersv1.OrderStatus_ORDER_STATUS_EXPIRED, Lived: true},
	})
	want := []Living{{First: 0, Last: 1023, More: -1}, {First: 1024, Last: 2047, More: 2}, {First: 2048, Last: 3071}, {First: 4096, Last: 5119}}
	if got := c.Living(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
