package chain_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// indexer starts an EVM partition of a build.
func indexer(w *writertest.World, build string, n config.Network, fault func(string) error, change ...func(*partition.Partition)) *writertest.Writer {
	m := w.Metrics()
	return w.Start(build, n.Subject(), chainv1.Stream, n.Subject(), chain.NewEVM(build, n, w.Pool, w.Bus, m), m, fault, change...)
}

// same compares an index with that of an undisturbed run over the same stream.
func same(t *testing.T, w *writertest.World, build string, n config.Network, seq uint64, positions bool) {
	t.Helper()
	clean := w.Build("clean_"+build, n)
	r := indexer(w, clean, n, nil)
	w.Wait(clean, n.Subject(), seq)
	r.Stop()
	got, want := w.Digest(build, positions), w.Digest(clean, positions)
	if !maps.Equal(got, want) {
		t.Errorf("the index differs from that of a clean run:\ngot  %v\nwant %v", got, want)
	}
	w.CheckCounts(build)
	w.CheckCounts(clean)
}

// story publishes a chain with reverts, parts, an abandoned block and ranges.
func story(f *writertest.Feed) []*chainv1.Block {
	var b []*chainv1.Block
	next := func(n int, salt uint64) *chainv1.Block {
		var parent *chainv1.Block
		if len(b) > 0 {
			parent = b[len(b)-1]
		}
		b = append(b, writertest.Block(parent, n, salt))
		return b[len(b)-1]
	}
	f.Publish()
	f.Publish(writertest.U(next(3, 1)), writertest.U(next(0, 1)), writertest.U(next(5, 1)))
	for i := range 20 {
		f.Publish(writertest.U(next(i%4, 1)))
	}
	f.Publish(writertest.Final(b[5]))
	// A revert between two segments of one message.
	fork := b[:20]
	x := writertest.U(next(2, 1))
	b = fork
	f.Publish(x, writertest.Revert(fork[19]), writertest.U(next(4, 2)), writertest.U(next(1, 2)), writertest.Final(b[12]))
	// A block in parts: abandoned once, then whole.
	big := next(40, 3)
	parts := writertest.Parts(big, 4)
	f.Publish(parts[0])
	f.Publish(parts[1])
	f.Publish(writertest.Abandon(big))
	for _, p := range writertest.Parts(big, 3) {
		if p.GetPart().GetI() == 3 {
			f.SetHead(big)
		}
		f.Publish(p)
	}
	f.Publish(writertest.U(next(1, 3)))
	return b
}

func TestRevertsGiveRowsAndFrames(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("reverts", n)
	r := indexer(w, build, n, nil)

	a0 := writertest.Block(nil, 1, 1)
	a1, b1 := writertest.Block(a0, 2, 1), writertest.Block(a0, 3, 2)
	// A -> B -> A: the same block comes back.
	seq := f.Publish(writertest.U(a0), writertest.U(a1), writertest.Revert(a0), writertest.U(b1), writertest.Revert(a0), writertest.U(a1))
	c := w.Wait(build, n.Subject(), seq)
	if c.Height() != 1 || string(c.Hash) != string(a1.GetHash()) || c.Pos != feedv1.EndOf(seq) {
		t.Errorf("cursor %+v", c)
	}
	for q, want := range map[string]int64{
		`select count(*) from ix_reverts.blocks`: 2, `select count(*) from ix_reverts.events`: 3,
		`select count(*) from ix_reverts.orphaned_blocks`: 2, `select count(*) from ix_reverts.orphaned_events`: 5,
		`select count(*) from ix_reverts.reverts`:                                                                       2,
		`select sum(n) from ix_reverts.counts where kind = 'events'`:                                                    3,
		`select log_count from ix_reverts.blocks where number = 1`:                                                      2,
		`select pos & 1048575 from ix_reverts.blocks where number = 1`:                                                  2 + 3 + 1 + 4 + 1,
		`select min(pos) & 1048575 from ix_reverts.orphaned_events`:                                                     3,
		`select max(to_number) from ix_reverts.reverts`:                                                                 0,
		`select count(*) from ix_reverts.events where contract = 'any-erc20' and event = 'Transfer' and args ? 'value'`: 3,
	} {
		if got := writertest.Value[int64](w, q); got != want {
			t.Errorf("%s: %d, want %d", q, got, want)
		}
	}
	w.CheckCounts(build)

	w.Until("a hint", func() bool { return len(r.HintList.All()) > 0 })
	h := r.HintList.All()[0]
	var kinds []string
	last := uint64(0)
	for _, row := range h.GetRows() {
		if row.GetPos() <= last {
			t.Errorf("positions are not ascending: %d after %d", row.GetPos(), last)
		}
		last = row.GetPos()
		switch row.GetKind().(type) {
		case *feedv1.Row_EvmBlock:
			kinds = append(kinds, "B")
		case *feedv1.Row_Event:
			kinds = append(kinds, "e")
		case *feedv1.Row_Reverted:
			kinds = append(kinds, "R")
		}
	}
	if got := join(kinds); got != "BeBeeRBeeeRBee" || h.GetEpoch() != c.Epoch() || h.GetPos() != c.Pos || h.GetHead() != 1 || !h.GetCaughtUp() {
		t.Errorf("hint %s: %v", got, h)
	}
	same(t, w, build, n, seq, true)
}

