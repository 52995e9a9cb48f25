package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/memlog"
)

func packs(t testing.TB, log *memlog.Log) []*chainv1.Pack {
	t.Helper()
	out, err := log.Packs()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func blockItem(n uint64, size int) core.Item {
	hash := bytes.Repeat([]byte{byte(n)}, 32)
	b := &chainv1.Block{Number: n, Hash: hash, Logs: []*chainv1.Log{{Data: bytes.Repeat([]byte{byte(n)}, size)}}}
	return core.Item{
		Unit:   &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}},
		Resume: &chainv1.Resume{Genesis: []byte("genesis"), Head: n, Hash: hash, Started: true},
	}
}

// numbers lists the blocks of the subject in order, parts put together.
func numbers(t testing.TB, packs []*chainv1.Pack) []uint64 {
	t.Helper()
	var out []uint64
	var parts []*chainv1.BlockPart
	for _, p := range packs {
		for _, u := range p.GetUnits() {
			switch k := u.GetKind().(type) {
			case *chainv1.Unit_Block:
				out = append(out, k.Block.GetNumber())
			case *chainv1.Unit_Abandon:
				parts = nil
			case *chainv1.Unit_Part:
				if len(p.GetUnits()) != 1 {
					t.Fatal("a part is not alone in its message")
				}
				parts = append(parts, k.Part)
				if k.Part.GetI() == k.Part.GetN() {
					b, err := core.Assemble(parts)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, b.GetNumber())
					parts = nil
				}
			}
		}
	}
	return out
}

func TestOneInFlightWhileTheNextFills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &memlog.Log{Delay: time.Second}
		p := core.NewPublisher(log, core.Tail{}, core.Limits{}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		put := func(n uint64) {
			if err := p.Put(ctx, blockItem(n, 10)); err != nil {
				t.Error(err)
			}
		}
		put(1)
		synctest.Wait() // 1 is in flight alone, sent at once
		put(2)
		put(3)
		time.Sleep(500 * time.Millisecond)
		put(4)
		time.Sleep(time.Second) // 1 is acked, 2..4 are in flight
		put(5)
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		all := packs(t, log)
		var sizes []int
		for _, p := range all {
			sizes = append(sizes, len(p.GetUnits()))
		}
		if fmt.Sprint(sizes) != "[1 3 1]" {
			t.Errorf("units per message: %v", sizes)
		}
		if r := all[1].GetResume(); r.GetHead() != 4 {
			t.Errorf("resume of a message is that of its last unit: head %d, want 4", r.GetHead())
		}
		if err := p.Put(t.Context(), blockItem(6, 1)); !errors.Is(err, core.ErrStopped) {
			t.Errorf("Put after Run: %v", err)
		}
	})
}

func TestLimitsOfAMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &memlog.Log{Delay: time.Millisecond}
		p := core.NewPublisher(log, core.Tail{}, core.Limits{PackBytes: 1000, PackUnits: 5, QueueBytes: 4000, MaxMessage: 3000}, nil)
		go func() { _ = p.Run(t.Context()) }()
		n := uint64(0)
		for range 300 {
			n++
			size := int(n*37) % 400
			if n%50 == 0 {
				size = 9000 // goes in parts
			}
			if err := p.Put(t.Context(), blockItem(n, size)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		all := packs(t, log)
		for i, pack := range all {
			if size := proto.Size(pack); size > 3000 || len(pack.GetUnits()) > 5 {
				t.Errorf("message %d: %d bytes, %d units", i, size, len(pack.GetUnits()))
			}
		}
		got := numbers(t, all)
		for i := range got {
			if got[i] != uint64(i+1) {
				t.Fatalf("block %d at place %d", got[i], i)
			}
		}
		if len(got) != 300 {
			t.Errorf("%d blocks", len(got))
		}
	})
}

func TestPutWaitsWhenTheQueueIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &memlog.Log{Delay: time.Hour}
		p := core.NewPublisher(log, core.Tail{}, core.Limits{QueueBytes: 500}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = p.Run(ctx) }()
		for n := range uint64(4) { // one in flight, the others in the queue
			if err := p.Put(ctx, blockItem(n+1, 100)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		waited := make(chan error, 1)
		go func() { waited <- p.Put(ctx, blockItem(9, 100)) }()
		synctest.Wait()
		select {
		case err := <-waited:
			t.Fatalf("Put did not wait: %v", err)
		default:
		}
		cancel()
		if err := <-waited; err == nil {
			t.Error("Put returned nil without room")
		}
	})
}

