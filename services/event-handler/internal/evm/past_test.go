package evm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// twin keeps the canonical places as simply as can be.
type twin map[uint64]common.Hash

func (w twin) revert(to uint64) {
	for n := range w {
		if n > to {
			delete(w, n)
		}
	}
}

// TestPastAgainstTwin: what is read backwards from the subject is what units
// applied forwards leave, for all sorts of units, reorganisations to any depth, and
// messages of any size.
func TestPastAgainstTwin(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			log, want := &memlog.Log{}, twin{}
			var head ref
			started, seq := false, uint64(0)
			name := func() (h common.Hash) {
				for i := range h {
					h[i] = byte(rnd.Uint32())
				}
				return h
			}
			publish := func(units ...*chainv1.Unit) {
				pack := &chainv1.Pack{PrevSeq: seq, Units: units, Resume: &chainv1.Resume{Head: head.number, Hash: head.hash.Bytes(), Started: started}}
				data, err := proto.Marshal(pack)
				if err != nil {
					t.Fatal(err)
				}
				if seq, err = log.Publish(t.Context(), seq, nil, data); err != nil {
					t.Fatal(err)
				}
			}
			next := func() ref {
				if !started {
					started = true
					return ref{rnd.Uint64N(3), name()}
				}
				return ref{head.number + 1, name()}
			}
			for range 60 {
				var units []*chainv1.Unit
				for range 1 + rnd.IntN(6) {
					switch k := rnd.IntN(10); {
					case k < 5 || !started:
						head = next()
						want[head.number] = head.hash
						units = append(units, blockUnit(&chainv1.Block{Number: head.number, Hash: head.hash.Bytes()}))
					case k == 5: // a window of which few blocks are listed
						from := head.number + 1
						head = ref{from + rnd.Uint64N(20), name()}
						want[head.number] = head.hash
						units = append(units, rangeUnit(from, head.number, head.hash))
					case k == 6: // Finalized, Checked, Repair say nothing of places
						units = append(units, finalizedUnit(ref{head.number / 2, name()}), &chainv1.Unit{Kind: &chainv1.Unit_Checked{Checked: &chainv1.Checked{To: head.number}}},
							&chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: &chainv1.Block{Number: head.number / 2, Hash: head.hash.Bytes()}}}})
					case k == 7 && len(units) == 0: // a block in parts, after one that was given up
						before, h := head, name()
						publish(&chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: h.Bytes(), I: 1, N: 2}}})
						publish(&chainv1.Unit{Kind: &chainv1.Unit_Abandon{Abandon: &chainv1.Abandon{Hash: h.Bytes()}}})
						head = next()
						b := head
						head = before
						publish(&chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: b.hash.Bytes(), I: 1, N: 2}}})
						head = b
						publish(&chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: b.hash.Bytes(), I: 2, N: 2}}})
						want[b.number] = b.hash
						// The same of a Repair is no block.
						for i := range uint32(2) {
							publish(&chainv1.Unit{Kind: &chainv1.Unit_Part{Part: &chainv1.BlockPart{Hash: name().Bytes(), I: i + 1, N: 2, Repair: true}}})
						}
					case k > 7 && head.number > 0:
						to := head.number - 1 - rnd.Uint64N(min(head.number, 30))
						want.revert(to)
						h, known := want[to]
						if !known {
							h = name() // within a Range, or below the first block
							want[to] = h
						}
						head = ref{to, h}
						units = append(units, revertedUnit(head))
					}
				}
				if len(units) > 0 {
					publish(units...)
				}
			}
			tail, err := core.Open(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			c, err := restore(t.Context(), log, tail)
			if err != nil {
				t.Fatal(err)
			}
			samePlaces(t, c.blocks, want)
			if c.head() != head {
				t.Errorf("head %v, want %v", c.head(), head)
			}
			// The same in pieces, as a deep search reads it.
			p, err := pastOf(t.Context(), log, ^uint64(0))
			if err != nil {
				t.Fatal(err)
			}
			var all []ref
			for {
				refs, err := p.read(t.Context(), 1+rnd.IntN(10), func(uint64) bool { return false })
				if err != nil {
					t.Fatal(err)
				}
				if len(refs) == 0 {
					break
				}
				all = append(refs, all...)
			}
			if samePlaces(t, all, want); !p.begun || p.gone {
				t.Error("the beginning was not reached")
			}
		})
	}
}

