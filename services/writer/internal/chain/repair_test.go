package chain_test

import (
	"encoding/hex"
	"testing"

	"github.com/nats-io/nats.go"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

func repairUnit(b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}
}

// A repair gives each missing row a position of its own, puts a wrong row and
// one that never was where a reorg would put them, leaves equal rows alone, and
// changes nothing when it comes again, whole or in parts.
func TestRepairMakesTheBlockWhatItSays(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("mended", n)
	indexer(w, build, n, nil)
	whole, sent := writertest.Block(nil, 8, 1), writertest.Block(nil, 8, 1)
	sent.Logs = sent.Logs[1:5]
	sent.Logs[1].Data = make([]byte, 32) // log 2: another value
	phantom := writertest.Block(nil, 12, 1).Logs[9]
	phantom.TxIndex = 2
	sent.Logs = append(sent.Logs, phantom) // log 9: never was
	f.Publish(writertest.U(sent))
	child := writertest.Block(whole, 1, 1)
	f.Publish(writertest.U(child), repairUnit(whole), writertest.U(writertest.Block(child, 1, 1)))
	seq := f.Publish(repairUnit(whole))
	w.Wait(build, n.Subject(), seq)
	// seq:row of each log: 0, 2, 5, 6, 7 are new; the repair's own row is row 2.
	const rows = `select string_agg(log_index || '=' || (pos >> 20) || ':' || (pos & 1048575), ' ' order by log_index) from ix_mended.events where block_number = 0`
	if got := writertest.Value[string](w, rows); got != "0=2:3 1=1:1 2=2:5 3=1:3 4=1:4 5=2:8 6=2:9 7=2:10" {
		t.Errorf("events %s", got)
	}
	if got := writertest.Value[string](w, `select string_agg(log_index || '=' || (revert_pos >> 20), ' ' order by log_index) from ix_mended.orphaned_events`); got != "2=2 9=2" {
		t.Errorf("orphaned events %s", got)
	}
	// One row tells of it, at the position that is the repair's own.
	const told = `select string_agg(concat_ws(' ', pos >> 20, pos & 1048575, number, encode(hash, 'hex') = $1, log_count, removed::text), ', ') from ix_mended.repairs`
	if got := writertest.Value[string](w, told, hex.EncodeToString(whole.GetHash())); got != "2 2 0 t 8 {2,9}" {
		t.Errorf("repairs %s", got)
	}
	if got := writertest.Value[int64](w, `select log_count from ix_mended.blocks where number = 0`); got != 8 {
		t.Errorf("log_count %d", got)
	}
	if got := writertest.Value[int64](w, `select pos & 1048575 from ix_mended.blocks where number = 2`); got != 2+9 {
		t.Errorf("the unit behind the repair has row %d", got)
	}
	before := w.Digest(build, true)
	for _, p := range writertest.Parts(whole, 3) {
		p.GetPart().Repair = true
		f.Publish(p)
	}
	w.Wait(build, n.Subject(), f.Last)
	after := w.Digest(build, true)
	for table, want := range before {
		if after[table] != want {
			t.Errorf("a repair in parts that says nothing new changed %s", table)
		}
	}
	w.CheckCounts(build)
}

// A repair of a height that a range covers brings the block's own row, and the
// hint tells everybody to read: what was new is known in the database only.
func TestRepairOfACoveredHeight(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("covered", n)
	r := indexer(w, build, n, nil)
	a := writertest.Block(nil, 2, 1)
	missed := writertest.Block(a, 3, 1)
	end := writertest.Block(missed, 0, 1)
	w.Wait(build, n.Subject(), f.Publish(writertest.U(a), writertest.Range(1, end), writertest.Final(end)))
	for _, p := range writertest.Parts(missed, 2) {
		p.GetPart().Repair = true
		f.Publish(p)
	}
	c := w.Wait(build, n.Subject(), f.Last)
	if c.Height() != 2 || writertest.Value[int64](w, `select count(*) from ix_covered.events where block_number = 1`) != 3 ||
		writertest.Value[int64](w, `select count(*) from ix_covered.blocks`) != 2 || writertest.Value[int64](w, `select count(*) from ix_covered.repairs`) != 0 {
		t.Errorf("the repaired block is not there; head %d", c.Height())
	}
	w.Until("a hint of it", func() bool {
		list := r.HintList.All()
		h := list[len(list)-1]
		return h.GetPos() == c.Pos && h.GetRowsLeftOut() && len(h.GetRows()) == 0
	})
	w.CheckCounts(build)
}

