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

	"fondaco.dev/proto/topology"
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
	socket := &evm.Socket{URL: "ws" + strings.TrimPrefix(srv.URL, "http"), Name: "ws://node", Hint: hint}
	if st := socket.Status(); st.State != topology.StreamDown {
		t.Errorf("before it began: %+v", st)
	}
	var wg sync.WaitGroup
	wg.Go(func() { socket.Watch(ctx, zap.NewNop()) })
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
	if st := socket.Status(); st.State != topology.StreamHinting || st.Since == 0 || st.Name != "ws://node" {
		t.Errorf("while heads come: %+v", st)
	}
	node.Stop()
	srv.CloseClientConnections()
	eventually(t, "it is down", func() bool { st := socket.Status(); return st.State == topology.StreamDown && st.Error != "" })
}
