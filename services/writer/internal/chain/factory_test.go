package chain_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// factoryStory publishes children that are made in the block of their first
// log, undone by reorgs, and made again elsewhere.
func factoryStory(f *writertest.Feed) {
	u, block := writertest.U, writertest.Block
	b0 := writertest.With(block(nil, 0, 1), writertest.Swap(1, 1)) // before it is made
	b1 := writertest.With(block(b0, 0, 1), writertest.Swap(1, 2), writertest.Created(1), writertest.Swap(1, 3), writertest.Swap(2, 4))
	b2 := writertest.With(block(b1, 0, 1), writertest.Swap(1, 5), writertest.Created(2), writertest.Swap(2, 6), writertest.Broken(2))
	f.Publish(u(b0), u(b1))
	f.Publish(u(b2))
	// Pool 2 is undone, and made later in the block that takes the place.
	c2 := writertest.With(block(b1, 0, 2), writertest.Swap(2, 7), writertest.Created(3), writertest.Swap(3, 8), writertest.Created(2))
	c3 := writertest.With(block(c2, 0, 2), writertest.Swap(2, 9), writertest.Swap(4, 9), writertest.Created(2))
	f.Publish(writertest.Revert(b1), u(c2), u(c3))
	// A -> B -> A, in one message: both pools are undone and come back.
	f.Publish(writertest.Revert(b0), u(b1), u(b2), writertest.Revert(b0), u(b1), u(c2), u(c3))
	c4 := writertest.With(block(c3, 0, 2), writertest.Swap(1, 10), writertest.Swap(2, 11), writertest.Swap(3, 12), writertest.Swap(4, 13))
	f.Publish(u(c4))
}

// oneMessage makes a transaction of every message.
func oneMessage(p *partition.Partition) { p.MaxRows = 1 }

