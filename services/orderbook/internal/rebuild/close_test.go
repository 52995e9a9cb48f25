package rebuild

import (
	"bytes"
	"crypto/sha256"
	"os"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// cutAt folds all messages of a venue and of the output that waits in it one
// part, which ends behind its first n events, as if its leader had died then.
func (v *venue) cutAt(n int) *Fold {
	v.t.Helper()
	f := New()
	for _, m := range v.kept {
		if err := f.Message(m.Seq, m.Data, m.Sum); err != nil {
			v.t.Fatal(err)
		}
	}
	o := engine.NewOutput(&v.out, 1<<30, n)
	o.FirstInSeq, o.LastInSeq, o.FirstEvent, o.Digest, o.Semantics = v.firstI, v.e.LastInSeq(), v.firstE, v.e.Digest(), v.e.Semantics()
	data := o.AppendPart(nil, 0, v.tail, v.sum)
	sum := sha256.Sum256(data)
	if err := f.Message(v.tail+1, data, sum[:]); err != nil {
		v.t.Fatal(err)
	}
	if !f.Cut() {
		v.t.Fatalf("seed %d: %d of %d events are the whole output", v.seed, n, v.out.Len())
	}
	return f
}

// held is what the house owes in all, available and reserved, by asset.
func held(f *Fold) map[uint32]int64 {
	out := map[uint32]int64{}
	for h, b := range f.balances {
		out[h.asset] += int64(b.Available) + int64(b.Reserved)
	}
	return out
}

// TestCutAnywhere: wherever an output is cut, in the middle of a sweep, a pair, an
// auction or the balances, its end is made of what was told: every amount is
// somewhere, the state passes the engine's audit, a second fold of the messages
// comes to the same, and the venue goes on from it.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	cuts, canceled, closed := 0, 0, map[string]int{}
	lives := 3
	if n, err := strconv.Atoi(os.Getenv("FONDACO_LIVES")); err == nil {
		lives = n
	}
	for seed := range uint64(lives) {
		v := newVenue(t, seed)
		v.fund()
		for range 90 {
			if v.maybe(4) {
				v.nowMs += int64(v.rng.IntN(3000))
			}
			for range 1 + v.rng.IntN(3) {
				if v.maybe(6) {
					from, c := v.rule()
					v.pack(from, c)
					continue
				}
				var cmds []*ordersv1.Command
				for range 1 + v.rng.IntN(8) {
					cmds = append(cmds, v.command())
				}
				v.pack(ordersv1.FromAPI, cmds...)
			}
			if v.out.Len() > 1 && v.maybe(2) {
				n := 1 + v.rng.IntN(v.out.Len()-1)
				f := v.cutAt(n)
				more, err := f.Close()
				if err != nil {
					t.Fatalf("seed %d, after %d of %d events behind message %d: %v", seed, n, v.out.Len(), v.tail, err)
				}
				cuts++
				canceled += v.closes(n, f, more, closed)
			}
			v.flush()
		}
	}
	t.Logf("%d cuts, %d orders canceled, events %v", cuts, canceled, closed)
	for _, kind := range []string{"canceled", "rested", "balance", "pack"} {
		if closed[kind] == 0 {
			t.Errorf("no cut was ended with %s: the lives are too tame", kind)
		}
	}
}

// closes holds the end of a cut output to what it must be, and counts the orders
// that it cancels.
func (v *venue) closes(n int, f *Fold, more []Message, closed map[string]int) (canceled int) {
	t := v.t
	t.Helper()
	again := v.cutAt(n)
	for _, m := range more {
		if err := again.Message(m.Seq, m.Data, m.Sum); err != nil {
			t.Fatalf("seed %d: %v", v.seed, err)
		}
		var out tradesv1.Output
		if err := proto.Unmarshal(m.Data, &out); err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			switch e.Kind.(type) {
			case *tradesv1.Event_OrderCanceled:
				closed["canceled"]++
				canceled++
			case *tradesv1.Event_OrderRested:
				closed["rested"]++
			case *tradesv1.Event_BalanceChanged:
				closed["balance"]++
			case *tradesv1.Event_PackApplied:
				closed["pack"]++
			case *tradesv1.Event_TriggerMoved:
				closed["moved"]++
			case *tradesv1.Event_WorkLeft:
				closed["work"]++
			}
		}
	}
	one, err := f.Engine()
	if err != nil {
		t.Fatalf("seed %d: %v", v.seed, err)
	}
	two, err := again.Engine()
	if err != nil || !bytes.Equal(one.AppendSnapshot(nil), two.AppendSnapshot(nil)) {
		t.Fatalf("seed %d: the messages give another state than their maker has: %v", v.seed, err)
	}
	if one.LastInSeq() != v.e.LastInSeq() {
		t.Fatalf("seed %d: it ends with pack %d, want %d", v.seed, one.LastInSeq(), v.e.LastInSeq())
	}
	total := held(again)
	for i := range again.assets {
		if a := &again.assets[i]; total[uint32(i+1)]+a.fees != a.supply {
			t.Errorf("seed %d: of %s %d are held and %d are fees, of %d", v.seed, a.name, total[uint32(i+1)], a.fees, a.supply)
		}
	}
	// It goes on.
	var out engine.Batch
	seq := one.LastInSeq()
	for range 4 {
		seq++
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: "later", PackNo: seq, SentAtMs: v.nowMs, Commands: []*ordersv1.Command{v.command(), v.command(), v.command()}})
		if err != nil {
			t.Fatal(err)
		}
		one.Apply(engine.Input{Seq: seq, From: ordersv1.FromAPI, ServerMs: v.nowMs, Data: data}, &out, nil)
		if err := one.Audit(); err != nil {
			t.Fatalf("seed %d: it does not go on: %v", v.seed, err)
		}
	}
	return canceled
}