func join(list []string) string {
	out := ""
	for _, s := range list {
		out += s
	}
	return out
}

func TestPoisonIsSetAsideAndFollowsReverts(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("poison", n)
	indexer(w, build, n, nil)
	a0 := writertest.Block(nil, 1, 1)
	bad := writertest.Block(a0, 2, 1)
	bad.Logs[1].Address = []byte{1, 2, 3}
	a2 := writertest.Block(bad, 1, 1)
	f.Publish(writertest.U(a0), writertest.U(bad), writertest.U(a2), &chainv1.Unit{Kind: &chainv1.Unit_Fact{Fact: &chainv1.Fact{Kind: "x"}}})
	f.PublishRaw([]byte{0xff, 0xff, 0xff})
	a3 := writertest.Block(a2, 1, 1)
	seq := f.Publish(writertest.U(a3))
	w.Wait(build, n.Subject(), seq)
	if got := writertest.Value[int64](w, `select count(*) from ix_poison.blocks`); got != 3 {
		t.Errorf("%d blocks", got)
	}
	if got := writertest.Value[string](w, `select string_agg(seq || '/' || unit || '/' || coalesce(block_number::text, '') || '/' || orphaned, ' ' order by seq, unit) from ctl.dead_letters`); got != "1/1/1/false 1/3//false 2/-1//false" {
		t.Errorf("dead letters %s", got)
	}
	seq = f.Publish(writertest.Revert(a0), writertest.U(writertest.Block(a0, 1, 2)))
	w.Wait(build, n.Subject(), seq)
	if !writertest.Value[bool](w, `select orphaned from ctl.dead_letters where unit = 1`) {
		t.Error("the dead letter did not follow its block's revert")
	}
	w.CheckCounts(build)
}

func TestUndecodableLogsAreKeptRaw(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("raw", n)
	indexer(w, build, n, nil)
	b := writertest.Block(nil, 3, 1)
	b.Logs[0].Data = nil
	b.Logs[1].Topics = b.Logs[1].Topics[:2]
	w.Wait(build, n.Subject(), f.Publish(writertest.U(b)))
	if got := writertest.Value[string](w, `select string_agg(log_index || ':' || event || ':' || (args is null) || ':' || (decode_error <> ''), ' ' order by log_index) from ix_raw.events`); got != "0::true:true 1::true:true 2:Transfer:false:false" {
		t.Errorf("events %s", got)
	}
}

func TestRangesAreCutByReverts(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("ranges", n)
	indexer(w, build, n, nil)
	at := func(number uint64) *chainv1.Block {
		b := writertest.Block(nil, 2, number)
		b.Number = number
		return b
	}
	b1500, end := at(1500), at(1999)
	f.Publish(writertest.U(b1500), writertest.Range(1000, end), writertest.Range(2000, at(2999)))
	c := w.Wait(build, n.Subject(), f.Publish(writertest.Revert(at(2500))))
	if c.Height() != 2500 || c.Final() != 2500 {
		t.Errorf("cursor %+v", c)
	}
	if got := writertest.Value[string](w, `select string_agg(from_number || '..' || to_number, ' ' order by from_number) from ix_ranges.ranges`); got != "1000..1999 2000..2500" {
		t.Errorf("ranges %s", got)
	}
	w.Wait(build, n.Subject(), f.Publish(writertest.Revert(at(1500)), writertest.U(writertest.Block(b1500, 1, 4))))
	if got := writertest.Value[string](w, `select string_agg(from_number || '..' || to_number, ' ' order by from_number) from ix_ranges.ranges`); got != "1000..1500" {
		t.Errorf("ranges %s", got)
	}
	same(t, w, build, n, f.Last, true)
}

func TestRepairAddsWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("repair", n)
	indexer(w, build, n, nil)
	whole := writertest.Block(nil, 4, 1)
	lame := writertest.Block(nil, 4, 1)
	lame.Logs = lame.Logs[1:3]
	f.Publish(writertest.U(lame))
	gone := writertest.Block(nil, 4, 5)
	repair := func(b *chainv1.Block) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}
	}
	seq := f.Publish(repair(whole), repair(gone))
	w.Wait(build, n.Subject(), seq)
	if got := writertest.Value[string](w, `select string_agg(log_index || ':' || (pos >> 20), ' ' order by log_index) from ix_repair.events`); got != "0:2 1:1 2:1 3:2" {
		t.Errorf("events %s", got)
	}
	if got := writertest.Value[int64](w, `select log_count from ix_repair.blocks`); got != 4 {
		t.Errorf("log_count %d", got)
	}
	if !writertest.Value[bool](w, `select orphaned from ctl.dead_letters where seq = 2 and unit = 1`) {
		t.Error("a repair of a block that is not canonical is no dead letter")
	}
	w.CheckCounts(build)
}

