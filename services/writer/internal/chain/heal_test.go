package chain_test

import (
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// A block that cannot be read and that a revert takes away in the same
// transaction is missing nowhere.
func TestADeadBlockIsOrphanedInTheSameTransaction(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("gone", n)
	b0 := writertest.Block(nil, 1, 1)
	b1 := malformed(b0, 1)
	b2 := malformed(b1, 1)
	f.Publish(writertest.U(b0), writertest.U(b1), writertest.U(b2), writertest.Revert(b1), writertest.U(writertest.Block(b1, 1, 2)))
	r := indexer(w, build, n, nil)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	if got := writertest.Value[string](w, letters, build); got != "1/dead 2/dead/orphaned" {
		t.Errorf("letters %q", got)
	}
}

// A block that could not be read and that a repair brings is not missing any
// more, however close behind it the repair comes, and whether its hash could be
// read or not.
func TestARepairHealsALetterOfTheSameTransaction(t *testing.T) {
	t.Parallel()
	b0 := writertest.Block(nil, 1, 1)
	good := writertest.Block(b0, 1, 1)
	nameless := malformed(b0, 1)
	nameless.Hash = nil
	end := writertest.Block(good, 1, 1)
	for name, c := range map[string]struct {
		bad   *chainv1.Block
		apart bool // the repair in a message of its own
	}{"one": {malformed(b0, 1), false}, "two": {malformed(b0, 1), true}, "nameless": {nameless, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writertest.New(t)
			n := writertest.EVMNetwork("dev")
			f := w.NewFeed(n.Subject())
			build := w.Build("heal", n)
			list := []*chainv1.Unit{writertest.U(b0), writertest.U(c.bad), writertest.U(end), writertest.Final(end), repairUnit(good)}
			if c.apart {
				f.Publish(list[:4]...)
				list = list[4:]
			}
			f.Publish(list...)
			r := indexer(w, build, n, nil)
			w.Wait(build, n.Subject(), f.Last)
			r.Stop()
			if got := writertest.Value[string](w, letters, build); got != "1/done" {
				t.Errorf("letters %q", got)
			}
			if got := writertest.Value[int64](w, `select count(*) from ix_heal.events where block_number = 1`); got != 1 {
				t.Errorf("%d events of the repaired block", got)
			}
			w.CheckCounts(build)
		})
	}
}

// A letter of a former life is older than everything of this one, whatever the
// sequences are: a repair heals it, and its replay does not undo the repair.
func TestARepairHealsALetterOfAFormerLife(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("former", n)
	w.Exec(`alter table ix_former.events add constraint poison check (block_number <> 2)`)
	var b []*chainv1.Block
	var parent *chainv1.Block
	for i := range 8 {
		parent = writertest.Block(parent, 3, 1)
		b = append(b, parent)
		sent := parent
		if i == 2 { // two logs short
			sent = proto.Clone(parent).(*chainv1.Block)
			sent.Logs = sent.Logs[:1]
		}
		f.Publish(writertest.U(sent))
	}
	r := indexer(w, build, n, nil, hasty)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	w.Exec(`alter table ix_former.events drop constraint poison`)
	f = anew(t, w, n.Subject())
	var units []*chainv1.Unit
	for _, x := range b[:5] {
		units = append(units, writertest.U(x))
	}
	f.Publish(units...)
	other := writertest.Block(b[4], 1, 9)
	f.Publish(writertest.U(other), writertest.Final(other), repairUnit(b[2]))
	r = indexer(w, build, n, nil, hasty)
	w.Until("the other life", func() bool { return w.Cursor(build, n.Subject()).Height() == 5 })
	w.Exec(`update ctl.dead_letters set status = 'pending' where status = 'dead' and block_number = 2`) // as `deadletters replay --all` does
	w.Until("the letter's end", func() bool {
		return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where block_number = 2 and status = 'done'`) == 1
	})
	r.Stop()
	if got := writertest.Value[int64](w, `select count(*) from ix_former.events where block_number = 2`); got != 3 {
		t.Errorf("%d events of the repaired block, want 3", got)
	}
	w.CheckCounts(build)
}

// A writer that slept while another one took its place stores nothing of what
// failed before: the unit is dead by now, and its rows would count as there with
// the next batch that goes well.
func TestASleeperStoresNoFailure(t *testing.T) {
	t.Parallel()
	w, n, f, b, build := deadBlock(t, "sleeper")
	var fell atomic.Bool
	r := indexer(w, build, n, func(step string) error {
		if step == "refused" && fell.CompareAndSwap(false, true) {
			// What the other one does: it lets the unit die, and passes it.
			last, err := w.Bus.Last(t.Context(), chainv1.Stream, n.Subject())
			if err != nil {
				return err
			}
			w.Exec(`insert into ctl.dead_letters (build, partition, seq, unit, block_number, block_hash, reason, body, attempts) values ($1, $2, 2, 2, 5, $3, 'refused', '', 5)`,
				build, n.Subject(), b[5].Hash)
			w.Exec(`update ctl.cursors set seq = $3, digest = $4, number = 9, hash = $5, pos = $6 where build = $1 and partition = $2`,
				build, n.Subject(), last.Seq, partition.Digest(bus.Message{Data: last.Data}), b[9].Hash, feedv1.EndOf(last.Seq))
		} else if fell.Load() {
		}
		return nil
	}, hasty)
	next := writertest.Block(b[9], 1, 1)
	w.Until("its sleep", fell.Load)
	w.Wait(build, n.Subject(), f.Publish(writertest.U(next)))
	r.Stop()
	if got := writertest.Value[string](w, letterState, build); got != "dead 5" {
		t.Errorf("the letter is %q", got)
	}
}
