package tape

import (
	"fmt"
	"runtime"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Runs says how Bench measures.
type Runs struct {
	Settings
	Repeat  int  // runs, each on a new engine; at least 1
	Warmup  int  // records at the beginning that are played and not measured; they end a pack, which is in the digest
	Replies bool // make the answers to the sender too
}

// Run is one measured play.
type Run struct {
	Took       time.Duration // in the engine; making commands of records is before it
	Commands   int
	Events     uint64
	EventBytes uint64
	Mallocs    uint64 // allocations of the whole process meanwhile
	Resting    int    // orders at the end
	Heap       uint64 // bytes that the engine holds at the end, its buffers and what is in no heap included
	Digest     [32]byte
}

// PerCommand is the time of one command in nanoseconds.
func (r *Run) PerCommand() float64 { return float64(r.Took.Nanoseconds()) / float64(r.Commands) }

// AllocsPerCommand is a whole number, as testing.AllocsPerRun counts: a table that
// grows now and then is none.
func (r *Run) AllocsPerCommand() uint64 { return r.Mallocs / uint64(r.Commands) }

// Bench plays a tape as often as asked for, each time on a new engine with
// prefunded accounts: matching, accounts, reservations, events as bytes in a
// buffer that is used again, and a digest for every pack of 1,000. It returns an
// error when two runs end with different digests.
func Bench(records []Record, r Runs) ([]Run, error) {
	if r.Repeat < 1 {
		return nil, fmt.Errorf("%d runs, want at least 1", r.Repeat)
	}
	if r.Warmup < 0 || r.Warmup >= len(records) {
		return nil, fmt.Errorf("a warm-up of %d records leaves none of %d to measure", r.Warmup, len(records))
	}
	r.Prefund = true
	var runs []Run
	for i := range r.Repeat {
		run, err := once(records, &r)
		if err != nil {
			return nil, err
		}
		if i > 0 && run.Digest != runs[0].Digest {
			return nil, fmt.Errorf("run %d ended with digest %x, run 1 with %x: the engine is not deterministic", i+1, run.Digest, runs[0].Digest)
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func once(records []Record, r *Runs) (Run, error) {
	before := heap()
	p, err := newPlayer(records, r.Settings)
	if err != nil {
		return Run{}, err
	}
	if r.Replies {
		p.reply = &engine.Reply{}
	}
	var out Run
	p.play(records[:r.Warmup], &out)
	// The heap's own work on what the warm-up left is not the engine's.
	runtime.GC()
	out = Run{Commands: len(records) - r.Warmup}
	var from, to runtime.MemStats
	runtime.ReadMemStats(&from)
	p.play(records[r.Warmup:], &out)
	runtime.ReadMemStats(&to)
	out.Mallocs = to.Mallocs - from.Mallocs
	out.Heap = max(heap(), before) - before + uint64(p.engine.InRooms())
	out.Resting = p.engine.Size().LiveOrders
	runtime.KeepAlive(p)
	return out, nil
}

// play applies records in packs, digests included.
func (p *player) play(records []Record, out *Run) {
	for at := 0; at < len(records); at += packSize {
		commands := p.commands(records[at:min(at+packSize, len(records))])
		began := time.Now()
		p.begin(ordersv1.FromAPI)
		p.engine.DoAll(commands)
		p.engine.End()
		out.Digest = p.engine.Digest()
		out.Took += time.Since(began)
		out.Events += uint64(p.batch.Len())
		out.EventBytes += uint64(p.batch.Size())
	}
}

// heap is the size of all living objects.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
