package trim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/zlog/zlogtest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// refused expects no bounds, and why.
func (w *world) refused(text string) {
	w.t.Helper()
	if b, err := Find(w.t.Context(), w.bus, w.db, venue); err == nil || !strings.Contains(err.Error(), text) {
		w.t.Errorf("Find = %+v, %v; want a refusal with %q", b, err, text)
	}
}

// bounds waits for a confirmed snapshot behind a pack.
func (w *world) bounds(after uint64) (b Bounds) {
	w.t.Helper()
	w.until(func() (err error) {
		if b, err = Find(w.t.Context(), w.bus, w.db, venue); err == nil && b.Orders <= after {
			w.load(10)
			err = fmt.Errorf("the oldest confirmed snapshot ends at %d, want more than %d", b.Orders, after)
		}
		return err
	})
	return b
}

func (w *world) purge(b Bounds, dry bool) map[string]Trimmed {
	w.t.Helper()
	all, err := b.Purge(w.t.Context(), w.bus, dry)
	if err != nil {
		w.t.Fatal(err)
	}
	by := map[string]Trimmed{}
	for _, s := range all {
		by[s.Subject] = s
	}
	return by
}

// first is the oldest message of a subject.
func (w *world) first(stream, subject string) uint64 {
	w.t.Helper()
	m, err := w.bus.Next(w.t.Context(), stream, subject, 1)
	if err != nil || m == nil {
		w.t.Fatalf("%s has no message: %v", subject, err)
	}
	return m.Seq
}

// TestTrim: a venue with a standby is trimmed while it is served; instances that
// start afterwards, the standby that takes over, the writer, and a verification
// find all that they need.
func TestTrim(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.refused("the writer has no cursor of venue main")
	leader := w.orderbook()
	w.fund()
	w.load(20)
	stored := w.writer()
	w.until(func() error {
		_, err := writerCursor(t.Context(), w.bus, w.db, venue)
		return err
	})
	standby := w.orderbook()
	before := w.bounds(100)

	dry := w.purge(before, true)
	api, admin, trades := ordersv1.Subject(venue, ordersv1.FromAPI), ordersv1.Subject(venue, ordersv1.FromAdmin), tradesv1.Subject(venue)
	if dry[api].Purged < 50 || dry[trades].Purged == 0 || w.first(ordersv1.Stream, admin) != 1 || w.first(tradesv1.Stream, trades) != 1 {
		t.Fatalf("the dry run: %+v; TRADES begins at %d", dry, w.first(tradesv1.Stream, trades))
	}
	done := w.purge(before, false)
	if done[api].Purged != dry[api].Purged || done[trades].Purged != dry[trades].Purged {
		t.Errorf("the dry run says %+v, then %+v", dry, done)
	}
	if first := w.first(ordersv1.Stream, api); first < before.Orders || first != done[api].Below && first > before.Orders+1 {
		t.Errorf("ORDERS begins at %d for the gateways, want %d", first, before.Orders)
	}
	if first := w.first(tradesv1.Stream, trades); first != before.Trades {
		t.Errorf("TRADES begins at %d, want %d", first, before.Trades)
	}
	// The configuration's only pack, and the only deposits, stay.
	if w.first(ordersv1.Stream, admin) != 1 || done[admin].Kept != 1 || done[ordersv1.Subject(venue, ordersv1.FromFunds)].Kept != 1 {
		t.Errorf("a subject's last message is gone: %+v", done)
	}
	for _, s := range w.purge(before, false) {
		if s.Purged != 0 {
			t.Errorf("a second time it purges %+v", s)
		}
	}

	w.load(10)
	if v := w.settled(); v.FromInSeq < before.Orders {
		t.Errorf("verified from pack %d, trimmed below %d", v.FromInSeq, before.Orders)
	}
	if n := w.trades(); n == 0 {
		t.Error("there was no trade: the test tests nothing")
	}
	if err := leader.end(); err != nil { // the standby takes over
		t.Fatal(err)
	}
	w.load(10)
	w.settled()
	if err := standby.end(); err != nil {
		t.Fatal(err)
	}
	if err := stored.end(); err != nil {
		t.Fatal(err)
	}
	w.load(10) // nobody is there
	w.orderbook()
	w.writer()
	w.settled()
	// And once more, further.
	further := w.bounds(before.Orders)
	w.purge(further, false)
	w.orderbook()
	w.settled()
}

// TestRefusals: nothing stands in for what would be taken.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leader := w.orderbook()
	w.writer()
	w.fund()
	w.load(5)
	w.bounds(0)
	if err := leader.end(); err != nil {
		t.Fatal(err)
	}
	w.settled()
	b, err := Find(t.Context(), w.bus, w.db, venue)
	if err != nil {
		t.Fatal(err)
	}

	// Bytes under the snapshot's name that are not its own.
	objects, err := w.bus.JetStream().ObjectStore(t.Context(), topology.ObjectSnapshots)
	if err != nil {
		t.Fatal(err)
	}
	info, err := objects.GetInfo(t.Context(), b.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	data, err := objects.GetBytes(t.Context(), b.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte, meta map[string]string) {
		t.Helper()
		if _, err := objects.Put(t.Context(), jetstream.ObjectMeta{Name: name, Metadata: meta}, strings.NewReader(string(data))); err != nil {
			t.Fatal(err)
		}
	}
	put(b.Snapshot, data[:len(data)-1], info.Metadata)
	w.refused("loading the oldest confirmed snapshot")
	// A snapshot that claims to end elsewhere in TRADES.
	put(b.Snapshot, data, map[string]string{"fondaco-trades-seq": "1"})
	w.refused("does not end with pack")
	put(b.Snapshot, data, info.Metadata)

	// The cursor is of another life of TRADES.
	if _, err := w.db.Exec(t.Context(), "update ctl.cursors set stream_created = stream_created - 1 where partition = 'trade.main'"); err != nil {
		t.Fatal(err)
	}
	w.refused("is of the TRADES made at")
	if _, err := w.db.Exec(t.Context(), "update ctl.cursors set stream_created = stream_created + 1 where partition = 'trade.main'"); err != nil {
		t.Fatal(err)
	}

	// No snapshot is confirmed.
	infos, err := objects.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		meta := i.ObjectMeta
		meta.Metadata = nil
		if err := objects.UpdateMeta(t.Context(), i.Name, meta); err != nil {
			t.Fatal(err)
		}
	}
	w.refused("no confirmed snapshot")
}

// TestRounds: a round purges below what the round before found.
func TestRounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.orderbook()
	w.writer()
	w.fund()
	w.load(5)
	early := w.bounds(20)
	r := &Rounds{Bus: w.bus, DB: w.db, Venue: venue, Log: zlogtest.Test(t).Logger}
	if err := r.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := w.first(tradesv1.Stream, tradesv1.Subject(venue)); first != 1 {
		t.Fatalf("the first round purged: TRADES begins at %d", first)
	}
	found := *r.before
	w.bounds(early.Orders + 50)
	if err := r.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := w.first(tradesv1.Stream, tradesv1.Subject(venue)); first != found.Trades || r.before.Trades <= found.Trades {
		t.Errorf("after the second round TRADES begins at %d, the first had found %d, the second %d", first, found.Trades, r.before.Trades)
	}
	w.settled()
}