// TestTwentyMegabyteBlock: a block above a message goes in parts, each alone.
func TestTwentyMegabyteBlock(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := make(chan struct{})
	p := core.NewPublisher(log, core.Tail{}, core.Limits{}, func(p core.Published) {
		if p.Resume.GetHead() == 3 {
			close(stop)
		}
	})
	if err := p.Put(ctx, blockItem(1, 10)); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Run(ctx) }()
	if err := p.Put(ctx, blockItem(2, 20<<20), blockItem(3, 10)); err != nil {
		t.Fatal(err)
	}
	<-stop
	all := packs(t, log)
	if got := numbers(t, all); fmt.Sprint(got) != "[1 2 3]" {
		t.Fatalf("blocks %v", got)
	}
	if len(all) != 5 {
		t.Errorf("%d messages, want 1 + 3 parts + 1", len(all))
	}
	for i, pack := range all {
		if proto.Size(pack) > chainv1.MaxMessage {
			t.Errorf("message %d has %d bytes", i, proto.Size(pack))
		}
		want := []uint64{1, 1, 1, 2, 3}[i]
		if pack.GetResume().GetHead() != want {
			t.Errorf("message %d: resume head %d, want %d", i, pack.GetResume().GetHead(), want)
		}
	}
}

// TestCrashBetweenParts: whatever part was the last one, the next instance
// closes the open block, goes on before it and cuts it anew.
func TestCrashBetweenParts(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	for after := range 6 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			log := &memlog.Log{}
			log.Fail = func(n int) error {
				if n >= after {
					return crash
				}
				return nil
			}
			limits := core.Limits{MaxMessage: 3000}
			for instance := 0; ; instance++ {
				tail, err := core.Open(t.Context(), log)
				if err != nil {
					if !errors.Is(err, crash) {
						t.Fatal(err)
					}
					log.Fail = nil
					continue
				}
				next := tail.Resume.GetHead() + 1
				if tail.Seq > 0 && string(tail.Resume.GetGenesis()) != "genesis" {
					t.Fatal("a resume lost the genesis")
				}
				if !tail.Resume.GetStarted() {
					next = 1
				}
				ctx, cancel := context.WithCancel(t.Context())
				p := core.NewPublisher(log, tail, limits, func(p core.Published) {
					if p.Resume.GetHead() == 3 {
						cancel()
					}
				})
				for n := next; n <= 3; n++ {
					if err := p.Put(ctx, blockItem(n, 9000)); err != nil {
						t.Fatal(err)
					}
				}
				if next <= 3 {
					err = p.Run(ctx)
				}
				cancel()
				if errors.Is(err, crash) {
					log.Fail = nil
					continue
				}
				if got := numbers(t, packs(t, log)); fmt.Sprint(got) != "[1 2 3]" {
					t.Fatalf("blocks %v", got)
				}
				return
			}
		})
	}
}