func TestABlockOf21MB(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("big", n)
	a0 := writertest.Block(nil, 1, 1)
	f.Publish(writertest.U(a0))
	big := writertest.Block(a0, 30_000, 1)
	for _, l := range big.Logs {
		l.Data = append(l.Data, make([]byte, 600)...) // trailing bytes are not the ABI's
	}
	parts := writertest.Parts(big, 4)
	size := 0
	for _, p := range parts {
		size += len(p.GetPart().GetData())
	}
	if size < 21<<20 {
		t.Fatalf("the block has %d bytes", size)
	}
	for _, p := range parts[:3] {
		f.Publish(p)
	}
	r := indexer(w, build, n, nil)
	w.Wait(build, n.Subject(), 1)
	f.SetHead(big)
	last := f.Publish(parts[3])
	c := w.Wait(build, n.Subject(), last)
	if c.Height() != 1 {
		t.Errorf("cursor %+v", c)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_big.events where pos >> 20 = $1`, int64(last)); got != 30_000 {
		t.Errorf("%d events at the last part", got)
	}
	w.Until("the hint", func() bool { return len(r.HintList.All()) == 2 })
	if h := r.HintList.All()[1]; !h.GetRowsLeftOut() || len(h.GetRows()) > 0 {
		t.Errorf("the hint of a large block carries its rows")
	}
	w.CheckCounts(build)
}

// Blocks that stream in while reverts of random depth happen: the totals are
// those of the rows, and the rows are those of the chain that is left.
func TestTotalsUnderRandomReverts(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		n := writertest.EVMNetwork(fmt.Sprintf("net-%d", round))
		build := w.Build("random", n) // one more network of the same build
		f := w.NewFeed(n.Subject())
		first := writertest.Block(nil, 1, 1)
		first.Number = 990 // buckets end at 999
		stack := []*chainv1.Block{first}
		f.Publish(writertest.U(first))
		perTx := rapid.IntRange(1, 30).Draw(r, "rows per transaction")
		for i := range rapid.IntRange(1, 12).Draw(r, "messages") {
			var units []*chainv1.Unit
			for range rapid.IntRange(0, 6).Draw(r, "units") {
				if len(stack) > 1 && rapid.IntRange(0, 3).Draw(r, "what") == 0 {
					stack = stack[:len(stack)-rapid.IntRange(1, min(len(stack)-1, 8)).Draw(r, "depth")]
					units = append(units, writertest.Revert(stack[len(stack)-1]))
				} else {
					b := writertest.Block(stack[len(stack)-1], rapid.IntRange(0, 4).Draw(r, "logs"), uint64(i))
					stack = append(stack, b)
					units = append(units, writertest.U(b))
				}
			}
			f.Publish(units...)
		}
		p := indexer(w, build, n, nil, func(p *partition.Partition) { p.MaxRows = perTx })
		c := w.Wait(build, n.Subject(), f.Last)
		p.Stop()
		top, logs := stack[len(stack)-1], 0
		for _, b := range stack {
			logs += len(b.GetLogs())
		}
		if c.Height() != top.GetNumber() || string(c.Hash) != string(top.GetHash()) {
			r.Errorf("cursor %d, want %d", c.Height(), top.GetNumber())
		}
		const q = `
select concat_ws(' ', (select count(*) from ix_random.blocks where network = $1), (select count(*) from ix_random.events where network = $1),
	(select sum(n) from ix_random.counts where network = $1 and kind = 'blocks'),
	coalesce((select sum(n) from ix_random.counts where network = $1 and kind = 'events'), 0))`
		got := writertest.Value[string](w, q, n.Name)
		if want := fmt.Sprint(len(stack), logs, len(stack), logs); got != want {
			r.Errorf("rows and totals %s, want %s", got, want)
		}
	})
	w.CheckCounts("random")
}

// Rows of a message that asks for it are stored and listed, but no frame and no
// replay tells them.
func TestQuietRowsAreNotAnnounced(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.EVMNetwork("dev")
	f := w.NewFeed(n.Subject())
	build := w.Build("quiet", n)
	r := indexer(w, build, n, nil)
	a := writertest.Block(nil, 2, 1)
	b := writertest.Block(a, 2, 1)
	f.Header = nats.Header{bus.HeaderQuiet: {"1"}}
	w.Wait(build, n.Subject(), f.Publish(writertest.U(a)))
	f.Header = nil
	c := w.Wait(build, n.Subject(), f.Publish(writertest.U(b)))
	if got := writertest.Value[string](w, `select string_agg(block_number || ':' || (pos > 0), ' ' order by block_number, log_index) from ix_quiet.events`); got != "0:false 0:false 1:true 1:true" {
		t.Errorf("events %s", got)
	}
	w.Until("the hints", func() bool {
		list := r.HintList.All()
		return len(list) > 0 && list[len(list)-1].GetPos() == c.Pos
	})
	rows := 0
	for _, h := range r.HintList.All() {
		rows += len(h.GetRows())
	}
	if rows != 3 {
		t.Errorf("%d rows were announced, want those of block 1", rows)
	}
	w.CheckCounts(build)
}
