package engine

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// mill makes a stream of commands of the mix that the figures are given for:
// half new orders that rest, four of ten cancels, one of ten marketable, by
// client_ref, over a book that keeps its size.
type mill struct {
	e        *Engine
	out      Batch
	seq      uint64
	rng      uint64
	accounts uint64
	spread   uint64
	resting  int      // orders that the book is held at
	live     []uint64 // refs of orders that were placed and not canceled here
	ref      uint64
	cmd      Command
	n        int
	open     bool
	tape     []Command // what was done, when it is not nil
}

// next is xorshift64*, seeded.
func (s *mill) next() uint64 {
	s.rng ^= s.rng >> 12
	s.rng ^= s.rng << 25
	s.rng ^= s.rng >> 27
	return s.rng * 0x2545f4914f6cdd1d
}

const millMiddle = 1_000_000

func newMill(accounts, spread uint64) *mill {
	s := &mill{e: New(Options{Large: hugePages}), rng: 88172645463325252, accounts: accounts, spread: spread}
	s.pack("admin", Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("BASE")}}, Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("QUOTE")}},
		Command{Op: OpAddMarket, Admin: &Admin{Name: []byte("BASE-QUOTE"), Base: []byte("BASE"), Quote: []byte("QUOTE"), Tick: 1, Lot: 1, MakerPPM: 1000, TakerPPM: 2000}})
	for a := uint64(1); a <= accounts; a++ {
		for _, name := range []string{"BASE", "QUOTE"} {
			s.pack("funds", Command{Op: OpDeposit, Account: a, Admin: &Admin{Name: []byte(name), Amount: 1 << 52, ID: fmt.Append(nil, name, a)}})
		}
	}
	return s
}

func (s *mill) begin(from string) {
	s.seq++
	s.out.Reset()
	now := int64(1_000_000 + s.seq)
	s.e.Begin(PackHead{Seq: s.seq, From: from, ServerMs: now, Gateway: "mill", PackNo: s.seq, SentMs: now}, &s.out, nil)
}

func (s *mill) pack(from string, commands ...Command) {
	s.begin(from)
	for k := range commands {
		s.e.Do(&commands[k])
	}
	s.e.End()
}

// place rests a new order near the middle.
func (s *mill) place() {
	r := s.next()
	s.ref++
	c := &s.cmd
	*c = Command{Op: OpNew, Account: 1 + r%s.accounts, Market: 1, Type: typeLimit, TIF: tifGTC, Ref: s.ref, Quantity: 1 + int64(r>>32%100)}
	away := int64((r >> 40) % s.spread)
	if r>>20&1 == 0 {
		c.Side, c.Price = buy, millMiddle-1-away
	} else {
		c.Side, c.Price = sell, millMiddle+away
	}
	s.live = append(s.live, c.Account<<40|s.ref)
	s.do()
}

func (s *mill) cancel() {
	for {
		k := int(s.next() % uint64(len(s.live)))
		w := s.live[k]
		s.live[k] = s.live[len(s.live)-1]
		s.live = s.live[:len(s.live)-1]
		if s.e.findRef(w>>40, w&(1<<40-1)) != 0 {
			s.cmd = Command{Op: OpCancel, Account: w >> 40, Ref: w & (1<<40 - 1)}
			s.do()
			return
		}
	}
}

// take crosses the book for a few lots, immediate or cancel.
func (s *mill) take() {
	r := s.next()
	s.ref++
	c := &s.cmd
	*c = Command{Op: OpNew, Account: 1 + r%s.accounts, Market: 1, Type: typeLimit, TIF: tifIOC, SelfTrade: selfNone, Ref: s.ref, Quantity: s.bite(r)}
	if r>>20&1 == 0 {
		c.Side, c.Price = buy, millMiddle+int64(s.spread)
	} else {
		c.Side, c.Price = sell, millMiddle-int64(s.spread)
	}
	s.do()
}

// bite is what a marketable order takes: more or less than an order that rests,
// so that the book keeps its size.
func (s *mill) bite(r uint64) int64 {
	if s.e.live > s.resting {
		return 50 + int64(r>>32%100)
	}
	return 1 + int64(r>>32%60)
}

// do carries the command out, in packs of a thousand with a digest each.
func (s *mill) do() {
	if !s.open {
		s.begin("api")
		s.open = true
	}
	if s.tape != nil {
		s.tape = append(s.tape, s.cmd)
	}
	s.e.Do(&s.cmd)
	s.n++
	if s.n%1000 == 0 {
		s.close()
	}
}

func (s *mill) close() {
	if s.open {
		s.e.End()
		s.e.Digest()
		s.open = false
	}
}

