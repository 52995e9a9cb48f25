package evm

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// muteAPI takes subscriptions to newHeads, sends first heads, and then nothing.
type muteAPI struct{ first int }

func (a *muteAPI) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, errors.New("no subscriptions")
	}
	sub := notifier.CreateSubscription()
	go func() {
		for range a.first {
			_ = notifier.Notify(sub.ID, map[string]string{"number": "0x1"})
		}
	}()
	return sub, nil
}

// TestSilentSubscriptionEnds: a subscription that stands open and says nothing
// is given up, so that it is made anew.
func TestSilentSubscriptionEnds(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 3} {
		node := rpc.NewServer()
		if err := node.RegisterName("eth", &muteAPI{first}); err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(node.WebsocketHandler([]string{"*"}))
		heads := 0
		err := watch(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http"), func() time.Duration { return 200 * time.Millisecond }, func() { heads++ })
		if err == nil || !strings.Contains(err.Error(), "no head for 200ms") || heads != first {
			t.Errorf("%d heads, %v", heads, err)
		}
		srv.CloseClientConnections()
		node.Stop()
		srv.Close()
	}
}