func TestFactoryChildren(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.FactoryNetwork("dev", "n")
	f := w.NewFeed(n.Subject())
	build := w.Build("factory", n)
	r := indexer(w, build, n, nil)
	factoryStory(f)
	w.Wait(build, n.Subject(), f.Last)
	// Lists of a factory's children have an index of their own; no other build pays for it.
	w.Build("plain", writertest.EVMNetwork("dev"))
	const indexes = `select string_agg(schemaname || ': ' || indexdef, ' ') from pg_indexes where indexname = 'events_factory'`
	if got := writertest.Value[string](w, indexes); !strings.HasPrefix(got, "ix_factory: ") || !strings.Contains(got, "(network, contract, block_number, log_index) WHERE (contract = 'pool'::text)") || strings.Contains(got, "plain") {
		t.Errorf("indexes of factories: %s", got)
	}
	w.Build("factory", n) // again, as a writer that starts anew
	const events = `select coalesce(string_agg(concat_ws('/', block_number, log_index, contract, event, args ->> 'n', reads ->> 'supply', decode_error <> '', (pos & 2097151)), ' ' order by block_number, log_index), '') from ix_factory.events`
	// Positions count the logs that have no row, so that builds count alike.
	got := writertest.Value[string](w, events)
	for _, want := range []string{"1/1/pool/Created/f/", "1/2/pool/Swap/3/768/f/", "2/1/pool/Created/", "2/2/pool/Swap/8/2048/f/", "2/3/pool/Created/", "3/0/pool/Swap/9/", "4/0/pool/Swap/10/", "4/1/pool/Swap/11/", "4/2/pool/Swap/12/"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for _, not := range []string{"0/0/", "1/0/", "1/3/", "2/0/", "3/1/", "4/3/"} {
		if strings.HasPrefix(got, not) || strings.Contains(got, " "+not) {
			t.Errorf("%s in %s", not, got)
		}
	}
	const children = `select string_agg(concat_ws('/', block_number, log_index, contract, encode(address, 'hex')), ' ' order by block_number, log_index) from ix_factory.children`
	pool := func(n byte) string { return common.Bytes2Hex(common.LeftPadBytes([]byte{n}, 20)) }
	if got, want := writertest.Value[string](w, children), "1/1/pool/"+pool(1)+" 2/1/pool/"+pool(3)+" 2/3/pool/"+pool(2); got != want {
		t.Errorf("children %s\nwant %s", got, want)
	}
	// Live frames carry the reads, and end where the rows do.
	hints := r.HintList.All()
	last := hints[len(hints)-1]
	var frames []*feedv1.Event
	for _, row := range last.GetRows() {
		if e := row.GetEvent(); e != nil {
			frames = append(frames, e)
		}
	}
	if !last.GetRowsLeftOut() && (len(frames) == 0 || string(frames[len(frames)-1].GetReads()) != `{"supply":"3072"}`) {
		t.Errorf("frames %v", frames)
	}
	if got := writertest.Value[int64](w, `select count(*) from ix_factory.blocks b where log_count <> (select count(*) from ix_factory.events e where e.block_number = b.number)`); got != 0 {
		t.Errorf("%d blocks count other logs than they have rows", got)
	}
	r.Stop()
	same(t, w, build, n, f.Last, true)
}

// TestFactoryChildrenSurviveCrashes: killed anywhere, the rows and the children
// are those of an undisturbed run.
func TestFactoryChildrenSurviveCrashes(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.FactoryNetwork("dev", "n")
	f := w.NewFeed(n.Subject())
	factoryStory(f)
	build := w.Build("crashes", n)
	for i := range 12 {
		left := i
		died := make(chan struct{}, 1)
		r := indexer(w, build, n, func(string) error {
			if left--; left < 0 {
				select {
				case died <- struct{}{}:
				default:
				}
				return writertest.ErrKilled
			}
			return nil
		}, oneMessage)
		w.Until("it dies or is done", func() bool {
			return len(died) > 0 || w.Cursor(build, n.Subject()).Seq >= f.Last
		})
		r.Stop()
	}
	r := indexer(w, build, n, nil, oneMessage)
	w.Wait(build, n.Subject(), f.Last)
	r.Stop()
	same(t, w, build, n, f.Last, true)
}

// TestRepairOfAFactorysBlock: a repair that brings a child's birth makes it a
// child, one that takes it away unmakes it.
func TestRepairOfAFactorysBlock(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.FactoryNetwork("dev", "n")
	f := w.NewFeed(n.Subject())
	build := w.Build("repair", n)
	r := indexer(w, build, n, nil)
	u, block := writertest.U, writertest.Block
	b0 := writertest.With(block(nil, 0, 1), writertest.Created(1))
	b1 := writertest.With(block(b0, 0, 1))
	f.Publish(u(b0), u(b1))
	whole := writertest.With(block(b0, 0, 1), writertest.Created(2), writertest.Swap(2, 5))
	f.Publish(&chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: whole}}})
	b2 := writertest.With(block(b1, 0, 1), writertest.Swap(2, 6))
	f.Publish(u(b2))
	w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, `select string_agg(concat_ws('/', block_number, log_index, event), ' ' order by block_number, log_index) from ix_repair.events`); got != "0/0/Created 1/0/Created 1/1/Swap 2/0/Swap" {
		t.Errorf("events %s", got)
	}
	empty := writertest.With(block(nil, 0, 1))
	f.Publish(&chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: empty}}})
	w.Wait(build, n.Subject(), f.Last)
	if got := writertest.Value[string](w, `select string_agg(concat_ws('/', block_number, log_index), ' ') from ix_repair.children`); got != "1/0" {
		t.Errorf("children %s", got)
	}
	w.CheckCounts(build)
	r.Stop()
}