func TestFencedPublisherStops(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	tail, err := core.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	old, other := core.NewPublisher(log, tail, core.Limits{}, nil), core.NewPublisher(log, tail, core.Limits{}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := other.Put(ctx, blockItem(1, 1)); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	otherDone := make(chan error, 1)
	go func() { otherDone <- other.Run(running) }()
	for {
		if m, _ := log.Last(ctx); m != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-otherDone; err != nil {
		t.Fatal(err)
	}
	if err := old.Put(ctx, blockItem(1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := old.Run(ctx); !errors.Is(err, core.ErrFenced) {
		t.Fatalf("got %v, want ErrFenced", err)
	}
	if n := len(packs(t, log)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestUnitTooLargeToCut(t *testing.T) {
	t.Parallel()
	p := core.NewPublisher(&memlog.Log{}, core.Tail{}, core.Limits{}, nil)
	fact := &chainv1.Fact{Kind: "Step", Raw: make([]byte, chainv1.MaxMessage)}
	err := p.Put(t.Context(), core.Item{Unit: &chainv1.Unit{Kind: &chainv1.Unit_Fact{Fact: fact}}, Resume: &chainv1.Resume{}})
	if err == nil {
		t.Error("a fact above the limit was queued")
	}
}

func TestWalkBack(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := core.NewPublisher(log, core.Tail{}, core.Limits{PackUnits: 1}, func(p core.Published) {
		if p.Resume.GetHead() == 5 {
			cancel()
		}
	})
	for n := range uint64(5) {
		if err := p.Put(ctx, blockItem(n+1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	tail, err := core.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	var heads []uint64
	visit := func(_ uint64, p *chainv1.Pack, _ int) bool {
		heads = append(heads, p.GetResume().GetHead())
		return true
	}
	if err := core.WalkBack(t.Context(), log, tail.Seq, visit); err != nil || fmt.Sprint(heads) != "[5 4 3 2 1]" {
		t.Errorf("%v, %v", heads, err)
	}
	log.Purge(2)
	heads = nil
	if err := core.WalkBack(t.Context(), log, tail.Seq, visit); err != nil || fmt.Sprint(heads) != "[5 4 3]" {
		t.Errorf("after a purge: %v, %v", heads, err)
	}
}

// TestUnitsAreSerializedAsThePackHoldsThem: by hand, against the generated code.
func TestUnitsAreSerializedAsThePackHoldsThem(t *testing.T) {
	t.Parallel()
	if n := (&chainv1.Pack{}).ProtoReflect().Descriptor().Fields().ByName("units").Number(); n != 4 {
		t.Fatalf("units is field %d", n)
	}
	log := &memlog.Log{}
	tail, err := core.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	pub := core.NewPublisher(log, tail, core.Limits{}, nil)
	var units []*chainv1.Unit
	for n := range uint64(300) {
		b := &chainv1.Block{Number: n, Hash: bytes.Repeat([]byte{byte(n)}, int(n)), Logs: []*chainv1.Log{{Data: make([]byte, n)}, {Index: 1}}}
		units = append(units, &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}}, &chainv1.Unit{Kind: &chainv1.Unit_Finalized{Finalized: &chainv1.Finalized{Number: n}}})
	}
	var items []core.Item
	for _, u := range units {
		items = append(items, core.Item{Unit: u, Resume: &chainv1.Resume{Started: true, Genesis: make([]byte, 32)}})
	}
	if err := pub.Put(t.Context(), items...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pub.Run(ctx) }()
	if err := pub.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	packs, err := log.Packs()
	if err != nil || len(packs) != 1 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	for i, u := range packs[0].GetUnits() {
		if !proto.Equal(u, units[i]) {
			t.Fatalf("unit %d: %v, want %v", i, u, units[i])
		}
	}
}

// TestRepairInParts: a Repair above the size goes in parts that say so, and the
// resume of all but the last is that of the message before.
func TestRepairInParts(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	p := core.NewPublisher(log, core.Tail{}, core.Limits{MaxMessage: 3000}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	first, big := blockItem(1, 10), blockItem(1, 9000)
	repair := &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: big.Unit.GetBlock()}}}
	big.Resume.Checked = 1
	if err := p.Put(ctx, first, core.Item{Unit: repair, Resume: big.Resume}); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); err != nil || !p.Idle() {
		t.Fatal("not flushed", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := p.Put(t.Context(), first); !errors.Is(err, core.ErrStopped) {
		t.Errorf("put after the end: %v", err)
	}
	var parts []*chainv1.BlockPart
	for i, pack := range packs(t, log)[1:] {
		part := pack.GetUnits()[0].GetPart()
		if !part.GetRepair() || len(pack.GetUnits()) != 1 {
			t.Fatalf("message %d: %v", i, pack.GetUnits())
		}
		if last := part.GetI() == part.GetN(); (pack.GetResume().GetChecked() == 1) != last {
			t.Errorf("part %d of %d: checked %d", part.GetI(), part.GetN(), pack.GetResume().GetChecked())
		}
		parts = append(parts, part)
	}
	b, err := core.Assemble(parts)
	if err != nil || len(parts) < 3 || len(b.GetLogs()[0].GetData()) != 9000 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
}

// TestFlushEndsWithThePublisher: nobody waits for what will never be stored.
func TestFlushEndsWithThePublisher(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	log := &memlog.Log{Fail: func(int) error { return crash }}
	p := core.NewPublisher(log, core.Tail{}, core.Limits{}, nil)
	if err := p.Put(t.Context(), blockItem(1, 1)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Flush(t.Context()) }()
	if err := p.Run(t.Context()); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, core.ErrStopped) {
		t.Errorf("got %v", err)
	}
}
