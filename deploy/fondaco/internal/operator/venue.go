package operator

import (
	"context"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// AcceptTime ends the halt of a venue whose server clock ran ahead of every
// sender's. A venue that is not halted stays as it is.
func AcceptTime(ctx context.Context, b *bus.Bus, venue string) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}})
}

// Activate raises the version of the order book's behaviour, which must be one
// below.
func Activate(ctx context.Context, b *bus.Bus, venue string, version uint32) error {
	return one(ctx, b, venue, ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: version}}})
}
