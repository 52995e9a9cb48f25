package core

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

// tape is a fixed run of packs: four accounts quoting around 100 with cancels
// and crossing orders, n commands in packs of 10.
func tape(n int) []Input {
	in := []Input{
		{Seq: 1, From: "admin", Pack: &ordersv1.Pack{Commands: []*ordersv1.Command{
			assetOf("USD", 2), assetOf("WINE", 0), marketOf("WINE-USD", "WINE", "USD", 1, 1, 500, 1500)}}},
		{Seq: 2, From: "funds", Pack: &ordersv1.Pack{}},
	}
	for a := uint64(1); a <= 4; a++ {
		in[1].Pack.Commands = append(in[1].Pack.Commands,
			fund(a, "USD", 1<<40, fmt.Sprint("usd", a)), fund(a, "WINE", 1<<40, fmt.Sprint("wine", a)))
	}
	rng := uint64(42)
	next := func(k uint64) uint64 {
		rng = rng*6364136223846793005 + 1442695040888963407
		return (rng >> 33) % k
	}
	orders := uint64(0)
	for i := 0; i < n; i += 10 {
		p := &ordersv1.Pack{}
		for range 10 {
			account := 1 + next(4)
			if orders > 20 && next(10) < 4 {
				p.Commands = append(p.Commands, cancelID(account, orders-next(20)))
				continue
			}
			orders++
			side, price := buy, int64(99-next(30))
			if next(2) == 0 {
				side, price = sell, int64(101+next(30))
			}
			if next(10) == 0 {
				price = 100
			}
			p.Commands = append(p.Commands, limit(account, side, gtc, int64(1+next(9)), price, fmt.Sprint("c", orders)))
		}
		in = append(in, Input{Seq: uint64(len(in) + 1), From: "api", Pack: p})
	}
	for i := range in {
		in[i].ServerMs = base + int64(i)
		in[i].Pack.Gateway, in[i].Pack.PackNo, in[i].Pack.SentAtMs = in[i].From, uint64(i+1), in[i].ServerMs
	}
	return in
}

func TestSamePacksSameBytes(t *testing.T) {
	t.Parallel()
	in := tape(5000)
	a, b := New(), New()
	var outA, outB Batch
	var reply Reply
	for i, p := range in {
		a.Apply(p, &outA, nil)
		b.Apply(p, &outB, &reply) // whether somebody is answered does not matter
		if i == len(in)/2 {
			restored, err := Restore(b.AppendSnapshot(nil))
			if err != nil {
				t.Fatal(err)
			}
			b = restored
		}
	}
	if !bytes.Equal(outA.data, outB.data) || a.Digest() != b.Digest() || a.Events() != uint64(outA.Len()) {
		t.Fatal("two engines differ after the same packs")
	}
	if !bytes.Equal(a.AppendSnapshot(nil), b.AppendSnapshot(nil)) {
		t.Fatal("snapshots differ after the same packs")
	}
	if err := a.Audit(); err != nil {
		t.Fatal(err)
	}
}

// TestOutputIsCanonicalProto holds the hand-written encoding to the schema: what
// the library decodes it encodes to the same bytes, and knows every field. (The
// harness does the same for the events of every scenario.)
func TestOutputIsCanonicalProto(t *testing.T) {
	t.Parallel()
	in := tape(2000)
	e := New()
	var out Batch
	var reply Reply
	seen := map[string]int{}
	for _, p := range in {
		out.Reset()
		first := e.Events() + 1
		e.Apply(p, &out, &reply)
		again(t, reply.Bytes(), &ordersv1.PackReply{})
		o := NewOutput(&out, tradesv1.MaxMessage)
		o.FirstInSeq, o.LastInSeq, o.FirstEvent, o.Digest = p.Seq, p.Seq, first, e.Digest()
		m := &tradesv1.Output{}
		again(t, o.AppendPart(nil, 0, 7, make([]byte, 32)), m)
		for _, ev := range m.Events {
			seen[fmt.Sprintf("%T", ev.Kind)]++
		}
	}
	if len(seen) < 9 {
		t.Errorf("the tape shows only %v", seen)
	}
}

func again(t *testing.T, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
	if len(m.ProtoReflect().GetUnknown()) != 0 {
		t.Fatalf("unknown fields in %T", m)
	}
	back, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil || !bytes.Equal(back, b) {
		t.Fatalf("%T: not the canonical encoding (%v)\n%x\n%x", m, err, b, back)
	}
}

