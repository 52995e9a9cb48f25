package hub

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/store"
)

// TestNobodyListens: what a backfill writes is not read back while no socket
// follows the feed; one that comes then begins at the feed's end, and gets what
// follows.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	db := &fakeStore{rand: rand.New(rand.NewPCG(1, 1)), commits: []uint64{1}}
	h := New([]string{"dev"}, db, nil, prometheus.NewRegistry(), zap.NewNop())
	c := h.networks["dev"]
	ctx := context.Background()
	c.build, c.channel = "b", "x"
	c.restart(partition, store.Cursor{Epoch: "e", Pos: 1})
	left := func(prev, pos uint64) *feedv1.Hint {
		db.mu.Lock()
		db.rows = append(db.rows, &feedv1.Row{Pos: pos, Kind: &feedv1.Row_EvmBlock{EvmBlock: &feedv1.EvmBlock{Number: pos}}})
		db.commits = append(db.commits, pos)
		db.mu.Unlock()
		return &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: prev, Pos: pos, RowsLeftOut: true}
	}
	for pos := uint64(2); pos <= 20; pos++ {
		c.onHint(ctx, left(pos-1, pos))
	}
	if _, held := c.feed.Position(); held != 20 || db.reads != 0 {
		t.Errorf("the feed is at %d after %d reads, want 20 after none", held, db.reads)
	}
	client := &slowClient{room: 100}
	sub := &feed.Sub{ID: "1", Channel: feed.Blocks, Scope: feed.Scope{Key: "network", Value: "dev"}, Match: func(*feed.Message) bool { return true }, Sink: client}
	if err := h.Follow(ctx, c.feed, sub, client, nil, Resume{}); err != nil {
		t.Fatal(err)
	}
	c.onHint(ctx, left(20, 21))
	client.drain(100)
	if len(client.seen) != 1 || client.seen[0] != 21 || db.reads != 1 {
		t.Errorf("the client saw %v after %d reads, want 21 after one", client.seen, db.reads)
	}
}
