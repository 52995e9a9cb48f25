package evm_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/evm"
)

// heads is a node's eth_subscribe("newHeads").
type heads struct{ c chan map[string]string }

func (h *heads) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, errors.New("no subscriptions")
	}
	sub := notifier.CreateSubscription()
	go func() {
		for {
			select {
			case head := <-h.c:
				_ = notifier.Notify(sub.ID, head)
			case <-sub.Err():
				return
			}
		}
	}()
	return sub, nil
}

func TestHeadsAreHints(t *testing.T) {
	t.Parallel()
	api := &heads{c: make(chan map[string]string)}
	node := rpc.NewServer()
	if err := node.RegisterName("eth", api); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(node.WebsocketHandler([]string{"*"}))
	defer srv.Close()
	defer node.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	hint := &evm.Hint{}
	var wg sync.WaitGroup
	wg.Go(func() { evm.WatchHeads(ctx, "ws"+strings.TrimPrefix(srv.URL, "http"), hint, zap.NewNop()) })
	defer wg.Wait()
	defer cancel()
	for range 3 {
		api.c <- map[string]string{"number": "0x1"}
		select {
		case <-hint.C():
		case <-time.After(20 * time.Second):
			t.Fatal("no hint")
		}
	}
}