func samePlaces(t *testing.T, got []ref, want twin) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d places, want %d", len(got), len(want))
	}
	for i, r := range got {
		if i > 0 && r.number <= got[i-1].number || want[r.number] != r.hash {
			t.Fatalf("place %d: %v, want %s", i, r, want[r.number])
		}
	}
}

// TestPastWithAHole: a message that is gone is told from the beginning.
func TestPastWithAHole(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	data, err := proto.Marshal(&chainv1.Pack{PrevSeq: 2, Units: []*chainv1.Unit{blockUnit(&chainv1.Block{Number: 9, Hash: common.Hash{9}.Bytes()})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Publish(t.Context(), 0, nil, data); err != nil {
		t.Fatal(err)
	}
	p, err := pastOf(t.Context(), log, ^uint64(0))
	if err != nil {
		t.Fatal(err)
	}
	if refs, err := p.read(t.Context(), 100, func(uint64) bool { return false }); err != nil || len(refs) != 1 || p.begun || !p.gone {
		t.Errorf("%v, %v, begun %v, gone %v", refs, err, p.begun, p.gone)
	}
}

func TestChainForgetsTheOldestOnly(t *testing.T) {
	t.Parallel()
	var c chain
	for n := range uint64(3 * maxMemory) {
		c.extend(ref{n, common.BigToHash(common.Big1)})
		c.finalize(n)
	}
	if len(c.blocks) < maxMemory || cap(c.blocks) > 3*maxMemory {
		t.Errorf("%d places, room for %d", len(c.blocks), cap(c.blocks))
	}
	if _, ok := c.at(c.head().number - 10_000); !ok {
		t.Error("a block 10,000 below the head is not remembered")
	}
	to := c.head().number - 12_000
	b, _ := c.at(to)
	c.checked, c.backfill = c.head().number, c.head().number+1
	if c.revert(b); c.head() != b || c.finalized != to || c.checked != to || c.backfill != to+1 {
		t.Errorf("after a deep revert: %v, finalized %d, checked %d, backfill %d", c.head(), c.finalized, c.checked, c.backfill)
	}
}

// counted is a Node that has other blocks than ours above a height.
type counted struct {
	Node
	shared uint64
	asked  int
}

func (n *counted) Headers(_ context.Context, numbers []uint64) ([]*Header, error) {
	n.asked++
	out := make([]*Header, len(numbers))
	for i, number := range numbers {
		out[i] = &Header{Number: number, Hash: common.BytesToHash(fmt.Append(nil, number))}
		if number > n.shared {
			out[i].Hash = common.Hash{1}
		}
	}
	return out, nil
}

// TestSharedFindsTheNewest: whatever the depth, with gaps, in few questions.
func TestSharedFindsTheNewest(t *testing.T) {
	t.Parallel()
	var refs []ref
	for n := uint64(10); len(refs) < maxMemory; n += 1 + n%3 {
		refs = append(refs, ref{n, common.BytesToHash(fmt.Append(nil, n))})
	}
	for _, size := range []int{1, 2, 3, 17, 1000, len(refs)} {
		refs := refs[len(refs)-size:]
		for _, depth := range []int{0, 1, 2, 3, 5, 40, 1000, size - 1, size} {
			if depth > size {
				continue
			}
			node := &counted{shared: refs[0].number - 1}
			if depth < size {
				node.shared = refs[size-1-depth].number
			}
			to, theirs, err := shared(t.Context(), node, refs)
			switch {
			case err != nil:
				t.Fatal(err)
			case depth == size:
				if to != nil || theirs != (common.Hash{1}) {
					t.Errorf("size %d, nothing shared: %v, %s", size, to, theirs)
				}
			case to == nil || *to != refs[size-1-depth]:
				t.Errorf("size %d, depth %d: %v", size, depth, to)
			}
			if limit := 5; node.asked > limit || depth <= 1 && node.asked > 1 {
				t.Errorf("size %d, depth %d: %d questions", size, depth, node.asked)
			}
		}
	}
}
