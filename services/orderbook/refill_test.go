package orderbook

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/client/book"
)

// kept is a journal in memory: all that is left of a venue.
type kept struct {
	seqs []uint64
	data [][]byte
}

func (k *kept) Each(_ context.Context, _ string, fn func(uint64, []byte) error) error {
	for i := range k.seqs {
		if err := fn(k.seqs[i], k.data[i]); err != nil {
			return err
		}
	}
	return nil
}

// lived lets a venue trade for a while and keeps its journal, and its streams.
func lived(t *testing.T) (*kept, *bustest.Server) {
	t.Helper()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	c := startCrowd(t, srv)
	c.answered(20)
	c.verify()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	k := &kept{}
	if err := (streamJournal{c.bus}).Each(t.Context(), "main", func(seq uint64, data []byte) error {
		k.seqs, k.data = append(k.seqs, seq), append(k.data, data)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return k, srv
}

// goesOn asks the venue for something and holds the output that comes of it to
// what the journal ends with.
func goesOn(t *testing.T, b *bus.Bus, r book.Rebuilt) {
	t.Helper()
	answers, err := b.Conn().SubscribeSync(ordersv1.ReplySubject("later"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: "later", PackNo: 1, SentAtMs: time.Now().UnixMilli(), Commands: []*ordersv1.Command{
		{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: 1, OrderId: 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := b.PublishOnce(t.Context(), ordersv1.Subject("main", ordersv1.FromAPI), ordersv1.MsgID("later", 1), data, nil)
	if err != nil || in <= r.InSeq {
		t.Fatalf("pack %d, %v", in, err)
	}
	first, err := answers.NextMsg(30 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	f := b.Follow(t.Context(), tradesv1.Stream, []string{tradesv1.Subject("main")}, r.Tail+1)
	defer f.Close()
	msgs, err := f.Next(t.Context(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var out tradesv1.Output
	if err := proto.Unmarshal(msgs[0].Data, &out); err != nil || msgs[0].Seq != r.Tail+1 || out.PrevSeq != r.Tail || out.FirstEventSeq != r.Events+1 || out.FirstInSeq != r.InSeq+1 {
		t.Errorf("message %d follows %d, its events begin with %d and packs with %d (%v) behind %+v", msgs[0].Seq, out.PrevSeq, out.FirstEventSeq, out.FirstInSeq, err, r)
	}
	// The output's leader has answered before it published.
	for n, _, _ := answers.Pending(); n > 0; n, _, _ = answers.Pending() {
		again, err := answers.NextMsg(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Data, first.Data) {
			t.Errorf("the pack was answered with %q and then with %q: somebody answered for another life", first.Data, again.Data)
		}
	}
}

// TestTotalLoss: of a venue whose ORDERS, TRADES and snapshots are gone the
// journal alone makes one that goes on: the book, the numbers of its events, and
// the chain of its messages.
func TestTotalLoss(t *testing.T) {
	t.Parallel()
	journal, _ := lived(t)
	srv := bustest.Start(t)
	provision(t, srv)
	b := srv.Bus(t)
	r, err := book.Rebuild(t.Context(), journal, b, "main", false)
	if err != nil || !r.Refilled || r.Orders == 0 || r.Tail != journal.seqs[len(journal.seqs)-1] {
		t.Fatalf("%+v, %v", r, err)
	}
	if again, err := book.Rebuild(t.Context(), journal, b, "main", false); err != nil || again.Refilled {
		t.Fatalf("once more: %+v, %v", again, err)
	}
	srv.Stop() // ORDERS is empty, and still knows where it goes on
	srv.Restart(t)
	p := start(t, srv, yaml)
	p.ready("")
	goesOn(t, b, r)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	p = start(t, srv, yaml)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// cut leaves of the journal's last output a first part, byte for byte as its
// leader publishes it: streams and leader were lost before the second.
func (k *kept) cut(t *testing.T) *kept {
	t.Helper()
	at := len(k.data) - 1
	var out tradesv1.Output
	if err := proto.Unmarshal(k.data[at], &out); err != nil || len(out.Events) < 2 || out.Part != 1 {
		t.Fatalf("the last message is part %d and has %d events, %v", out.Part, len(out.Events), err)
	}
	const last, event, digest = 4, 6, 7
	var part []byte
	left := len(out.Events) / 2
	for rest := k.data[at]; len(rest) > 0; {
		field, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		if field == event {
			left--
		}
		if field != last && field != digest && (field != event || left >= 0) {
			part = append(part, rest[:n]...)
		}
		rest = rest[n:]
	}
	return &kept{k.seqs, append(slices.Clone(k.data[:at]), part)}
}

// TestTotalLossInsideAnOutput: the journal ends with a part of an output, whose
// packs are lost; what it told stays, and the venue goes on behind it.
func TestTotalLossInsideAnOutput(t *testing.T) {
	t.Parallel()
	whole, _ := lived(t)
	journal, srv := whole.cut(t), bustest.Start(t)
	provision(t, srv)
	b := srv.Bus(t)
	r, err := book.Rebuild(t.Context(), journal, b, "main", false)
	if err != nil || !r.Refilled || r.Closed != 1 || r.Tail != journal.seqs[len(journal.seqs)-1]+1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if again, err := book.Rebuild(t.Context(), journal, b, "main", false); err != nil || again.Refilled || again.Digest != r.Digest {
		t.Fatalf("once more: %+v, %v", again, err)
	}
	p := start(t, srv, yaml)
	p.ready("")
	goesOn(t, b, r)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestRebuildLeavesALivingOutputAlone: the journal ends with the first part of an
// output whose packs are still in ORDERS. The order book completes it, and nobody
// else may, whatever is asked for.
func TestRebuildLeavesALivingOutputAlone(t *testing.T) {
	t.Parallel()
	whole, srv := lived(t)
	journal, b := whole.cut(t), srv.Bus(t)
	trades, err := b.JetStream().Stream(t.Context(), tradesv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.JetStream().DeleteStream(t.Context(), tradesv1.Stream); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().CreateStream(t.Context(), trades.CachedInfo().Config); err != nil {
		t.Fatal(err)
	}
	for _, data := range journal.data {
		if _, err := b.JetStream().Publish(t.Context(), tradesv1.Subject("main"), data); err != nil {
			t.Fatal(err)
		}
	}
	for _, discard := range []bool{false, true} {
		if r, err := book.Rebuild(t.Context(), journal, b, "main", discard); err == nil || r.Snapshot != "" || !strings.Contains(err.Error(), "an order book completes it") {
			t.Errorf("discard %t: %+v, %v", discard, r, err)
		}
	}
	p := start(t, srv, yaml)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	last, err := b.Last(t.Context(), tradesv1.Stream, tradesv1.Subject("main"))
	if err != nil || last.Seq <= uint64(len(journal.seqs)) {
		t.Errorf("TRADES ends with %+v, %v", last, err)
	}
}

// TestTotalLossNoticedLate: an order book that was started on empty streams has
// begun another life; it is thrown away only when that is said, however long it
// has become, and the order book, which runs, goes on in the old one.
func TestTotalLossNoticedLate(t *testing.T) {
	t.Parallel()
	for name, longer := range map[string]bool{"soon": false, "after a longer life": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journal, _ := lived(t)
			srv := bustest.Start(t)
			provision(t, srv)
			p := start(t, srv, yaml)
			p.ready("")
			b := srv.Bus(t)
			if longer {
				c := startCrowd(t, srv)
				for longer {
					c.answered(20)
					st, err := b.Stream(t.Context(), tradesv1.Stream)
					if err != nil {
						t.Fatal(err)
					}
					longer = st.LastSeq <= journal.seqs[len(journal.seqs)-1]
				}
				c.verify()
			}
			if r, err := book.Rebuild(t.Context(), journal, b, "main", false); !errors.Is(err, book.ErrOtherLife) || r.Refilled || r.Snapshot != "" {
				t.Fatalf("%+v, %v", r, err)
			}
			r, err := book.Rebuild(t.Context(), journal, b, "main", true)
			if err != nil || !r.Refilled {
				t.Fatalf("%+v, %v", r, err)
			}
			goesOn(t, b, r)
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
