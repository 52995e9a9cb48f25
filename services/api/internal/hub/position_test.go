package hub

import (
	"bytes"
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/store"
)

// hinted collects the frames that may be left out.
type hinted struct {
	slowClient
	hints [][]byte
}

func (h *hinted) Hint(frame []byte) { h.hints = append(h.hints, frame) }

// TestPositions: each member is told where the feed is, whatever its filter
// selects; bare sockets are not.
func TestPositions(t *testing.T) {
	t.Parallel()
	f := feed.New(prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}))
	f.Start("e", 5)
	h := &Hub{}
	named, bare := &hinted{slowClient: slowClient{room: 9}}, &hinted{slowClient: slowClient{room: 9}}
	never := func(*feed.Message) bool { return false }
	for sink, id := range map[*hinted]string{named: `"a"`, bare: ""} {
		sub := &feed.Sub{ID: id, Channel: feed.Blocks, Scope: feed.Scope{Key: "network", Value: "dev"}, Match: never, Sink: sink}
		if err := h.Follow(context.Background(), f, sub, sink, nil, Resume{}); err != nil {
			t.Fatal(err)
		}
	}
	row := &feedv1.Row{Pos: 8, Kind: &feedv1.Row_EvmBlock{EvmBlock: &feedv1.EvmBlock{}}}
	f.Publish(feed.OfRow("dev", "e", row, func() int64 { return -1 }), 9)
	TellPositions(f)
	want := `{"op":"position","id":"a","channel":"blocks","network":"dev","epoch":"e","seq":9}`
	if len(named.hints) != 1 || !bytes.HasSuffix(named.hints[0], []byte(want)) || len(bare.hints) != 0 || len(named.queue) != 0 {
		t.Errorf("%q %q", named.hints, bare.hints)
	}
}

// TestFinalityGoesDownWithHints: a hint behind what is held says what is final
// now, lower than before after a deep revert; a poll from before it does not.
func TestFinalityGoesDownWithHints(t *testing.T) {
	t.Parallel()
	const partition = "chain.v1.dev.0123456789abcdef"
	h := New([]string{"dev"}, nil, nil, prometheus.NewRegistry(), zap.NewNop())
	c := h.networks["dev"]
	c.build = "b"
	c.restart(partition, store.Cursor{Epoch: "e", Pos: 10, Finalized: 8})
	hint := func(pos, finalized uint64) {
		c.onHint(context.Background(), &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: c.held, Pos: pos, Head: 9, Finalized: finalized})
	}
	hint(11, 9)
	hint(12, 5)
	if got := c.finalized.Load(); got != 5 {
		t.Errorf("final %d after a deep revert", got)
	}
	hint(11, 9) // late
	if got := c.finalized.Load(); got != 5 {
		t.Errorf("final %d after a late hint", got)
	}
}
