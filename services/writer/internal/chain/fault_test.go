package chain_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"

	"fondaco.dev/pkg/pg"
	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/schema"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

func TestKilledBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	story(f)
	build := w.Build("killed", n)
	// Small transactions, and every writer dies at one of its first nine steps:
	// before the cursor moves, before the rows, before the commit, after it.
	for round := 0; w.Cursor(build, n.Subject()).Seq < f.Last; round++ {
		if round > 300 {
			t.Fatal("no progress")
		}
		var steps atomic.Int64
		last := int64(1 + round%9)
		r := indexer(w, build, n, func(string) error {
			if steps.Add(1) >= last {
				return writertest.ErrKilled
			}
			return nil
		}, func(p *partition.Partition) { p.MaxRows = 3 })
		w.Until("a death or the end", func() bool {
			return steps.Load() >= last || w.Cursor(build, n.Subject()).Seq == f.Last
		})
		r.Stop()
	}
	same(t, w, build, n, f.Last, true)
}

func TestTwoWritersAtOnceAreFenced(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	story(f)
	build := w.Build("fenced", n)
	at, goOn := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	indexer(w, build, n, func(step string) error {
		if step == "cursor" && once.CompareAndSwap(false, true) {
			close(at)
			<-goOn
		}
		return nil
	})
	<-at
	// The first writer stands before its cursor; its lease goes to a second one.
	w.Exec(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
	second := indexer(w, build, n, nil)
	w.Wait(build, n.Subject(), f.Last)
	close(goOn)
	second.Stop() // the first one was fenced, waits, and takes over
	last := f.Publish(writertest.Final(&chainv1.Block{Number: 6, Hash: make([]byte, 32)}))
	w.Wait(build, n.Subject(), last)
	same(t, w, build, n, last, true)
}

// Postgres drops the writer's connections and NATS restarts, again and again:
// a commit whose outcome nobody heard is neither lost nor repeated.
func TestServersFailUnderTheWriter(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	ctx := context.Background()
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	story(f)
	build := w.Build("failing", n)
	pool, err := pg.Open(ctx, w.URL, 4, "victim", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	m := w.Metrics()
	r := w.Start(build, n.Subject(), chainv1.Stream, n.Subject(), chain.NewEVM(build, n, pool, w.Bus, m), m, nil,
		func(p *partition.Partition) { p.Pool, p.MaxRows = pool, 2 })
	for i := range 12 {
		if i == 6 {
			w.NATS.Restart(t)
		}
		w.Exec(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`)
		last := w.Cursor(build, n.Subject())
		w.Until("a step forward", func() bool {
			c := w.Cursor(build, n.Subject())
			return c.Seq > last.Seq || c.Seq == f.Last
		})
	}
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	same(t, w, build, n, f.Last, true)
}

// An operator's reset under a running writer: the same rows again, in another
// epoch.
func TestResetIndexesAnew(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n, other := writertest.EVMNetwork("dev"), writertest.EVMNetwork("other")
	build := w.Build("reset", n, other)
	f, g := w.NewFeed(n.Subject()), w.NewFeed(other.Subject())
	story(f)
	g.Publish(writertest.U(writertest.Block(nil, 3, 1)))
	indexer(w, build, n, nil)
	indexer(w, build, other, nil)
	before := w.Wait(build, n.Subject(), f.Last)
	w.Wait(build, other.Subject(), g.Last)
	rows := w.Digest(build, true)
	if err := schema.Reset(context.Background(), w.Pool, build, n.Subject()); err != nil {
		t.Fatal(err)
	}
	after := w.Wait(build, n.Subject(), f.Last)
	if got := w.Digest(build, true); !maps.Equal(got, rows) {
		t.Errorf("got  %v\nwant %v", got, rows)
	}
	if after.Epoch() == before.Epoch() {
		t.Error("positions are given again in the same epoch")
	}
	w.CheckCounts(build)
}
