package engine

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// millTape is the mix recorded beforehand: engines in one state, and the
// commands that bring it further, in packs of a thousand.
func millTape(resting int, spread uint64, packs int) (*mill, []Command) {
	s := newMill(1000, spread)
	s.fill(resting)
	for k := range 100_000 {
		s.step(k)
	}
	s.close()
	start := &mill{e: s.e.Clone(), seq: s.seq}
	s.tape = make([]Command, 0, packs*1000)
	for k := 0; len(s.tape) < packs*1000; k++ {
		s.step(k)
	}
	s.close()
	return start, s.tape
}

// benchmarkTape plays one recorded tape over copies of one engine, again and
// again. A pack does the same work each time, so the least that it took is what
// it costs when nothing else is in the way; the figure is the mean of those.
func benchmarkTape(b *testing.B, resting int, spread uint64, packs, runs int) {
	start, tape := millTape(resting, spread, packs)
	best, commands := make([]time.Duration, packs), make([]time.Duration, packs)
	for k := range best {
		best[k], commands[k] = math.MaxInt64, math.MaxInt64
	}
	var out Batch
	pack := make([]Command, 1000)
	var digest [32]byte
	means := make([]float64, 0, runs)
	b.ResetTimer()
	for run := range runs {
		e, seq := start.e.Clone(), start.seq
		sum := time.Duration(0)
		for k := range packs {
			copy(pack, tape[k*1000:])
			seq++
			began := time.Now()
			now := int64(1_000_000 + seq)
			out.Reset()
			e.Begin(PackHead{Seq: seq, From: "api", ServerMs: now, Gateway: "mill", PackNo: seq, SentMs: now}, &out, nil)
			e.DoAll(pack)
			done := time.Since(began)
			e.End()
			d := e.Digest()
			took := time.Since(began)
			commands[k] = min(commands[k], done)
			best[k] = min(best[k], took)
			sum += took
			if k == packs-1 {
				if run > 0 && d != digest {
					b.Fatal("another run, another digest")
				}
				digest = d
			}
		}
		means = append(means, float64(sum)/float64(packs*1000))
	}
	var sum, inner time.Duration
	for k, d := range best {
		sum += d
		inner += commands[k]
	}
	slices.Sort(means)
	b.ReportMetric(float64(sum)/float64(packs*1000), "ns/command")
	b.ReportMetric(float64(inner)/float64(packs*1000), "doall-ns/command")
	b.ReportMetric(means[len(means)/2], "median-ns/command")
	b.Logf("digest %s", fmt.Sprintf("%x", digest[:6]))
}

func BenchmarkTape1k(b *testing.B)   { benchmarkTape(b, 1_000, 200, 100, 15) }
func BenchmarkTape100k(b *testing.B) { benchmarkTape(b, 100_000, 2_000, 100, 15) }
func BenchmarkTape1M(b *testing.B)   { benchmarkTape(b, 1_000_000, 2_000, 100, 6) }