// What was read twice is kept, and a revert below it takes it back, with the
// finalized height.
func TestChecksAreKeptUntilADeepRevert(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	b := tenBlocks(f)
	build := w.Build("checks", n)
	indexer(w, build, n, nil)
	check := func(from, to uint64) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Checked{Checked: &chainv1.Checked{From: from, To: to, Logs: 3 * (to - from + 1), Digest: make([]byte, 32)}}}
	}
	f.Publish(writertest.Final(b[8]), check(0, 3), check(4, 6), check(4, 6))
	c := w.Wait(build, n.Subject(), f.Last)
	const list = `select coalesce(string_agg(from_number || '..' || to_number || '=' || logs, ' ' order by to_number), '') from ix_checks.checks`
	if got := writertest.Value[string](w, list); got != "0..3=12 4..6=9" || c.Final() != 8 {
		t.Errorf("checks %s, final %d", got, c.Final())
	}
	f.Publish(writertest.Revert(b[5]), writertest.U(writertest.Block(b[5], 1, 2)))
	c = w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, list); got != "0..3=12" || c.Final() != 5 || c.Height() != 6 {
		t.Errorf("checks %s, final %d, head %d", got, c.Final(), c.Height())
	}
	if c.Pos != feedv1.EndOf(f.Last) {
		t.Errorf("position %d", c.Pos)
	}
	w.CheckCounts(build)
}

// A block that died comes back by a repair: the hole is closed.
func TestARepairClosesAHole(t *testing.T) {
	t.Parallel()
	w, n, f, b, build := deadBlock(t, "hole")
	indexer(w, build, n, nil, hasty)
	f.Publish(writertest.Final(b[9]))
	w.Wait(build, n.Subject(), f.Last)
	accept(w, build)
	f.Publish(repairUnit(b[5]))
	w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, letterState, build); got != "done 5" {
		t.Errorf("the letter is %q", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_hole.events where block_number = 5`); got != 3 {
		t.Errorf("%d events", got)
	}
	w.CheckCounts(build)
}

// What was announced and is wrong is taken back by a repair whose own rows are
// not announced: no feed is left with it.
func TestAQuietRepairTakesBackWhatWasTold(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("hushed", n)
	indexer(w, build, n, nil)
	whole, sent := writertest.Block(nil, 3, 1), writertest.Block(nil, 3, 1)
	sent.Logs[1].Data = make([]byte, 32)
	short := writertest.Block(whole, 2, 1)
	missing := writertest.Block(whole, 2, 1)
	missing.Logs = missing.Logs[:1]
	f.Publish(writertest.U(sent), writertest.U(missing))
	f.Header = nats.Header{bus.HeaderQuiet: {"1"}}
	w.Wait(build, n.Subject(), f.Publish(repairUnit(whole), repairUnit(short)))
	const told = `select string_agg(concat_ws(' ', number, pos >> 20, pos & 1048575, log_count, removed::text), ', ') from ix_hushed.repairs where pos >= 0`
	if got := writertest.Value[string](w, told); got != "0 2 0 3 {1}" {
		t.Errorf("told: %s", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_hushed.events where pos < 0`); got != 2 {
		t.Errorf("%d rows are not announced, want 2", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_hushed.orphaned_events o join ix_hushed.repairs r on r.pos = o.revert_pos`); got != 1 {
		t.Errorf("%d rows lie under the repair", got)
	}
	w.CheckCounts(build)
}

// A repair behind the place that a seek back leads to is of a former life: no
// replay of the new one meets it, and the rows that it brought are kept.
func TestRepairsOfAFormerLifeAreNotTold(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("aside", n)
	whole, sent := writertest.Block(nil, 3, 1), writertest.Block(nil, 3, 1)
	sent.Logs[1].Data = make([]byte, 32)
	r := indexer(w, build, n, nil)
	b1 := writertest.Block(whole, 1, 1)
	f.Publish(writertest.U(sent), writertest.U(b1))
	f.Publish(repairUnit(whole))
	w.Wait(build, n.Subject(), f.Publish(writertest.U(writertest.Block(b1, 1, 1))))
	r.Stop()
	f = anew(t, w, n.Subject())
	f.Publish(writertest.U(whole), writertest.U(b1))
	f.Publish(writertest.U(writertest.Block(b1, 1, 2)))
	indexer(w, build, n, nil)
	w.Until("the other life", func() bool {
		return w.Cursor(build, n.Subject()).SeekBacks == 1 && w.Cursor(build, n.Subject()).Height() == 2
	})
	if got := writertest.Value[string](w, `select concat_ws(' ', count(*), count(*) filter (where pos >= 0)) from ix_aside.repairs`); got != "1 0" {
		t.Errorf("repairs, and those that a replay meets: %s", got)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_aside.events where block_number = 0 and pos > 0`); got != 3 {
		t.Errorf("%d events of the repaired block", got)
	}
	w.CheckCounts(build)
}
