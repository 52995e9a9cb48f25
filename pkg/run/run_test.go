package run_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

func TestAllStopsTogether(t *testing.T) {
	t.Parallel()
	block := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	boom := errors.New("boom")
	err := run.All(context.Background(), zap.NewNop(),
		run.Part{Name: "a", Run: block},
		run.Part{Name: "b", Run: func(context.Context) error { return boom }})
	if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "b:") {
		t.Errorf("got %v", err)
	}
	err = run.All(context.Background(), zap.NewNop(), run.Part{Name: "quiet", Run: func(context.Context) error { return nil }})
	if err == nil {
		t.Error("a part that returns nil while it should run is an error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := run.All(ctx, zap.NewNop(), run.Part{Name: "a", Run: block}); err != nil {
		t.Errorf("a clean stop gave %v", err)
	}
}

func TestBackoffGrowsAndResets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := run.Backoff{Min: time.Second, Max: 4 * time.Second}
		wait := func() time.Duration {
			start := time.Now()
			if err := b.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		for _, want := range []time.Duration{1, 2, 4, 4} {
			if d := wait(); d > want*time.Second || d < want*time.Second/2 {
				t.Errorf("waited %v, want %v..%v", d, want*time.Second/2, want*time.Second)
			}
		}
		b.Reset()
		if d := wait(); d > time.Second {
			t.Errorf("after Reset waited %v", d)
		}
	})
}
