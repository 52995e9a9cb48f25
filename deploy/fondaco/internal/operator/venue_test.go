package operator

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

func TestAcceptTime(t *testing.T) {
	t.Parallel()
	a, b := newAnswers(t, 0)
	refuse := ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED
	a.follow(t, t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAdmin), func(data []byte) {
		var pack ordersv1.Pack
		if proto.Unmarshal(data, &pack) != nil || len(pack.Commands) != 1 || pack.Commands[0].GetAcceptTime() == nil {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reply(pack.Gateway, "orders", false, &ordersv1.PackReply{PackNo: pack.PackNo, Outcomes: []*ordersv1.Outcome{{Reject: refuse}}})
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := AcceptTime(ctx, b, "main"); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	refuse = ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED
	a.mu.Unlock()
	if err := AcceptTime(ctx, b, "main"); err == nil || !strings.Contains(err.Error(), "NOT_ALLOWED") {
		t.Errorf("a refusal gave %v", err)
	}
}
