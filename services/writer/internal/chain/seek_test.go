package chain_test

import (
	"testing"

	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// A stream whose tail was lost and filled again in other packs, with another
// chain's blocks in it: nothing of the lost tail stays, nothing is doubled.
func TestTailCutAndRefilled(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("cut", n)
	var chainA []*chainv1.Block
	var parent *chainv1.Block
	for i := range 30 {
		b := writertest.Block(parent, i%3, 1)
		chainA = append(chainA, b)
		parent = b
		f.Publish(writertest.U(b))
	}
	r := indexer(w, build, n, nil)
	before := w.Wait(build, n.Subject(), f.Last)
	r.Stop()

	// The stream is made anew and filled with fuller packs: the same chain up to
	// block 24, then another one. Its last sequence is far below the cursor.
	f = anew(t, w, n.Subject())
	for i := 0; i < 25; i += 5 {
		var units []*chainv1.Unit
		for _, b := range chainA[i : i+5] {
			units = append(units, writertest.U(b))
		}
		f.Publish(units...)
	}
	parent = chainA[24]
	for range 10 {
		parent = writertest.Block(parent, 2, 9)
		f.Publish(writertest.U(parent))
	}
	// A writer that dies in its seek back has changed nothing.
	dying := make(chan struct{}, 100)
	r = indexer(w, build, n, func(string) error { dying <- struct{}{}; return writertest.ErrKilled })
	<-dying
	r.Stop()
	if c := w.Cursor(build, n.Subject()); c.Seq != before.Seq || c.SeekBacks != 0 {
		t.Errorf("half a seek back: %+v", c)
	}
	r = indexer(w, build, n, nil)
	w.Until("the refilled tail", func() bool {
		c := w.Cursor(build, n.Subject())
		return c.SeekBacks > before.SeekBacks && c.Height() == 34
	})
	after := w.Cursor(build, n.Subject())
	if after.SeekBacks != 1 || after.Epoch() == before.Epoch() || string(after.Hash) != string(parent.GetHash()) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	r.Stop()
	same(t, w, build, n, f.Last, false)
	// A replay of the new life meets every row above a position once and none of the old life.
	if got := writertest.Value[int64](w, `select count(*) from ix_cut.blocks where pos > $1`, int64(feedv1.EndOf(5))); got != 10 {
		t.Errorf("%d blocks above the seek back, want 10", got)
	}
	if got := writertest.Value[int64](w, `select (select count(*) from ix_cut.reverts where pos >= 0) + (select count(*) from ix_cut.orphaned_blocks where pos >= 0)`); got != 0 {
		t.Errorf("%d rows of the old life are in the way of a replay", got)
	}
	if got := writertest.Value[int64](w, `select count(*) - count(distinct pos) from (select pos from ix_cut.blocks union all select pos from ix_cut.events) p`); got != 0 {
		t.Errorf("%d positions are given twice", got)
	}
}

// The same while the writer runs: the reader waits above the stream's end.
func TestStreamMadeAnewUnderARunningWriter(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("anew", n)
	indexer(w, build, n, nil)
	var blocks []*chainv1.Block
	var parent *chainv1.Block
	for range 10 {
		parent = writertest.Block(parent, 1, 1)
		blocks = append(blocks, parent)
		f.Publish(writertest.U(parent))
	}
	w.Wait(build, n.Subject(), f.Last)
	f = anew(t, w, n.Subject())
	f.Publish(writertest.U(blocks[0]), writertest.U(blocks[1]))
	for _, b := range blocks[2:] {
		f.Publish(writertest.U(b))
	}
	f.Publish(writertest.U(writertest.Block(parent, 1, 1)))
	w.Until("the new stream's end", func() bool { return w.Cursor(build, n.Subject()).Height() == 10 })
	same(t, w, build, n, f.Last, false)
}

// The tail of the stream is cut under a running writer and refilled up to the
// very sequence of its cursor, with other blocks, and then the chain is quiet:
// no message comes whose link would break.
func TestTailRefilledUpToTheCursorUnderARunningWriter(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("upto", n)
	a0 := writertest.Block(nil, 1, 1)
	a1 := writertest.Block(a0, 2, 1)
	f.Publish(writertest.U(a0))
	restore, kept := w.NATS.Backup(t), *f
	w.Until("the connection to be back", func() bool { return w.Bus.Ready() == nil })
	f.Publish(writertest.U(a1))
	r := indexer(w, build, n, nil)
	defer r.Stop()
	w.Wait(build, n.Subject(), f.Last)
	restore()
	w.Until("the connection to be back", func() bool { return w.Bus.Ready() == nil })
	kept.Publish(writertest.U(writertest.Block(a0, 3, 9)))
	w.Until("the block that replaced the lost one", func() bool {
		return writertest.Value[int](w, "select count(*) from ix_upto.events where block_number = 1") == 3
	})
}

// A stream that holds nothing of what the index holds: the partition stands
// still, says so, and goes on by itself when the right stream is back.
func TestAForeignStreamStopsThePartition(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("foreign", n)
	r := indexer(w, build, n, nil)
	a0 := writertest.Block(nil, 1, 1)
	f.Publish(writertest.U(a0))
	f.Publish(writertest.U(writertest.Block(a0, 1, 1)))
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	f = anew(t, w, n.Subject())
	f.Publish(writertest.U(writertest.Block(nil, 1, 77)))
	r = indexer(w, build, n, nil)
	w.Until("a problem", func() bool { return w.Cursor(build, n.Subject()).Problem != "" })
	if r.Status.Err() == nil {
		t.Error("the partition stands still and says that it is ready")
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_foreign.blocks`); got != 2 {
		t.Errorf("%d blocks, want the 2 that were there", got)
	}
	// The right chain comes back, as a refill of the stream.
	f.Publish(writertest.Revert(writertest.Block(nil, 1, 77)))
	f.Publish(writertest.Range(0, a0), writertest.U(writertest.Block(a0, 1, 1)))
	w.Until("the way on", func() bool {
		c := w.Cursor(build, n.Subject())
		return c.Problem == "" && c.Seq == f.Last
	})
	w.Until("readiness", func() bool { return r.Status.Err() == nil })
	w.CheckCounts(build)
}

// The subject went on for long after the place that the index knows: it is
// found in halves, among messages of other subjects.
func TestSeekBackOverALongSubject(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n, other := writertest.EVMNetwork("dev"), writertest.EVMNetwork("other")
	f, g := w.NewFeed(n.Subject()), w.NewFeed(other.Subject())
	build := w.Build("long", n)
	var b *chainv1.Block
	next := func() {
		b = writertest.Block(b, 1, 1)
		f.Publish(writertest.U(b))
	}
	for range 6 {
		next()
	}
	r := indexer(w, build, n, nil)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	for i := range 200 {
		next()
		for range i % 3 {
			g.Publish(writertest.U(writertest.Block(nil, 0, 1)))
		}
	}
	w.Exec(`update ctl.cursors set digest = '\x00' where partition like '%.dev.%'`) // no message is this
	r = indexer(w, build, n, nil)
	c := w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	if c.SeekBacks != 1 {
		t.Errorf("%d seek backs", c.SeekBacks)
	}
	same(t, w, build, n, f.Last, false)
}
