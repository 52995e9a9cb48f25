// Package bench measures the way of a log from the node to a row that can be
// queried, with the real services as programs of their own, and beside it what
// the parts of that way can do at most, in the same run on the same machine.
//
// The node is either go-ethereum with a development chain, or a Replay, which
// sends recorded or generated answers from memory and so costs next to nothing.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Bench is one run. Zero sizes take the default.
type Bench struct {
	Out      io.Writer // the table
	Progress io.Writer // what is being done
	Bin      string    // folder of the services' programs; "" = build them
	Profiles string    // folder for CPU profiles of the services, "" = none
	Env      []string  // more settings of the services, NAME=value
	Only     []string  // names of parts to run, empty = all
	Cold     bool      // Postgres has just started: see warm

	Blocks  int // of the dense chain, 100 logs each; default 1,000
	Sparse  int // blocks of the sparse chain, one in 100 with one log; default 200,000
	Rows    int // of the flat run; default 1,000,000
	Samples int // blocks of the latency run; default 200
	Stage   int // logs of the staged run; default 600,000
	Verify  int // logs of each run with receipts; default 100,000

	quick    bool
	profiles sync.WaitGroup
	peaks    map[string]int64
	table    table
}

// Quick makes every size small: the run shows that all of it works, and
// measures nothing.
func (b *Bench) Quick() {
	b.Cold, b.quick = true, true
	b.Blocks, b.Sparse, b.Rows, b.Samples, b.Stage, b.Verify = 40, 2_000, 20_000, 10, 10_000, 4_000
}

// part is a piece of the run.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// Run measures everything and prints the table. What a part could not do is its
// error; the others go on.
func (b *Bench) Run(ctx context.Context) error {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&b.Blocks, 1_000)
	def(&b.Sparse, 200_000)
	def(&b.Rows, 1_000_000)
	def(&b.Samples, 200)
	def(&b.Stage, 600_000)
	def(&b.Verify, 100_000)
	if b.Bin == "" {
		dir, err := os.MkdirTemp("", "fondaco-bench-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.say("building the services")
		if err := build(ctx, dir, "event-handler", "writer", "api"); err != nil {
			return err
		}
		b.Bin = dir
	}
	b.peaks = map[string]int64{}
	var errs []error
	began := time.Now()
	for _, p := range []part{{"dense", b.dense}, {"head", b.head}, {"staged", b.staged}, {"flat", b.flat}, {"verify", b.verify}, {"sparse", b.sparse}} {
		if len(b.Only) > 0 && !slices.Contains(b.Only, p.name) {
			continue
		}
		b.say("%s", p.name)
		if err := p.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
			b.table.failed(p.name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	b.memory()
	b.table.print(b.Out, time.Since(began))
	return errors.Join(errs...)
}

func (b *Bench) say(format string, args ...any) {
	if b.Progress != nil {
		fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}

// peak keeps the highest memory of a service over all backfills.
func (b *Bench) peak(service string, bytes int64) { b.peaks[service] = max(b.peaks[service], bytes) }

// profileFor is how long to profile: most of a run at 30,000 logs/s.
func (b *Bench) profileFor(l Load) time.Duration {
	return min(20*time.Second, max(time.Second, time.Duration(l.Logs/30_000)*time.Second))
}

// synthetic runs in a world of its own with a replay of a generated chain.
func (b *Bench) synthetic(ctx context.Context, s Shape, verify string, do func(*world, Load) error) error {
	replay, err := b.node(helperReplay, nodeSpec{Synth: &s})
	if err != nil {
		return err
	}
	defer replay.stop()
	return b.inWorld(ctx, replay, replay.load, verify, func(w *world) error { return do(w, replay.load) })
}

func (b *Bench) inWorld(ctx context.Context, node *helper, l Load, verify string, do func(*world) error) error {
	w, err := b.newWorld(ctx, node, l, verify)
	if err != nil {
		return err
	}
	defer w.close()
	return do(w)
}

// cpu prints what each took of the processors; bare is the database's time for
// the bare COPY, 0 = not measured.
func (b *Bench) cpu(r *backfill, bare time.Duration) {
	for _, s := range []string{cpuNode, "event-handler", cpuSelf, "writer", cpuPostgres, "api"} {
		if r.cpu[s] > 0 {
			b.table.cpu("  processor time of "+s, r.cpu[s], r.load.Logs)
		}
	}
	if bare > 0 {
		b.table.cpu("  processor time of postgres in the bare COPY", bare, r.load.Logs)
	}
}

// memory prints the peaks.
func (b *Bench) memory() {
	b.table.section("peak memory over all backfills")
	for _, s := range []string{"event-handler", "writer", "api"} {
		most := int64(0)
		if s == "event-handler" {
			most = 300 << 20
		}
		b.table.memory(s, b.peaks[s], most)
	}
}
