package venue

import (
	"runtime"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/market"
)

// TestEpochWithinAView: a reader that asks for the epoch of what it views does
// not wait for a writer that waits for the reader.
func TestEpochWithinAView(t *testing.T) {
	t.Parallel()
	v := New("main", nil, admin.New("", zlog.Nop()), zap.NewNop())
	v.adopt(market.New(), "e1")
	done := make(chan string, 1)
	go func() {
		_ = v.View(func(*market.State) {
			go v.adopt(market.New(), "e2")
			for v.mu.TryRLock() { // until the writer waits
				v.mu.RUnlock()
				runtime.Gosched()
			}
			done <- v.Epoch()
		})
	}()
	select {
	case epoch := <-done:
		if epoch != "e1" {
			t.Errorf("a view of e1 is of epoch %s", epoch)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("reader and writer wait for each other")
	}
}
