package orderbook

import (
	"context"
	"strings"
	"testing"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/client/book"
)

// streamJournal is the TRADES subject itself as a journal.
type streamJournal struct{ bus *bus.Bus }

func (j streamJournal) Each(ctx context.Context, venue string, fn func(uint64, []byte) error) error {
	last, err := j.bus.Last(ctx, tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil {
		return err
	}
	f := j.bus.Follow(ctx, tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer f.Close()
	for {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if err := fn(m.Seq, m.Data); err != nil || m.Seq == last.Seq {
				return err
			}
		}
	}
}

// TestOperatorsTools: an auction is computed without being held, the book is
// verified while it is served, and a state made from events alone is what the
// next start begins with.
func TestOperatorsTools(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	c := startCrowd(t, srv)
	c.answered(20)
	a, err := book.SimulateAuction(t.Context(), c.bus, "main", "WINE-USD")
	if err != nil || a.Auction == nil || a.Auction.Price != nil || a.Auction.Reference == nil || len(a.Auction.InputDigest) != 64 || a.InSeq == 0 {
		t.Errorf("%+v, %v", a.Auction, err)
	}
	if _, err := book.SimulateAuction(t.Context(), c.bus, "main", "OIL-USD"); err == nil || !strings.Contains(err.Error(), "OIL-USD") {
		t.Errorf("an unknown market: %v", err)
	}
	if v, err := book.Verify(t.Context(), c.bus, "main", nil); err != nil || v.Outputs == 0 || v.Digest == "" {
		t.Errorf("%+v, %v", v, err)
	}
	c.verify()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	r, err := book.Rebuild(t.Context(), streamJournal{c.bus}, c.bus, "main", false)
	if err != nil || r.Snapshot == "" || r.Orders == 0 || r.Refilled {
		t.Fatalf("%+v, %v", r, err)
	}
	p = start(t, srv, yaml)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if v, err := book.Verify(t.Context(), c.bus, "main", nil); err != nil || v.InSeq < r.InSeq {
		t.Errorf("%+v, %v", v, err)
	}
}
