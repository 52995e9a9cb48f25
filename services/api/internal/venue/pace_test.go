package venue

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/store"
)

// empty is a database that holds nothing of a venue yet.
type empty struct{ created time.Time }

func (e empty) LoadVenue(context.Context, string, bool) (*market.State, store.Cursor, error) {
	return market.New(), store.Cursor{Created: e.created}, nil
}

func (empty) Journal(context.Context, string, uint64, uint64, uint64) (store.Replay, error) {
	return store.Replay{}, errors.New("nobody replays here")
}

// TestAReplicaThatNobodyWatches leaves outputs where they are until somebody
// waits for one, reads, or watches.
func TestAReplicaThatNobodyWatches(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	b := srv.Bus(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	st, err := b.Stream(ctx, tradesv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	v := New("main", empty{st.Created}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	v.pause = time.Hour
	ended := make(chan struct{})
	go func() { defer close(ended); _ = v.Run(ctx, b) }()
	defer func() { cancel(); <-ended }()
	seq, packs := uint64(0), uint64(0)
	output := func(b *bus.Bus) {
		t.Helper()
		packs++
		data, err := proto.Marshal(&tradesv1.Output{FirstInSeq: packs, LastInSeq: packs, Part: 1, Last: true, FirstEventSeq: packs,
			Events: []*tradesv1.Event{{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: packs}}}}})
		if err != nil {
			t.Fatal(err)
		}
		if seq, err = b.PublishFenced(ctx, tradesv1.Stream, tradesv1.Subject("main"), seq, data, nil); err != nil {
			t.Fatal(err)
		}
	}
	epoch := Epoch(st.Created)
	arrives := func(pack uint64) {
		t.Helper()
		if err := v.Await(ctx, epoch, 0, pack); err != nil {
			t.Fatalf("pack %d: %v", pack, err)
		}
	}
	holds := func() (pack uint64) {
		_ = v.Peek(func(s *market.State) { pack = s.InSeq })
		return pack
	}
	output(b)
	arrives(1)
	// The pause has begun. A wish to hurry that came too late ends it once more.
	for reads := 0; ; reads++ {
		applied := v.appliedNow()
		output(b)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-applied:
			if reads < 2 {
				continue
			}
		}
		break
	}
	output(b)
	if n := holds(); n > packs-2 {
		t.Errorf("it reads on: it holds pack %d of %d", n, packs)
	}
	arrives(packs)

	// An account's read of what it wrote ends the pause as well.
	output(b)
	v.Remember(7, packs)
	v.WaitOwn(ctx, 7)
	if n := holds(); n != packs {
		t.Errorf("the account does not read its own write: pack %d of %d", n, packs)
	}

	if got := v.rest(); got != time.Hour {
		t.Errorf("nobody watches, and it rests %v", got)
	}
	if err := v.View(func(*market.State) {}); err != nil {
		t.Fatal(err)
	}
	if got := v.rest(); got >= 0 {
		t.Errorf("somebody reads, and it rests %v", got)
	}
	v.asked.Store(0)
	sub := &feed.Sub{Channel: feed.Trades, Lagging: func(string, uint64, bool) {}}
	v.Feed().JoinNow(sub, func(string, uint64) {})
	if got := v.rest(); got >= 0 {
		t.Errorf("somebody watches, and it rests %v", got)
	}
	v.Feed().Leave(sub)
}

// appliedNow is closed with the next output.
func (v *Venue) appliedNow() <-chan struct{} {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.applied
}
