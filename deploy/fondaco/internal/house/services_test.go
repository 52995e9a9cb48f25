package house

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"fondaco.dev/pkg/zlog"
)

type hangs struct{}

func (hangs) Error() string { return "network main hangs" }
func (hangs) Hung() string  { return "main" }

// TestHungNetworkDoesNotEndTheHouse: its service is started anew; another error
// ends it.
func TestHungNetworkDoesNotEndTheHouse(t *testing.T) {
	t.Parallel()
	runs, boom := 0, errors.New("boom")
	run := again(func(context.Context, int, *zlog.Logger) error {
		if runs++; runs < 3 {
			return fmt.Errorf("networks: status main: %w", hangs{})
		}
		return boom
	})
	if err := run(t.Context(), 1, zlog.Nop()); !errors.Is(err, boom) || runs != 3 {
		t.Errorf("%v after %d runs", err, runs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run = again(func(context.Context, int, *zlog.Logger) error { cancel(); return hangs{} })
	if err := run(ctx, 1, zlog.Nop()); err == nil {
		t.Error("the error of a stop was swallowed")
	}
}