func TestOutputParts(t *testing.T) {
	t.Parallel()
	e, in := New(), tape(3000)
	var out Batch
	for _, p := range in {
		e.Apply(p, &out, nil)
	}
	whole := NewOutput(&out, 1<<30)
	if whole.Parts() != 1 {
		t.Fatalf("%d parts without a bound", whole.Parts())
	}
	const bound = 10_000
	o := NewOutput(&out, bound)
	o.FirstInSeq, o.LastInSeq, o.FirstEvent, o.Digest = 1, in[len(in)-1].Seq, 1, e.Digest()
	event, counts := uint64(1), []int{}
	for k := range o.Parts() {
		b := o.AppendPart(nil, k, 0, nil)
		m := &tradesv1.Output{}
		again(t, b, m)
		last := k == o.Parts()-1
		if len(b) > bound || m.Part != uint32(k+1) || m.Last != last || (len(m.Digest) == sha256.Size) != last || m.FirstEventSeq != event {
			t.Fatalf("part %d of %d: %d bytes, %v", k+1, o.Parts(), len(b), m.FirstEventSeq)
		}
		event += uint64(len(m.Events))
		counts = append(counts, len(m.Events))
	}
	if event != e.Events()+1 {
		t.Fatalf("parts hold %d events of %d", event-1, e.Events())
	}
	// A recovery keeps the borders of the parts that are published.
	o2 := NewOutput(&out, 1<<30, counts[:2]...)
	o2.FirstInSeq, o2.LastInSeq, o2.FirstEvent, o2.Digest = 1, in[len(in)-1].Seq, 1, e.Digest()
	for k := range 2 {
		if !bytes.Equal(o2.AppendPart(nil, k, 5, nil), o.AppendPart(nil, k, 5, nil)) {
			t.Fatalf("part %d came out differently", k+1)
		}
	}
	if o2.Parts() != 3 {
		t.Fatalf("%d parts after two published ones", o2.Parts())
	}
}

// TestSnapshotDamage flips and cuts every part of a snapshot: never a panic,
// never an engine.
func TestSnapshotDamage(t *testing.T) {
	t.Parallel()
	e := New()
	var out Batch
	for _, p := range tape(200) {
		e.Apply(p, &out, nil)
	}
	good := e.AppendSnapshot(nil)
	if _, err := Restore(good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x20
		if _, err := Restore(bad); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := Restore(good[:i]); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		// A snapshot that checks out by its sum, but not by its contents.
		forged := bytes.Clone(bad[:len(bad)-sha256.Size])
		sum := sha256.Sum256(forged)
		if _, err := Restore(append(forged, sum[:]...)); i < len(forged) && !errors.Is(err, ErrSnapshot) {
			t.Fatalf("byte %d forged: %v", i, err)
		}
	}
}

func TestDigestSeesEveryBalance(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.open(0, 0)
	before := v.e.Digest()
	v.send("funds", fund(1, "USD", 5, "d1"))
	after := v.e.Digest()
	if before == after || after != v.e.Digest() {
		t.Fatal("the digest does not follow the state")
	}
}

func TestReplyBounds(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.open(0, 0)
	v.send("funds", fund(1, "WINE", 1<<30, "d1"), fund(2, "USD", 1<<40, "d2"))
	for p := range 5 {
		var cmds []*ordersv1.Command
		for i := range ordersv1.MaxCommands {
			cmds = append(cmds, limit(1, sell, gtc, 1, 100, fmt.Sprint("s", p*1000+i)))
		}
		v.send("api", cmds...)
	}
	r := v.send("api", limit(2, buy, gtc, 5000, 100, "sweep"))
	o := r.reply.Outcomes[0].Order
	if o.FilledLots != 5000 || o.Status != ordersv1.OrderStatus_ORDER_STATUS_FILLED || len(o.Fills) != maxFillsAnswered {
		t.Fatalf("sweep: %d lots, %d fills answered", o.FilledLots, len(o.Fills))
	}
	again := v.send("api", limit(2, buy, gtc, 5000, 100, "sweep")).reply.Outcomes[0]
	if !again.RepeatedId || len(again.Order.Fills) != MaxFillsKept || again.Order.FilledLots != 5000 {
		t.Fatalf("repeated sweep: %v", again)
	}
}

func TestTooManyCommands(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	v.open(0, 0)
	cmds := make([]*ordersv1.Command, ordersv1.MaxCommands+2)
	for i := range cmds {
		cmds[i] = cancelID(1, 1)
	}
	r := v.send("api", cmds...)
	if n := len(r.reply.Outcomes); n != len(cmds) {
		t.Fatalf("%d outcomes", n)
	}
	for i, o := range r.reply.Outcomes {
		want := ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER
		if i >= ordersv1.MaxCommands {
			want = ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
		}
		if o.Reject != want {
			t.Fatalf("command %d: %v", i, o.Reject)
		}
	}
}

// TestUndecodablePack: it takes its place in the order and nothing else.
func TestUndecodablePack(t *testing.T) {
	t.Parallel()
	v := newVenue(t)
	a := v.sendPack("api", nil)
	if !a.applied.Bad || len(a.events) != 1 || !a.events[0].GetPackApplied().Skipped || v.e.LastInSeq() != 1 {
		t.Fatalf("%+v %v", a.applied, a.events)
	}
}

// BenchmarkApply runs the mix of a busy book: 50% new, 40% cancel, 10% marketable.
func BenchmarkApply(b *testing.B) {
	in := tape(200_000)
	e := New()
	var out Batch
	var reply Reply
	i, commands := 0, 0
	b.ReportAllocs()
	b.ResetTimer()
	for commands < b.N {
		if i == len(in) {
			b.StopTimer()
			e, i = New(), 0
			b.StartTimer()
		}
		out.Reset()
		commands += e.Apply(in[i], &out, &reply).Commands
		i++
	}
}

func BenchmarkDigest(b *testing.B) {
	e := New()
	var out Batch
	for _, p := range tape(50_000) {
		e.Apply(p, &out, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Digest()
	}
}

func BenchmarkSnapshot(b *testing.B) {
	e := New()
	var out Batch
	for _, p := range tape(200_000) {
		e.Apply(p, &out, nil)
	}
	var buf []byte
	for b.Loop() {
		buf = e.AppendSnapshot(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}
