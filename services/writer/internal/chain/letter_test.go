package chain_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// malformed makes a block that cannot become rows.
func malformed(parent *chainv1.Block, salt uint64) *chainv1.Block {
	b := writertest.Block(parent, 1, salt)
	b.Txs[0].Hash = b.Txs[0].Hash[:31]
	return b
}

// letters lists the dead letters by block, with what became of them.
const letters = `
select coalesce(string_agg(concat_ws('/', block_number, status, case when orphaned then 'orphaned' end), ' ' order by block_number, orphaned, seq, unit), '')
from ctl.dead_letters where build = $1`

// anew makes the stream again, empty.
func anew(t *testing.T, w *writertest.World, n string) *writertest.Feed {
	t.Helper()
	ctx, js := context.Background(), w.Bus.JetStream()
	s, err := js.Stream(ctx, chainv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	if err := js.DeleteStream(ctx, chainv1.Stream); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	return w.NewFeed(n)
}

// A stream that was cut and refilled gives the same sequences to other units:
// the dead letters of both lives are kept, each with what is true of it.
func TestDeadLettersOfTwoLives(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("lives", n)
	var b []*chainv1.Block
	var parent *chainv1.Block
	for i := range 8 {
		if i == 2 || i == 6 {
			parent = malformed(parent, 1)
		} else {
			parent = writertest.Block(parent, 1, 1)
		}
		b = append(b, parent)
		f.Publish(writertest.U(parent))
	}
	r := indexer(w, build, n, nil)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	if got := writertest.Value[string](w, letters, build); got != "2/dead 6/dead" {
		t.Fatalf("letters %q", got)
	}
	// Blocks 0..4 in one message, then others: the new block 6 is in message 3, as
	// block 2 was, and the new block 10 in message 7, as block 6 was.
	f = anew(t, w, n.Subject())
	var units []*chainv1.Unit
	for _, x := range b[:5] {
		units = append(units, writertest.U(x))
	}
	f.Publish(units...)
	parent = b[4]
	for i := 5; i < 12; i++ {
		if i == 6 || i == 10 {
			parent = malformed(parent, 9)
		} else {
			parent = writertest.Block(parent, 1, 9)
		}
		f.Publish(writertest.U(parent))
	}
	r = indexer(w, build, n, nil)
	w.Until("the other chain", func() bool { return w.Cursor(build, n.Subject()).Height() == 11 })
	r.Stop()
	if got, want := writertest.Value[string](w, letters, build), "2/dead 6/dead 6/dead/orphaned 10/dead"; got != want {
		t.Errorf("letters %q, want %q", got, want)
	}
	// Each has the body of its own block.
	list, err := w.Pool.Query(context.Background(), `select block_hash, body from ctl.dead_letters where build = $1`, build)
	if err != nil {
		t.Fatal(err)
	}
	var hash, body []byte
	_, err = pgx.ForEachRow(list, []any{&hash, &body}, func() error {
		var u chainv1.Unit
		if err := proto.Unmarshal(body, &u); err != nil {
			return err
		}
		if !bytes.Equal(u.GetBlock().GetHash(), hash) {
			t.Errorf("the letter of block %x holds block %x", hash, u.GetBlock().GetHash())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A unit that was refused, and whose writer died, is done when the next writer
// can write it: nothing of it stays open.
func TestARefusalThatPassesWhileNobodyWrites(t *testing.T) {
	t.Parallel()
	w, n, f, _, build := deadBlock(t, "away")
	var died atomic.Bool
	r := indexer(w, build, n, func(step string) error {
		if step == "failed" {
			died.Store(true)
			return writertest.ErrKilled
		}
		return nil
	}, hasty)
	w.Until("its death", died.Load)
	r.Stop()
	if got := writertest.Value[string](w, letterState, build); got != "failed 1" {
		t.Fatalf("the letter is %q", got)
	}
	accept(w, build)
	r = indexer(w, build, n, nil, hasty)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	if got := writertest.Value[string](w, letterState, build); got != "done 1" {
		t.Errorf("the letter is %q", got)
	}
	same(t, w, build, n, f.Last, true)
}

// A letter says what was known of its block when it was written: a repair that
// came later is not undone by its replay.
func TestAReplayDoesNotUndoALaterRepair(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	b := tenBlocks(f)
	build := w.Build("later", n)
	short := proto.Clone(b[5]).(*chainv1.Block)
	short.Logs = short.Logs[:1]
	refuse(w, build)
	r := indexer(w, build, n, nil, hasty)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	body, err := proto.Marshal(writertest.U(short))
	if err != nil {
		t.Fatal(err)
	}
	// An operator asks for the block, as it was known: two logs short.
	w.Exec(`update ctl.dead_letters set status = 'pending', body = $1`, body)
	accept(w, build)
	f.Publish(writertest.Final(b[9]), repairUnit(b[5]))
	first := make(chan struct{})
	r = indexer(w, build, n, func(step string) error {
		if step == "committed" {
			select {
			case <-first:
			default:
				close(first)
			}
		}
		return nil
	}, hasty)
	<-first
	w.Until("the letter's end", func() bool {
		return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where status = 'done'`) == 1
	})
	r.Stop()
	if got := writertest.Value[int64](w, `select count(*) from ix_later.events where block_number = 5`); got != 3 {
		t.Errorf("%d events of the repaired block, want 3", got)
	}
	w.CheckCounts(build)
}

// A block with more logs than fit behind a message cannot be replayed; it says
// so and is in nobody's way.
func TestALetterThatIsTooLargeIsInNobodysWay(t *testing.T) {
	t.Parallel()
	w, n, f, b, build := deadBlock(t, "large")
	r := indexer(w, build, n, nil, hasty)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	accept(w, build)
	// No message of this size gets here in one piece: the letter is made by hand.
	large := proto.Clone(b[3]).(*chainv1.Block)
	for i := len(large.Logs); i < 1<<16; i++ {
		large.Logs = append(large.Logs, &chainv1.Log{Address: large.Logs[0].Address, Index: uint32(i), TxIndex: large.Logs[2].TxIndex})
	}
	body, err := proto.Marshal(writertest.U(large))
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(`insert into ctl.dead_letters (build, partition, seq, unit, block_number, block_hash, reason, body)
		values ($1, $2, 1, 7, 3, $3, 'by hand', $4)`, build, n.Subject(), large.Hash, body)
	w.Exec(`update ctl.dead_letters set status = 'pending'`)
	r = indexer(w, build, n, nil, hasty)
	w.Until("the other letter", func() bool {
		return writertest.Value[string](w, `select status from ctl.dead_letters where block_number = 5`) == "done"
	})
	r.Stop()
	if got := writertest.Value[string](w, `select status from ctl.dead_letters where block_number = 3`); got != "dead" {
		t.Errorf("the large letter is %s", got)
	}
	same(t, w, build, n, f.Last, false)
}

// What is refused beside the units themselves is no unit's fault: the partition
// stands still and says so, and does not try again without a pause.
func TestARefusalOfNoUnitStopsThePartition(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("nounit", n)
	w.Exec(`alter table ctl.dead_letters add constraint poison check (block_number <> 1)`)
	b0 := writertest.Block(nil, 1, 1)
	f.Publish(writertest.U(b0), writertest.U(malformed(b0, 1)))
	var tries atomic.Int64
	r := indexer(w, build, n, func(step string) error {
		if step == "cursor" {
			tries.Add(1)
		}
		return nil
	}, hasty)
	w.Until("its problem, or no end of it", func() bool { return w.Cursor(build, n.Subject()).Problem != "" || tries.Load() > 200 })
	r.Stop()
	if w.Cursor(build, n.Subject()).Problem == "" {
		t.Errorf("no problem after %d tries", tries.Load())
	}
}

// A repair takes a child away that was never made: its logs in the blocks behind
// go with it, as those of a child that it brings come.
func TestRepairTakesTheRowsOfAChildThatNeverWas(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.FactoryNetwork("dev", "n")
	f := w.NewFeed(n.Subject())
	build := w.Build("never", n)
	r := indexer(w, build, n, nil)
	u, block, with := writertest.U, writertest.Block, writertest.With
	b0 := with(block(nil, 0, 1), writertest.Created(1), writertest.Created(2))
	b1 := with(block(b0, 0, 1), writertest.Swap(1, 2), writertest.Swap(2, 2))
	b2 := with(block(b1, 0, 1), writertest.Swap(1, 3))
	f.Publish(u(b0), u(b1))
	f.Publish(u(b2))
	f.Publish(repairUnit(with(block(nil, 0, 1), writertest.Created(1))))
	w.Wait(build, n.Subject(), f.Last)
	w.Until("the letters' end", func() bool {
		return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where status <> 'done'`) == 0
	})
	r.Stop()
	const q = `select string_agg(concat_ws('/', block_number, log_index, event, args ->> 'n'), ' ' order by block_number, log_index) from ix_never.events`
	if got, want := writertest.Value[string](w, q), "0/0/Created 1/0/Swap/2 2/0/Swap/3"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	if got := writertest.Value[string](w, `select string_agg(number || '=' || log_count, ' ' order by number) from ix_never.blocks`); got != "0=1 1=1 2=1" {
		t.Errorf("log counts %s", got)
	}
	w.CheckCounts(build)
}

// A Casper subject is read again from its beginning: a fact that is refused
// again has a letter of each life, and both can be replayed.
func TestFactsLettersOfTwoLives(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := casperNetwork()
	f := w.NewFeed(n.Subject())
	facts := recordedFacts(t)[:8]
	publishFacts(f, facts, 10)
	build := w.Build("factlives", n)
	kind, key := facts[7].GetFact().GetKind(), facts[7].GetFact().GetKey()
	w.Exec(`alter table ix_factlives.casper_facts add constraint poison check (not (kind = '` + kind + `' and key = '` + key + `'))`)
	for life := range 2 {
		r := casperIndexer(w, build, n, hasty)
		w.Until("the end", func() bool {
			return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where status = 'dead' and not orphaned`) == int64(life+1)
		})
		r.Stop()
		w.Exec(`update ctl.cursors set digest = '\x00'`) // no message is this
	}
	w.Exec(`alter table ix_factlives.casper_facts drop constraint poison`)
	w.Exec(`update ctl.dead_letters set status = 'pending'`)
	r := casperIndexer(w, build, n, hasty)
	w.Until("the replays", func() bool {
		return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where status <> 'done'`) == 0
	})
	r.Stop()
	if got := writertest.Value[int64](w, `select count(*) from ix_factlives.casper_facts`); got != 8 {
		t.Errorf("%d facts, want 8", got)
	}
	w.CheckCounts(build)
}