// TestRepairBringsTheChildsEarlierLogs: the logs that came between the block
// and its repair, as a stranger's, get their rows.
func TestRepairBringsTheChildsEarlierLogs(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	n := writertest.FactoryNetwork("dev", "n")
	f := w.NewFeed(n.Subject())
	build := w.Build("adopt", n)
	r := indexer(w, build, n, nil)
	u, block, with := writertest.U, writertest.Block, writertest.With
	repair := func(b *chainv1.Block) *chainv1.Unit {
		return &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}
	}
	b0 := with(block(nil, 0, 1), writertest.Created(1), writertest.Swap(2, 1))
	b1 := block(b0, 0, 1) // the node forgot that it makes pool 2
	b2 := with(block(b1, 0, 1), writertest.Swap(2, 2), writertest.Swap(1, 2))
	x3 := with(block(b2, 0, 7), writertest.Swap(2, 9)) // reorganised away
	b3 := with(block(b2, 0, 1), writertest.Swap(1, 3))
	b4 := with(block(b3, 0, 1), writertest.Swap(2, 4)) // in parts
	b5 := with(block(b4, 0, 1), writertest.Swap(1, 5)) // one log short, repaired below
	f.Publish(u(b0), u(b1))
	f.Publish(u(b2), u(x3), writertest.Revert(b2), u(b3))
	f.Publish(writertest.Parts(b4, 2)[0])
	f.Publish(writertest.Abandon(b4))
	for i, p := range writertest.Parts(b4, 2) {
		if i == 1 {
			f.SetHead(b4)
		}
		f.Publish(p)
	}
	whole5 := with(block(b4, 0, 1), writertest.Swap(1, 5), writertest.Swap(2, 5))
	f.Publish(u(b5))
	f.Publish(repair(whole5))
	whole1 := with(block(b0, 0, 1), writertest.Created(2), writertest.Swap(2, 1))
	b6 := with(block(b5, 0, 1), writertest.Swap(2, 6))
	f.Publish(repair(whole1), u(b6))
	w.Wait(build, n.Subject(), f.Last)
	w.Until("the earlier logs", func() bool {
		return writertest.Value[int64](w, `select count(*) from ctl.dead_letters where status <> 'done'`) == 0
	})
	const q = `select string_agg(concat_ws('/', block_number, log_index, event, args ->> 'n'), ' ' order by block_number, log_index) from ix_adopt.events`
	if got, want := writertest.Value[string](w, q), "0/0/Created 1/0/Created 1/1/Swap/1 2/0/Swap/2 2/1/Swap/2 3/0/Swap/3 4/0/Swap/4 5/0/Swap/5 5/1/Swap/5 6/0/Swap/6"; got != want {
		t.Errorf("events %s\nwant   %s", got, want)
	}
	if n := writertest.Value[int64](w, `select count(*) - count(distinct pos) from ix_adopt.events`); n != 0 {
		t.Errorf("%d events share a position", n)
	}
	w.CheckCounts(build)
	r.Stop()
}

// TestFactoryReorgsAtRandom compares the live index with a clean one over
// chains of births, swaps and reverts of any depth.
func TestFactoryReorgsAtRandom(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		n := writertest.FactoryNetwork(fmt.Sprint("dev", seed), "n")
		f := w.NewFeed(n.Subject())
		build := w.Build(fmt.Sprint("random", seed), n)
		r := indexer(w, build, n, nil)
		var chain []*chainv1.Block
		for range 3 + rnd.IntN(12) {
			var units []*chainv1.Unit
			for range 1 + rnd.IntN(4) {
				if len(chain) > 1 && rnd.IntN(4) == 0 {
					chain = chain[:1+rnd.IntN(len(chain)-1)]
					units = append(units, writertest.Revert(chain[len(chain)-1]))
				}
				var parent *chainv1.Block
				if len(chain) > 0 {
					parent = chain[len(chain)-1]
				}
				var logs []*chainv1.Log
				for range rnd.IntN(6) {
					if child := byte(1 + rnd.IntN(4)); rnd.IntN(4) == 0 {
						logs = append(logs, writertest.Created(child))
					} else {
						logs = append(logs, writertest.Swap(child, 1))
					}
				}
				b := writertest.With(writertest.Block(parent, 0, rnd.Uint64()), logs...)
				chain = append(chain, b)
				units = append(units, writertest.U(b))
			}
			f.Publish(units...)
		}
		w.Wait(build, n.Subject(), f.Last)
		r.Stop()
		same(t, w, build, n, f.Last, true)
		// The truth by hand: whoever was made earlier in the chain, counts.
		born, want := map[byte]bool{}, 0
		for _, b := range chain {
			for _, l := range b.GetLogs() {
				if len(l.GetTopics()) == 2 {
					born[l.GetTopics()[1][31]] = true
					want++
				} else if born[l.GetAddress()[19]] {
					want++
				}
			}
		}
		if got := writertest.Value[int64](w, `select count(*) from ix_`+build+`.events`); got != int64(want) {
			t.Errorf("seed %d: %d events, want %d", seed, got, want)
		}
	}
}
