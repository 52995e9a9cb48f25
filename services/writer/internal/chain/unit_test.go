package chain_test

import (
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// hasty retries at once, as often as production does.
func hasty(p *partition.Partition) {
	p.RetryAfter = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}
}

// refuse makes Postgres refuse block 5's events of a build; accept ends that.
func refuse(w *writertest.World, build string) {
	w.Exec(`alter table ix_` + build + `.events add constraint poison check (block_number <> 5)`)
}

func accept(w *writertest.World, build string) {
	w.Exec(`alter table ix_` + build + `.events drop constraint poison`)
}

// tenBlocks publishes blocks 0..9 with logs, in three messages.
func tenBlocks(f *writertest.Feed) []*chainv1.Block {
	var b []*chainv1.Block
	for i := range 10 {
		var parent *chainv1.Block
		if i > 0 {
			parent = b[i-1]
		}
		b = append(b, writertest.Block(parent, 3, 1))
	}
	units := func(list []*chainv1.Block) (out []*chainv1.Unit) {
		for _, x := range list {
			out = append(out, writertest.U(x))
		}
		return out
	}
	f.Publish(units(b[:3])...)
	f.Publish(units(b[3:8])...)
	f.Publish(units(b[8:])...)
	return b
}

const (
	letterState = `select status || ' ' || attempts || case when orphaned then ' orphaned' else '' end from ctl.dead_letters where build = $1`
	setPending  = `update ctl.dead_letters set status = 'pending', updated_at = now() where build = `
)

// deadBlock is an index that lacks block 5.
func deadBlock(t *testing.T, name string) (w *writertest.World, n config.Network, f *writertest.Feed, b []*chainv1.Block, build string) {
	t.Helper()
	w = writertest.New(t)
	n = writertest.EVMNetwork("dev")
	f = w.NewFeed(n.Subject())
	b = tenBlocks(f)
	build = w.Build(name, n)
	refuse(w, build)
	return w, n, f, b, build
}

// Data that Postgres refuses is tried again, then left out; everything around
// it is there, and the pipeline goes on.
func TestARefusedUnitDiesAloneAndIsReplayed(t *testing.T) {
	t.Parallel()
	w, n, f, _, build := deadBlock(t, "dead")
	var failed atomic.Int64
	r := indexer(w, build, n, func(step string) error {
		if step == "failed" {
			failed.Add(1)
		}
		return nil
	}, hasty)
	before := w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, letterState, build); got != "dead 5" || failed.Load() != 4 {
		t.Errorf("the letter is %q after %d failures", got, failed.Load())
	}
	if blocks, events := writertest.Value[int64](w, `select count(*) from ix_dead.blocks`), writertest.Value[int64](w, `select count(*) from ix_dead.events`); blocks != 9 || events != 27 {
		t.Errorf("%d blocks and %d events, want 9 and 27", blocks, events)
	}
	w.CheckCounts(build)

	// Replayed while it is still refused, it stays dead and says why.
	w.Exec(setPending + `'dead'`)
	w.Until("the replay's end", func() bool { return writertest.Value[string](w, letterState, build) == "dead 6" })
	if c := w.Cursor(build, n.Subject()); c.Pos != before.Pos {
		t.Errorf("a replay that was refused moved the position from %d to %d", before.Pos, c.Pos)
	}

	accept(w, build)
	w.Exec(setPending + `'dead'`)
	w.Until("the replay", func() bool { return writertest.Value[string](w, letterState, build) == "done 7" })
	after := w.Wait(build, n.Subject(), f.Last)
	lo, hi := writertest.Value[int64](w, `select min(pos) from (select pos from ix_dead.blocks where number = 5 union all select pos from ix_dead.events where block_number = 5) x`),
		writertest.Value[int64](w, `select max(pos) from ix_dead.events where block_number = 5`)
	if uint64(lo) != before.Pos+1 || uint64(hi) != after.Pos || hi-lo != 3 {
		t.Errorf("positions %d..%d, the cursor went from %d to %d", lo, hi, before.Pos, after.Pos)
	}
	w.Until("its hint", func() bool {
		list := r.HintList.All()
		h := list[len(list)-1]
		return h.GetPrevPos() == before.Pos && h.GetPos() == after.Pos && h.GetRowsLeftOut()
	})
	// A second replay changes nothing.
	rows := w.Digest(build, true)
	w.Exec(setPending + `'dead'`)
	w.Until("the second replay", func() bool { return writertest.Value[string](w, letterState, build) == "done 8" })
	if got := w.Digest(build, true); !maps.Equal(got, rows) {
		t.Errorf("replayed twice:\ngot  %v\nwant %v", got, rows)
	}
}

