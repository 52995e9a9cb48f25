package zlog

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// writes keeps each call apart.
type writes struct{ calls []string }

func (w *writes) Write(p []byte) (int, error) {
	w.calls = append(w.calls, string(p))
	return len(p), nil
}

// TestLinesWait: lines that may wait are written together, in order with the
// others, each second, at the end, and when there are many.
func TestLinesWait(t *testing.T) {
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
		many := func(message string) {
			var line Line
			if log.Lines("http", message).Begin(&line, time.Now(), "-", "r") {
				line.Int("n", 1)
				line.End()
			}
		}
		many("a")
		many("b")
		if len(w.calls) != 0 {
			t.Fatalf("written at once: %q", w.calls)
		}
		log.Warn("c")
		many("d")
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := strings.Join(w.calls, "|"); got != "a\nb\nc\n|d\n" {
			t.Errorf("%q", got)
		}
		many(strings.Repeat("x", maxWaiting))
		if len(w.calls) != 3 {
			t.Errorf("64 KiB wait: %d calls", len(w.calls))
		}
		many("last")
		cancel()
		if err := <-done; err != nil || w.calls[len(w.calls)-1] != "last\n" {
			t.Errorf("%v, %q", err, w.calls[len(w.calls)-1])
		}
		if err := log.Level.Set("off"); err != nil {
			t.Fatal(err)
		}
		many("e")
		if log.Sync() != nil || w.calls[len(w.calls)-1] != "last\n" {
			t.Error("the level does not govern it")
		}
	})
}
