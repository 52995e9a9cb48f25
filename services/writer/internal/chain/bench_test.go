package chain_test

import (
	"testing"

	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// BenchmarkEvents is how many event rows a second go from the stream into
// Postgres, decoded, with their cursor: 40 messages of 10 blocks of 500 logs.
func BenchmarkEvents(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := writertest.New(b)
		n := writertest.EVMNetwork("dev")
		f := w.NewFeed(n.Subject())
		build := w.Build("bench", n)
		var parent *chainv1.Block
		for range 40 {
			var units []*chainv1.Unit
			for range 10 {
				parent = writertest.Block(parent, 500, 1)
				units = append(units, writertest.U(parent))
			}
			f.Publish(units...)
		}
		b.StartTimer()
		r := indexer(w, build, n, nil)
		w.Wait(build, n.Subject(), f.Last)
		b.StopTimer()
		r.Stop()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*200_000/b.Elapsed().Seconds(), "events/s")
}
