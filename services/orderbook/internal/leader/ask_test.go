package leader

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/recovery"
)

// mute is a bus whose streams tell their state only when they want to.
type mute struct {
	recovery.Streams
	state bus.StreamState
	err   error
}

func (m *mute) Stream(context.Context, string) (bus.StreamState, error) { return m.state, m.err }

// TestReadinessSaysThatOrdersCannotBeAsked: a leader whose ORDERS does not answer
// serves on, and says after three asks that it does not know whether the stream
// still holds what was applied; an answer ends that.
func TestReadinessSaysThatOrdersCannotBeAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var says error
		r := &reign{Leader: Leader{Log: zap.NewNop(), Ready: func(err error) { says = err }}}
		r.applied.Store(7)
		r.start.Created = time.Now()
		s := setup{a: &applier{reign: r, engine: engine.New(engine.Options{})}, done: true}
		m := &mute{state: bus.StreamState{Created: r.start.Created, LastSeq: 7}}
		look := func() error {
			t.Helper()
			time.Sleep(streamEvery)
			if err := r.ask(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			s.report()
			return says
		}
		if err := look(); err != nil {
			t.Fatalf("ORDERS answers and readiness says %v", err)
		}
		since := time.Now().UTC().Format(time.RFC3339)
		m.err = errors.New("nobody answers")
		for k := range 3 {
			if err := look(); err != nil {
				t.Fatalf("after %d asks without an answer: %v", k+1, err)
			}
		}
		if err := look(); err == nil || !strings.Contains(err.Error(), "ORDERS has not told its state since "+since) {
			t.Fatalf("after four asks without an answer: %v", err)
		}
		m.err = nil
		if err := look(); err != nil {
			t.Fatalf("ORDERS answers again and readiness says %v", err)
		}
		m.state.LastSeq = 6
		if err := r.ask(t.Context(), m); !errors.Is(err, recovery.ErrRegressed) {
			t.Fatalf("a stream that was cut: %v", err)
		}
	})
}
