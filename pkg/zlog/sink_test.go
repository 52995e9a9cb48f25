package zlog

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// writes keeps each call apart.
type writes struct{ calls []string }

func (w *writes) Write(p []byte) (int, error) {
	w.calls = append(w.calls, string(p))
	return len(p), nil
}

// TestLazyLines: lines that may wait are written together, in order with the
// others, each second, at the end, and when there are many.
func TestLazyLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &writes{}
		log, err := New(Config{Level: "info", Format: "brief"}, "test", w)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- log.Flushing(ctx) }()
		synctest.Wait()
		many := log.Lazy().Named("http")
		many.Info("a")
		many.Info("b", zap.Int("n", 1))
		many.Debug("below the level")
		if len(w.calls) != 0 {
			t.Fatalf("written at once: %q", w.calls)
		}
		log.Warn("c")
		many.Info("d")
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := strings.Join(w.calls, "|"); got != "a\nb\nc\n|d\n" {
			t.Errorf("%q", got)
		}
		many.Info(strings.Repeat("x", maxWaiting))
		if len(w.calls) != 3 {
			t.Errorf("64 KiB wait: %d calls", len(w.calls))
		}
		many.Info("last")
		cancel()
		if err := <-done; err != nil || w.calls[len(w.calls)-1] != "last\n" {
			t.Errorf("%v, %q", err, w.calls[len(w.calls)-1])
		}
		if err := log.Level.Set("off"); err != nil {
			t.Fatal(err)
		}
		many.Info("e")
		if log.Sync() != nil || w.calls[len(w.calls)-1] != "last\n" {
			t.Error("the level does not govern it")
		}
	})
}

func TestLazyNop(t *testing.T) {
	t.Parallel()
	Nop().Lazy().Info("nothing")
}
