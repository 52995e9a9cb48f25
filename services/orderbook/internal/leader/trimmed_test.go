package leader

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/pkg/zlog/zlogtest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

func (h *house) source() *recovery.Source {
	return &recovery.Source{Bus: recovery.OnBus(h.bus), Store: snapshot.New(h.bus.JetStream(), venue, ""), Venue: venue, Log: zlogtest.Test(h.t).Logger}
}

// trim purges the packs of gateways below a sequence; other subjects keep
// theirs, so that ORDERS begins where it always did.
func (h *house) trim(below uint64) {
	h.t.Helper()
	s, err := h.bus.JetStream().Stream(h.ctx(), ordersv1.Stream)
	if err == nil {
		err = s.Purge(h.ctx(), jetstream.WithPurgeSubject(ordersv1.Subject(venue, ordersv1.FromAPI)), jetstream.WithPurgeSequence(below))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if st, err := h.bus.Stream(h.ctx(), ordersv1.Stream); err != nil || st.FirstSeq != 1 || st.Deleted == 0 {
		h.t.Fatalf("the stream shows that it was trimmed: %+v, %v", st, err)
	}
}

func damage(b []byte) []byte { return b[:len(b)-1] }

// TestTrimmed: ORDERS lost what the oldest confirmed snapshot stands in for,
// which neither stream's beginning tells.
func TestTrimmed(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	oldest := refs[len(refs)-1]
	a, found, err := h.source().Anchor(h.ctx())
	if err != nil || !found || a.Snapshot != oldest.Name || a.Orders != oldest.InSeq || a.Trades == 0 || a.Trades > oldest.TradesSeq {
		t.Fatalf("%+v, %v, %v; the oldest is %+v", a, found, err, oldest)
	}
	h.trim(a.Orders)
	verify := func() {
		t.Helper()
		v, err := h.source().Verify(h.ctx(), func(recovery.Verdict) {})
		if err != nil || v.FromInSeq != oldest.InSeq || v.Tail != v.End {
			t.Fatalf("%+v, %v", v, err)
		}
	}
	verify()
	for _, r := range refs[:len(refs)-1] {
		h.overwrite(r, damage)
	}
	i := h.start(nil) // from the oldest
	i.wait()
	if i.state.Snapshot != oldest.InSeq {
		t.Errorf("it began at %d, want %d", i.state.Snapshot, oldest.InSeq)
	}
	_ = i.stop()
	verify()
	h.overwrite(oldest, damage)
	h.refused(recovery.ErrRegressed, "no snapshot is usable")
}

// TestTrimmedTooFar: packs after the newest usable snapshot are gone.
func TestTrimmedTooFar(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	h.trim(refs[0].InSeq)
	i := h.start(nil)
	i.wait() // the newest one is enough
	_ = i.stop()
	left, err := h.source().Store.List(h.ctx())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range left {
		if r.InSeq >= refs[0].InSeq {
			h.overwrite(r, damage)
		}
	}
	h.refused(recovery.ErrRegressed, "trimmed above the newest usable snapshot")
}

// TestConfirm: a snapshot is confirmed when a replay from the one before comes
// to the same state, and not when it comes to another.
func TestConfirm(t *testing.T) {
	t.Parallel()
	h, refs := withSnapshots(t)
	// The newest may be such that stops left in haste.
	if r := refs[len(refs)-1]; !r.Verified || r.TradesSeq == 0 {
		t.Fatalf("the keeper did not confirm %+v", r)
	}
	src := h.source()
	m := metric.New(prometheus.NewRegistry(), venue)
	keep := keeper.New(src, m, 0, src.Log)
	confirmed := func(inSeq uint64) bool {
		t.Helper()
		refs, err := src.Store.List(h.ctx())
		if err != nil || refs[0].InSeq != inSeq {
			t.Fatalf("the snapshot at %d is not stored: %+v, %v", inSeq, refs, err)
		}
		return refs[0].Verified
	}

	st, err := src.Run(h.ctx())
	if err != nil {
		t.Fatal(err)
	}
	good := st.Engine.Clone()
	if refs[0].Verified && refs[0].InSeq == good.LastInSeq() {
		t.Fatal("there is nothing to replay: the test tests nothing")
	}
	if err := keep.Keep(h.ctx(), keeper.Save{Engine: st.Engine.Clone(), Digest: good.Digest(), TradesSeq: st.Tail}); err != nil {
		t.Fatal(err)
	}
	if !confirmed(good.LastInSeq()) {
		t.Error("a good snapshot is not confirmed")
	}

	// An engine that took another pack than the one in ORDERS.
	h.gateway(ordersv1.FromAPI, "api-7").send(limit(1, buy, 1, 50, "theirs"))
	seq := h.lastSeq()
	now := good.NowMs() + 1
	apply(t, good, seq, ordersv1.FromAPI, now, now, limit(1, buy, 2, 51, "ours"))
	err = keep.Keep(h.ctx(), keeper.Save{Engine: good.Clone(), Digest: good.Digest(), TradesSeq: st.Tail + 1})
	if err == nil || !strings.Contains(err.Error(), "a replay up to pack") || confirmed(seq) {
		t.Errorf("a state that no replay gives: %v, confirmed %v", err, confirmed(seq))
	}
	// A digest that is not the state's is not even stored.
	err = keep.Keep(h.ctx(), keeper.Save{Engine: good.Clone(), Digest: [32]byte{1}, TradesSeq: st.Tail + 1})
	if err == nil || !strings.Contains(err.Error(), "TRADES says") {
		t.Errorf("another digest: %v", err)
	}
}
