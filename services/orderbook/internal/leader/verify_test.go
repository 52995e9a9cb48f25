package leader

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/rebuild"
)

// verify waits until TRADES holds the events of every pack in ORDERS and
// compares it with an undisturbed engine: the same bytes, each event once, in a
// chain without a gap, with the same digests. It returns the number of trades.
func (h *house) verify() (trades int) {
	h.t.Helper()
	ctx := h.ctx()
	end := h.lastSeq()
	follow := h.bus.Follow(ctx, tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer follow.Close()
	input := h.bus.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects(venue)}, 1)
	defer input.Close()
	var packs, parts []bus.Message
	var counts []int
	e := engine.New(engine.Options{})
	var want engine.Batch
	prev := bus.Message{}
	fold := rebuild.New()
	for e.LastInSeq() < end {
		msgs, err := follow.Next(ctx, 32<<20)
		if err != nil {
			h.t.Fatalf("TRADES stops after pack %d of %d: %v", e.LastInSeq(), end, err)
		}
		for _, m := range msgs {
			o, events, t := peek(h.t, m.Data)
			if err := fold.Message(m.Seq, m.Data, digestOf(m.Data)); err != nil {
				h.t.Fatal(err)
			}
			parts, counts, trades = append(parts, m), append(counts, events), trades+t
			if int(o.Part) != len(parts) || len(m.Data) > tradesv1.MaxMessage {
				h.t.Fatalf("message %d: part %d of %d bytes after %d parts", m.Seq, o.Part, len(m.Data), len(parts)-1)
			}
			if !o.Last {
				continue
			}
			first := e.Events() + 1
			want.Reset()
			for e.LastInSeq() < o.LastInSeq {
				if len(packs) == 0 {
					if packs, err = input.Next(ctx, 32<<20); err != nil {
						h.t.Fatal(err)
					}
				}
				if err := intake.Apply(e, intake.Input(venue, &packs[0]), &want, nil, nil); err != nil {
					h.t.Fatal(err)
				}
				packs = packs[1:]
			}
			out := engine.NewOutput(&want, 1<<40, counts...)
			out.FirstInSeq, out.LastInSeq, out.FirstEvent, out.Digest, out.Semantics = o.FirstInSeq, o.LastInSeq, first, e.Digest(), e.Semantics()
			for k, part := range parts {
				var digest []byte
				if prev.Seq != 0 {
					digest = digestOf(prev.Data)
				}
				if k >= out.Parts() || !bytes.Equal(out.AppendPart(nil, k, prev.Seq, digest), part.Data) {
					h.t.Fatalf("TRADES message %d (packs %d to %d, part %d) is not what an undisturbed run gives", part.Seq, o.FirstInSeq, o.LastInSeq, k+1)
				}
				prev = part
			}
			parts, counts = nil, nil
		}
	}
	if err := e.Audit(); err != nil {
		h.t.Fatal(err)
	}
	// The events alone make the same state.
	folded, err := fold.Engine()
	if err != nil {
		h.t.Fatal(err)
	}
	if !bytes.Equal(folded.AppendSnapshot(nil), e.AppendSnapshot(nil)) {
		h.t.Fatal("the fold of the events has another snapshot than the engine")
	}
	return trades
}

// peek reads an Output without its events, and counts them and the trades.
func peek(t testing.TB, data []byte) (o *tradesv1.Output, events, trades int) {
	t.Helper()
	var rest []byte
	for b := data; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		size := protowire.ConsumeFieldValue(num, typ, b[max(n, 0):])
		if n < 0 || size < 0 {
			t.Fatal("TRADES holds a message that cannot be read")
		}
		if num == 6 {
			events++
			if body, _ := protowire.ConsumeBytes(b[n:]); body[0] == 7<<3|2 {
				trades++
			}
		} else {
			rest = append(rest, b[:n+size]...)
		}
		b = b[n+size:]
	}
	o = &tradesv1.Output{}
	if err := proto.Unmarshal(rest, o); err != nil {
		t.Fatal(err)
	}
	return o, events, trades
}

func (h *house) lastSeq() uint64 {
	h.t.Helper()
	st, err := h.bus.Stream(h.ctx(), ordersv1.Stream)
	if err != nil {
		h.t.Fatal(err)
	}
	return st.LastSeq
}

func digestOf(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}
