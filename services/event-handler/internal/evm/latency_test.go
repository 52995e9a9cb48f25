package evm_test

import (
	"slices"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// BenchmarkHintToIndexed is the time from a hint to the block's being handed
// out, with a node in this process: go test -run - -bench HintTo -benchtime 500x.
func BenchmarkHintToIndexed(b *testing.B) {
	c := fakenode.NewChain(1, 1)
	grow(c, 10)
	hint := &evm.Hint{}
	s, _ := runHinted(b, &memlog.Log{}, 1, hint, fakenode.NewServer(c))
	eventually(b, "caught up", indexed(s, c))
	var took []time.Duration
	for b.Loop() {
		grow(c, 1)
		start := time.Now()
		hint.Give()
		for !indexed(s, c)() {
			time.Sleep(50 * time.Microsecond)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
