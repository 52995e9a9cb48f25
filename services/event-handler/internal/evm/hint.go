package evm

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// WatchHeads subscribes to newHeads of a WebSocket endpoint and gives a hint
// for each, until ctx ends. What the heads say is not used: a subscription
// that lies or falls silent costs at most a poll interval.
func WatchHeads(ctx context.Context, url string, hint *Hint, log *zap.Logger) {
	log = log.With(zap.String("endpoint", jsonrpc.Name(url)))
	backoff := run.Backoff{Min: time.Second, Max: 30 * time.Second}
	said := false
	for {
		err := watch(ctx, url, func() {
			backoff.Reset()
			said = false
			hint.Give()
		})
		if ctx.Err() != nil {
			return
		}
		if !said {
			said = true
			log.Info("no hints of new heads; the node is polled", zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

// quiet is how long a subscription may be silent before it is made anew.
const quiet = 2 * time.Minute

func watch(ctx context.Context, url string, onHead func()) error {
	dial, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := rpc.DialOptions(dial, url, rpc.WithWebsocketMessageSizeLimit(1<<20))
	if err != nil {
		return fmt.Errorf("dialing: %T", err) // the error's text may hold the URL
	}
	defer client.Close()
	heads := make(chan json.RawMessage, 16)
	sub, err := client.EthSubscribe(dial, heads, "newHeads")
	if err != nil {
		return fmt.Errorf("subscribing to newHeads: %w", err)
	}
	defer sub.Unsubscribe()
	silence := time.NewTimer(quiet)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-sub.Err():
			return fmt.Errorf("subscription ended: %w", err)
		case <-silence.C:
			return fmt.Errorf("no head for %v", quiet)
		case <-heads:
			onHead()
			silence.Reset(quiet)
		}
	}
}