// What failed and then went well leaves no trace but a line that it was done.
func TestARefusalThatPasses(t *testing.T) {
	t.Parallel()
	w, n, f, _, build := deadBlock(t, "passing")
	var failed atomic.Int64
	r := indexer(w, build, n, func(step string) error {
		if step == "failed" && failed.Add(1) == 2 {
			accept(w, build)
		}
		return nil
	}, hasty)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	if got := writertest.Value[string](w, letterState, build); got != "done 2" {
		t.Errorf("the letter is %q", got)
	}
	same(t, w, build, n, f.Last, true)
}

// A process that dies between the attempts forgets none of them and passes
// nothing; one that dies around a replay applies it once.
func TestKilledBetweenAttempts(t *testing.T) {
	t.Parallel()
	w, n, f, _, build := deadBlock(t, "dying")
	steps := map[string]*atomic.Int64{"failed": {}, "replay": {}, "replayed": {}}
	round := func(until func() bool) {
		for lives := 0; !until(); lives++ {
			if lives > 50 {
				t.Fatal("no progress")
			}
			var died atomic.Bool
			r := indexer(w, build, n, func(step string) error {
				// Every attempt and the first of each step of a replay is the last thing
				// that a process does.
				if s := steps[step]; s != nil && (s.Add(1) == 1 || step == "failed") {
					died.Store(true)
					return writertest.ErrKilled
				}
				return nil
			}, hasty)
			w.Until("a death or the end", func() bool { return died.Load() || until() })
			r.Stop()
		}
	}
	round(func() bool { return w.Cursor(build, n.Subject()).Seq == f.Last })
	if got := writertest.Value[string](w, letterState, build); got != "dead 5" || steps["failed"].Load() != 4 {
		t.Errorf("the letter is %q after %d failures", got, steps["failed"].Load())
	}
	accept(w, build)
	w.Exec(setPending + `'dying'`)
	round(func() bool { return writertest.Value[string](w, letterState, build) == "done 6" })
	same(t, w, build, n, f.Last, false)
}

// A dead letter whose block a reorg took is not applied.
func TestAnOrphanedLetterIsNotReplayed(t *testing.T) {
	t.Parallel()
	w, n, f, b, build := deadBlock(t, "orphaned")
	indexer(w, build, n, nil, hasty)
	w.Wait(build, n.Subject(), f.Last)
	other := writertest.Block(b[4], 1, 2)
	accept(w, build)
	last := f.Publish(writertest.Revert(b[4]), writertest.U(other))
	w.Wait(build, n.Subject(), last)
	// As if the mark of the revert were not there: the chain itself tells.
	w.Exec(`update ctl.dead_letters set orphaned = false, status = 'pending'`)
	w.Until("the replay's end", func() bool { return writertest.Value[string](w, letterState, build) == "dead 6 orphaned" })
	same(t, w, build, n, last, false)
}

// A revert is never left out: the partition stands and says so.
func TestARefusedRevertStopsThePartition(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	b := tenBlocks(f)
	build := w.Build("vital", n)
	w.Exec(`alter table ix_vital.reverts add constraint poison check (to_number <> 7)`)
	last := f.Publish(writertest.Revert(b[7]))
	indexer(w, build, n, nil, hasty)
	w.Until("its problem", func() bool { return w.Cursor(build, n.Subject()).Problem != "" })
	if c := w.Cursor(build, n.Subject()); c.Seq >= last {
		t.Error("the cursor passed the revert")
	}
	w.Exec(`alter table ix_vital.reverts drop constraint poison`)
	w.Wait(build, n.Subject(), last)
}

// Facts die alone as well.
func TestARefusedFactDiesAloneAndIsReplayed(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := casperNetwork()
	f := w.NewFeed(n.Subject())
	facts := recordedFacts(t)[:30]
	publishFacts(f, facts, 10)
	build := w.Build("fact", n)
	kind, key := facts[17].GetFact().GetKind(), facts[17].GetFact().GetKey()
	w.Exec(`alter table ix_fact.casper_facts add constraint poison check (not (kind = '` + kind + `' and key = '` + key + `'))`)
	r := casperIndexer(w, build, n)
	r.Stop()
	r = casperIndexer(w, build, n)
	w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, letterState, build); got != "dead 5" {
		t.Errorf("the letter is %q", got)
	}
	w.Exec(`alter table ix_fact.casper_facts drop constraint poison`)
	before := w.Cursor(build, n.Subject())
	w.Exec(setPending + `'fact'`)
	w.Until("the replay", func() bool { return writertest.Value[string](w, letterState, build) == "done 6" })
	if c := w.Cursor(build, n.Subject()); c.Pos != before.Pos+1 {
		t.Errorf("the cursor went from %d to %d", before.Pos, c.Pos)
	}
	r.Stop()
	clean := w.Build("factclean", n)
	c := casperIndexer(w, clean, n)
	w.Wait(clean, n.Subject(), f.Last)
	c.Stop()
	if got, want := w.Digest(build, false), w.Digest(clean, false); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
