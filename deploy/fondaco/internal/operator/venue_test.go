package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

func TestVenueCommands(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]struct {
		send func(context.Context, *bus.Bus) error
		is   func(*ordersv1.Command) bool
	}{
		"accept-time": {func(ctx context.Context, b *bus.Bus) error { return AcceptTime(ctx, b, "main") },
			func(c *ordersv1.Command) bool { return c.GetAcceptTime() != nil }},
		"activate": {func(ctx context.Context, b *bus.Bus) error { return Activate(ctx, b, "main", 3) },
			func(c *ordersv1.Command) bool { return c.GetActivate().GetSemantics() == 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newAnswers(t, 0)
			refuse := ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED
			a.follow(t, t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAdmin), func(data []byte) {
				var pack ordersv1.Pack
				if proto.Unmarshal(data, &pack) != nil || len(pack.Commands) != 1 || !do.is(pack.Commands[0]) {
					return
				}
				a.mu.Lock()
				defer a.mu.Unlock()
				a.reply(pack.Gateway, "orders", false, &ordersv1.PackReply{PackNo: pack.PackNo, Outcomes: []*ordersv1.Outcome{{Reject: refuse}}})
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := do.send(ctx, b); err != nil {
				t.Fatal(err)
			}
			a.mu.Lock()
			refuse = ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED
			a.mu.Unlock()
			if err := do.send(ctx, b); err == nil || !strings.Contains(err.Error(), "NOT_ALLOWED") {
				t.Errorf("a refusal gave %v", err)
			}
		})
	}
}
