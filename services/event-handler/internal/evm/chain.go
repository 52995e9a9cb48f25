package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/core"
)

// ref is a block's place: its height and hash.
type ref struct {
	number uint64
	hash   common.Hash
}

// maxMemory bounds the blocks that are remembered for finding a common
// ancestor. A chain without finality for longer is followed from the newest.
const maxMemory = 1 << 14

// chain is what was handed out of the chain so far: its head, and the blocks
// between the finalized height and the head, without gaps.
type chain struct {
	genesis   common.Hash
	blocks    []ref  // ascending, consecutive heights; the last is the head
	finalized uint64 // 0: none, or block 0
	backfill  uint64 // resume.backfill_height: lowest height no Range covers yet, 0 = none
}

func (c *chain) started() bool { return len(c.blocks) > 0 }

// head is the newest block handed out; only after started.
func (c *chain) head() ref { return c.blocks[len(c.blocks)-1] }

// next is the height to fetch next.
func (c *chain) next(start uint64) uint64 {
	if !c.started() {
		return start
	}
	return c.head().number + 1
}

// at returns the remembered block at a height.
func (c *chain) at(number uint64) (ref, bool) {
	if len(c.blocks) == 0 || number < c.blocks[0].number || number > c.head().number {
		return ref{}, false
	}
	return c.blocks[number-c.blocks[0].number], true
}

// extend adds the next block. After a jump over heights the older ones are
// forgotten: they are finalized.
func (c *chain) extend(b ref) {
	if c.started() && b.number != c.head().number+1 {
		c.blocks = c.blocks[:0]
	}
	c.blocks = append(c.blocks, b)
	if len(c.blocks) > 2*maxMemory {
		c.blocks = append(c.blocks[:0], c.blocks[len(c.blocks)-maxMemory:]...)
	}
}

// revert makes b, which is remembered, the head.
func (c *chain) revert(b ref) { c.blocks = c.blocks[:b.number-c.blocks[0].number+1] }

// finalize notes that number is final, and forgets the blocks below it. The head
// is always kept.
func (c *chain) finalize(number uint64) {
	c.finalized = max(c.finalized, number)
	i := 0
	for i < len(c.blocks)-1 && c.blocks[i].number < c.finalized {
		i++
	}
	if i > 0 {
		c.blocks = append(c.blocks[:0], c.blocks[i:]...)
	}
}

// resume is where to go on from here.
func (c *chain) resume() *chainv1.Resume {
	r := &chainv1.Resume{Genesis: c.genesis.Bytes(), Finalized: c.finalized, BackfillHeight: c.backfill, Started: c.started()}
	if c.started() {
		r.Head, r.Hash = c.head().number, c.head().hash.Bytes()
	}
	return r
}

// restore reads the state back from the subject: the tail's resume, and the
// newest messages as far as they hold blocks above the finalized height.
func restore(ctx context.Context, log core.Log, tail core.Tail) (chain, error) {
	r := tail.Resume
	c := chain{genesis: common.BytesToHash(r.GetGenesis()), finalized: r.GetFinalized(), backfill: r.GetBackfillHeight()}
	if !r.GetStarted() {
		return c, nil
	}
	head := ref{r.GetHead(), common.BytesToHash(r.GetHash())}
	var packs []*chainv1.Pack // newest first
	size := 0
	err := core.WalkBack(ctx, log, tail.Seq, func(_ uint64, p *chainv1.Pack, n int) bool {
		// A pack that ends at or below the finalized height ends in a block that
		// cannot be reverted: what follows is linked to it. A pack that
		// leaves a block open does not end in a block.
		pr := p.GetResume()
		units := p.GetUnits()
		open := len(units) == 1 && units[0].GetPart() != nil && units[0].GetPart().GetI() < units[0].GetPart().GetN()
		if pr.GetStarted() && pr.GetHead() <= r.GetFinalized() && !open {
			c.extend(ref{pr.GetHead(), common.BytesToHash(pr.GetHash())})
			return false
		}
		packs = append(packs, p)
		size += n
		return len(packs) < 2*maxMemory && size < 1<<30 // bounds on what is read
	})
	if err != nil {
		return chain{}, err
	}
	var parts []*chainv1.BlockPart
	for i := len(packs) - 1; i >= 0; i-- {
		for _, u := range packs[i].GetUnits() {
			switch k := u.GetKind().(type) {
			case *chainv1.Unit_Block:
				c.replay(refOf(k.Block))
			case *chainv1.Unit_Part:
				if k.Part.GetI() == 1 {
					parts = parts[:0]
				}
				parts = append(parts, k.Part)
				if k.Part.GetI() == k.Part.GetN() && int(k.Part.GetN()) == len(parts) {
					b, err := core.Assemble(parts)
					if err != nil {
						return chain{}, err
					}
					c.replay(refOf(b))
				}
			case *chainv1.Unit_Abandon:
				parts = parts[:0]
			case *chainv1.Unit_Range:
				c.extend(ref{k.Range.GetTo(), common.BytesToHash(k.Range.GetToHash())})
			case *chainv1.Unit_Reverted:
				if b, ok := c.at(k.Reverted.GetToNumber()); ok {
					c.revert(b)
				} else {
					c.blocks = append(c.blocks[:0], ref{k.Reverted.GetToNumber(), common.BytesToHash(k.Reverted.GetToHash())})
				}
			}
		}
	}
	if !c.started() {
		c.extend(head)
	}
	if c.head() != head {
		return chain{}, fmt.Errorf("the subject's units end at block %d %s, its resume says %d %s", c.head().number, c.head().hash, head.number, head.hash)
	}
	c.finalize(r.GetFinalized())
	return c, nil
}

// replay takes a block that stands in the subject.
func (c *chain) replay(b ref) {
	if c.started() && b == c.head() {
		return
	}
	c.extend(b)
}

func refOf(b *chainv1.Block) ref { return ref{b.GetNumber(), common.BytesToHash(b.GetHash())} }
