package operator

import (
	"context"
	"fmt"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// AcceptTime ends the halt of a venue whose server clock ran ahead of every
// sender's. A venue that is not halted stays as it is.
func AcceptTime(ctx context.Context, b *bus.Bus, venue string) error {
	desk, err := openDesk(b)
	if err != nil {
		return err
	}
	defer desk.close()
	commands := []*ordersv1.Command{{RequestId: desk.gateway, Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}}}
	return desk.send(ctx, ordersv1.Subject(venue, ordersv1.FromAdmin), commands, func(r *ordersv1.PackReply) (bool, error) {
		if len(r.Outcomes) == 0 {
			return true, nil
		}
		if reason := r.Outcomes[0].Reject; reason != ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED {
			return false, fmt.Errorf("the order book of %s refuses: %v", venue, reason)
		}
		return false, nil
	})
}
