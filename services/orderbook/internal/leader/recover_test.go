package leader

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// withSnapshots leaves a venue behind that has traded and has snapshots.
func withSnapshots(t *testing.T) (*house, []snapshot.Ref) {
	t.Helper()
	h := newHouse(t)
	h.options.SnapshotPacks = 5
	i := h.start(nil)
	i.wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	store := snapshot.New(h.bus.JetStream(), venue, "")
	for {
		g.load(6)
		refs, err := store.List(h.ctx())
		if err != nil {
			t.Fatal(err)
		}
		if len(refs) == snapshot.Keep && refs[snapshot.Keep-1].InSeq > 10 {
			break
		}
	}
	_ = i.stop()
	h.options.SnapshotPacks = 1 << 30 // the last packs are in no snapshot
	i = h.start(nil)
	i.wait()
	g.load(7)
	h.verify()
	_ = i.stop()
	refs, err := store.List(h.ctx())
	if err != nil {
		t.Fatal(err)
	}
	return h, refs
}

// overwrite puts other bytes under a snapshot's name; whether it was confirmed
// stays.
func (h *house) overwrite(r snapshot.Ref, change func([]byte) []byte) {
	h.t.Helper()
	objects, err := h.bus.JetStream().ObjectStore(h.ctx(), topology.ObjectSnapshots)
	if err != nil {
		h.t.Fatal(err)
	}
	data, err := objects.GetBytes(h.ctx(), r.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	info, err := objects.GetInfo(h.ctx(), r.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := objects.Put(h.ctx(), jetstream.ObjectMeta{Name: r.Name, Metadata: info.Metadata}, bytes.NewReader(change(data))); err != nil {
		h.t.Fatal(err)
	}
}

func TestCorruptSnapshotFallsBackToTheOlder(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	for k, r := range refs {
		h.overwrite(r, func(b []byte) []byte {
			b = bytes.Clone(b)
			if k == 0 {
				return b[:len(b)/2] // torn
			}
			b[len(b)/2] ^= 1
			return b
		})
		want := uint64(0) // none is left: everything is replayed
		if k+1 < len(refs) {
			want = refs[k+1].InSeq
		}
		i := h.start(nil)
		i.wait()
		if i.state.Snapshot != want {
			t.Fatalf("with %d damaged snapshots it began at %d, want %d", k+1, i.state.Snapshot, want)
		}
		_ = i.stop()
	}
	h.verify()
}

// TestSnapshotAheadOfTrades: TRADES restored from an older copy; a snapshot
// whose events are gone must not be used.
func TestSnapshotAheadOfTrades(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	cut := refs[1].InSeq
	var keep [][]byte
	follow := h.bus.Follow(h.ctx(), tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer follow.Close()
	for done := false; !done; {
		msgs, err := follow.Next(h.ctx(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			o := &tradesv1.Output{}
			if err := proto.Unmarshal(m.Data, o); err != nil {
				t.Fatal(err)
			}
			if done = o.LastInSeq > cut; done {
				break
			}
			keep = append(keep, m.Data)
		}
	}
	h.remake(tradesv1.Stream)
	for k, data := range keep {
		if _, err := h.bus.PublishFenced(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue), uint64(k), data, nil); err != nil {
			t.Fatal(err)
		}
	}
	i := h.start(nil)
	i.wait()
	if i.state.Snapshot == 0 || i.state.Snapshot > cut {
		t.Errorf("it began with the snapshot at %d, TRADES ends at %d", i.state.Snapshot, cut)
	}
	h.verify()
}

// remake deletes a stream and creates it empty.
func (h *house) remake(name string) {
	h.t.Helper()
	js := h.bus.JetStream()
	if err := js.DeleteStream(h.ctx(), name); err != nil {
		h.t.Fatal(err)
	}
	for _, c := range topology.Streams() {
		if c.Name == name {
			if _, err := js.CreateStream(h.ctx(), c); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// TestOrdersCut: ORDERS ends below what was applied.
func TestOrdersCut(t *testing.T) {
	t.Parallel()
	h, _ := withSnapshots(t)
	h.remake(ordersv1.Stream)
	h.refused(recovery.ErrRegressed, "ORDERS ends at 0")
}

// TestOrdersCutAndRefilled: ORDERS is as long as before, with other packs.
func TestOrdersCutAndRefilled(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	h.remake(ordersv1.Stream)
	g := h.gateway(ordersv1.FromAPI, "api-2")
	for range int(refs[0].InSeq) + 20 {
		g.send(limit(1, buy, 1, 50, fmt.Sprint("x", g.no)))
	}
	h.refused(recovery.ErrRegressed, "cut and filled anew")
}

// TestOrdersPurgedAboveTheSnapshot: packs that no snapshot holds are gone.
func TestOrdersPurgedAboveTheSnapshot(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	s, err := h.bus.JetStream().Stream(h.ctx(), ordersv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(h.ctx(), jetstream.WithPurgeSequence(refs[0].InSeq+3)); err != nil {
		t.Fatal(err)
	}
	h.refused(recovery.ErrRegressed, "the newest usable snapshot ends at")
	// Up to the newest snapshot a purge is fine.
	h2, refs2 := withSnapshots(t)
	s2, err := h2.bus.JetStream().Stream(h2.ctx(), ordersv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s2.Purge(h2.ctx(), jetstream.WithPurgeSequence(refs2[0].InSeq+1)); err != nil {
		t.Fatal(err)
	}
	h2.start(nil).wait()
}

// TestPublishedBytesDiffer: the last output in TRADES is not what the packs give.
func TestPublishedBytesDiffer(t *testing.T) {
	t.Parallel()
	h, _ := withSnapshots(t)
	tail, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil {
		t.Fatal(err)
	}
	st, err := h.bus.Stream(h.ctx(), ordersv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	h.gateway(ordersv1.FromAPI, "api-9").send(limit(1, buy, 1, 50, "more"))
	o := &tradesv1.Output{FirstInSeq: st.LastSeq + 1, LastInSeq: st.LastSeq + 1, Part: 1, Last: true, FirstEventSeq: 1, PrevSeq: tail.Seq}
	sum := digestOf(tail.Data)
	o.PrevDigest = sum
	data, err := proto.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.bus.PublishFenced(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue), tail.Seq, data, nil); err != nil {
		t.Fatal(err)
	}
	h.refused(recovery.ErrDiverged, "do not give the bytes")
}

// TestOrdersRemadeWhileServing: the leader notices by itself.
func TestOrdersRemadeWhileServing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.start(nil)
	i.wait()
	h.remake(ordersv1.Stream)
	select {
	case <-i.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the leader goes on although ORDERS was made anew")
	}
	if !errors.Is(i.err, recovery.ErrRegressed) {
		t.Fatal(i.err)
	}
}

// refused expects that no instance serves, and why.
func (h *house) refused(want error, text string) {
	h.t.Helper()
	i := h.start(nil)
	select {
	case <-i.done:
	case <-i.ready:
		h.t.Fatal("it serves")
	case <-h.ctx().Done():
		h.t.Fatal("it neither serves nor refuses")
	}
	if !errors.Is(i.err, want) || !strings.Contains(i.err.Error(), text) || !strings.Contains(i.err.Error(), "restore") {
		h.t.Fatalf("it refuses with %v, want %v with %q and the way out", i.err, want, text)
	}
}

func TestTickIsAskedWhenTimeIsDoubted(t *testing.T) {
	t.Parallel()
	e, a := setupFor(t)
	if len(a.orders) != 0 {
		t.Fatal("a tick without need")
	}
	at := int64(1_700_000_000_000)
	apply(t, e, 1, "api", at, at)
	apply(t, e, 2, "api", at+600_000, at)
	if !e.WantsTick() {
		t.Fatal("the engine is not in doubt")
	}
	for range 3 { // one at a time
		if err := a.setup.step(); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.orders) != 1 {
		t.Fatalf("%d ticks under way", len(a.orders))
	}
	o := <-a.orders
	if o.from != ordersv1.FromTick || o.pack.PackNo != 1 || !a.setup.owns([]byte(o.pack.Gateway)) {
		t.Fatalf("%v", o)
	}
}