// fill brings the book to n orders.
func (s *mill) fill(n int) {
	s.resting = n
	for s.e.live < n {
		s.place()
	}
	s.close()
}

// step is one command of the mix.
func (s *mill) step(k int) {
	switch k % 10 {
	case 0, 2, 4, 6, 8:
		s.place()
	case 1, 3, 5, 7:
		s.cancel()
	default:
		s.take()
	}
}

// benchmarkMix records the mix on one engine, so that its making is not measured
// and every cancel names an order that lives, and measures it on a copy.
func benchmarkMix(b *testing.B, resting int, spread uint64) {
	s := newMill(1000, spread)
	s.fill(resting)
	for k := range 100_000 {
		s.step(k)
	}
	s.close()
	e := s.e.Clone()
	const chunk = 200_000
	s.tape = make([]Command, 0, chunk)
	var out Batch
	seq, busy := s.seq, int64(0)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		b.StopTimer()
		s.tape = s.tape[:0]
		for k := range min(chunk, (b.N-done+9999)/10000*10000) {
			s.step(k)
		}
		s.close()
		done += len(s.tape)
		began := cpuTime()
		b.StartTimer()
		for k := 0; k < len(s.tape); k += 1000 {
			seq++
			now := int64(1_000_000 + seq)
			out.Reset()
			e.Begin(PackHead{Seq: seq, From: "api", ServerMs: now, Gateway: "mill", PackNo: seq, SentMs: now}, &out, nil)
			e.DoAll(s.tape[k : k+1000])
			e.End()
			e.Digest()
		}
		busy += cpuTime() - began
	}
	b.StopTimer()
	if e.Digest() != s.e.Digest() {
		b.Fatal("the copy went another way")
	}
	b.ReportMetric(float64(e.live), "resting")
	b.ReportMetric(float64(busy)/float64(b.N), "cpu-ns/op")
}

// cpuTime is what this process has used of the processor, nanoseconds: beside
// other work the time that passed says little.
func cpuTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// hugePages asks for pages of 2 MiB.
func hugePages(memory []byte) {
	const size = 2 << 20
	from := -int(uintptr(unsafe.Pointer(&memory[0]))) & (size - 1)
	if n := (len(memory) - from) &^ (size - 1); n > 0 {
		const adviseHugePage = 14 // MADV_HUGEPAGE
		_ = syscall.Madvise(memory[from:from+n], adviseHugePage)
	}
}

// BenchmarkMix1k is the mix in a book that the nearest caches hold: what the
// instructions cost.
func BenchmarkMix1k(b *testing.B) { benchmarkMix(b, 1_000, 200) }

func BenchmarkMix100k(b *testing.B) { benchmarkMix(b, 100_000, 2_000) }

func BenchmarkMix1M(b *testing.B) { benchmarkMix(b, 1_000_000, 2_000) }

// BenchmarkSweep5000 is one order that takes 5,000 others at 5,000 prices.
func BenchmarkSweep5000(b *testing.B) {
	const n = 5000
	s := newMill(100, n)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for k := range n {
			s.ref++
			s.cmd = Command{Op: OpNew, Account: 1 + uint64(k)%50, Market: 1, Side: sell, Type: typeLimit, TIF: tifGTC, Ref: s.ref, Price: millMiddle + int64(k), Quantity: 1}
			s.do()
		}
		s.close()
		s.ref++
		s.cmd = Command{Op: OpNew, Account: 77, Market: 1, Side: buy, Type: typeLimit, TIF: tifIOC, Ref: s.ref, Price: millMiddle + n, Quantity: n}
		b.StartTimer()
		s.do()
		s.close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/fill")
}

// BenchmarkRestore1M reads a snapshot of a million open orders and audits it.
func BenchmarkRestore1M(b *testing.B) {
	s := newMill(1000, 2_000)
	s.fill(1_000_000)
	data := s.e.AppendSnapshot(nil)
	want := s.e.Digest()
	s = nil
	runtime.GC()
	b.SetBytes(int64(len(data)))
	b.ResetTimer()
	for range b.N {
		e, err := Restore(data)
		if err != nil || e.Digest() != want {
			b.Fatal("restored another state", err)
		}
	}
}

// BenchmarkSnapshot1M clones an engine of a million open orders (on the leader's
// time) and encodes the copy (beside it).
func BenchmarkSnapshot1M(b *testing.B) {
	s := newMill(1000, 2_000)
	s.fill(1_000_000)
	var data []byte
	b.Run("clone", func(b *testing.B) {
		for range b.N {
			s.e.Clone()
		}
	})
	b.Run("encode", func(b *testing.B) {
		for range b.N {
			data = s.e.AppendSnapshot(data[:0])
		}
		b.SetBytes(int64(len(data)))
	})
}
