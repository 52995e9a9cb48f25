package chain_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"syscall"
	"testing"
	"time"

	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

var benchLogs = flag.Int("logs", 200_000, "event rows of BenchmarkEvents; above a million each million's rate is printed")

// Shape of what BenchmarkEvents indexes.
const (
	benchPerBlock   = 500
	benchPerMessage = 10 // blocks
	benchPerCopy    = 20_000
)

// BenchmarkEvents is how many event rows a second go from the stream into
// Postgres, decoded, with their cursor; and in the same run how many a bare
// COPY of the same rows into the same tables takes, with a cursor moved in each
// transaction of 20,000.
func BenchmarkEvents(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := writertest.New(b)
		n := writertest.EVMNetwork("dev")
		f := w.NewFeed(n.Subject())
		build := w.Build("bench", n)
		// The stream stays ahead of the writer by a bounded number of messages, so
		// that a long run does not fill the disk's cache before it begins.
		var parent *chainv1.Block
		publish := func(logs int) {
			for done := 0; done < logs; done += benchPerBlock * benchPerMessage {
				var units []*chainv1.Unit
				for range benchPerMessage {
					parent = writertest.Block(parent, benchPerBlock, 1)
					units = append(units, writertest.U(parent))
				}
				f.Publish(units...)
			}
		}
		var took, processor time.Duration
		for done := 0; done < *benchLogs; {
			logs := min(1_000_000, *benchLogs-done)
			publish(logs)
			b.StartTimer()
			start, used := time.Now(), processorTime()
			r := indexer(w, build, n, nil)
			w.Wait(build, n.Subject(), f.Last)
			lap := time.Since(start)
			b.StopTimer()
			r.Stop()
			took += lap
			processor += processorTime() - used
			done += logs
			if *benchLogs > 1_000_000 {
				fmt.Printf("rows %d..%d: %.0f/s\n", done-logs, done, float64(logs)/lap.Seconds())
			}
		}
		rate := float64(*benchLogs) / took.Seconds()
		b.ReportMetric(rate, "rows/s")
		b.ReportMetric(float64(processor.Microseconds())/float64(*benchLogs), "go-us/row")
		if *benchLogs <= 1_000_000 {
			bare := bareCopy(b, w, build, parent.GetNumber()+1)
			b.ReportMetric(bare, "bare-copy-rows/s")
			b.ReportMetric(rate/bare, "of-bare-copy")
		}
		b.StartTimer()
	}
}

// processorTime is that of this process: writer and stream server, without
// Postgres. It means something on a busy machine too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bareCopy copies a build's rows into another one and gives events a second.
func bareCopy(b *testing.B, w *writertest.World, from string, blocks uint64) float64 {
	b.Helper()
	ctx := context.Background()
	to := w.Build(from+"_bare", writertest.EVMNetwork("dev"))
	w.Exec(`insert into ctl.cursors (build, partition, stream_created, seq, digest, pos) values ('` + to + `', 'bare', 0, 0, '', 0)`)
	conn, err := w.Pool.Acquire(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	type chunk struct{ blocks, events bytes.Buffer }
	var chunks []*chunk
	const per = benchPerCopy / benchPerBlock
	for at := uint64(0); at < blocks; at += per {
		c := &chunk{}
		where := fmt.Sprintf(`>= %d and %%s < %d`, at, at+per)
		for _, t := range []struct {
			table, key string
			out        *bytes.Buffer
		}{{"blocks", "number", &c.blocks}, {"events", "block_number", &c.events}} {
			q := fmt.Sprintf(`copy (select * from ix_%s.%s where network = 'dev' and %s %s order by pos) to stdout binary`, from, t.table, t.key, fmt.Sprintf(where, t.key))
			if _, err := pg.CopyTo(ctx, t.out, q); err != nil {
				b.Fatal(err)
			}
		}
		chunks = append(chunks, c)
	}
	start := time.Now()
	for _, c := range chunks {
		tx, err := conn.Begin(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Exec(ctx, `update ctl.cursors set seq = seq + 1 where build = $1 and partition = 'bare'`, to); err != nil {
			b.Fatal(err)
		}
		if _, err := pg.CopyFrom(ctx, &c.blocks, `copy ix_`+to+`.blocks from stdin binary`); err != nil {
			b.Fatal(err)
		}
		if _, err := pg.CopyFrom(ctx, &c.events, `copy ix_`+to+`.events from stdin binary`); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(ctx); err != nil {
			b.Fatal(err)
		}
	}
	return float64(*benchLogs) / time.Since(start).Seconds()
}
