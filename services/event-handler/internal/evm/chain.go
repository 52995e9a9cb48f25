package evm

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// ref is a block's place: its height and hash.
type ref struct {
	number uint64
	hash   common.Hash
}

// maxMemory bounds the blocks that are remembered for finding a common ancestor,
// 40 bytes each. What is older is read from the subject when it is asked for.
const maxMemory = 1 << 14

// chain is what was handed out of the chain so far: its head, and the places of
// the blocks below it, those that are final too: finality is a promise of nodes.
type chain struct {
	genesis   common.Hash
	log       core.Log // the subject, for what is older than blocks; nil in tests
	blocks    []ref    // ascending; heights between two of them are known by a Range only; the last is the head
	finalized uint64   // 0: none, or block 0
	backfill  uint64   // resume.backfill_height: lowest height no Range covers yet, 0 = none
	checked   uint64   // resume.checked
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

// index is the place of the newest remembered block at or below a height, -1
// when all are above it.
func (c *chain) index(number uint64) int {
	i, found := slices.BinarySearchFunc(c.blocks, number, func(r ref, n uint64) int { return cmp.Compare(r.number, n) })
	if found {
		return i
	}
	return i - 1
}

// at returns the remembered block at a height.
func (c *chain) at(number uint64) (ref, bool) {
	if i := c.index(number); i >= 0 && c.blocks[i].number == number {
		return c.blocks[i], true
	}
	return ref{}, false
}

// extend adds a block above the head.
func (c *chain) extend(b ref) {
	c.blocks = append(c.blocks, b)
	if len(c.blocks) > maxMemory+maxMemory/4 {
		c.blocks = append(c.blocks[:0], c.blocks[len(c.blocks)-maxMemory:]...)
	}
}

// revert makes b the head: a block at or below the head, remembered or older.
// What was final above it no longer is.
func (c *chain) revert(b ref) {
	i := c.index(b.number)
	switch {
	case i < 0:
		c.blocks = append(c.blocks[:0], b)
	case c.blocks[i] == b:
		c.blocks = c.blocks[:i+1]
	default:
		c.blocks = append(c.blocks[:i+1], b)
	}
	c.finalized = min(c.finalized, b.number)
	c.checked = min(c.checked, b.number)
	c.backfill = min(c.backfill, b.number+1)
}

// finalize notes that number is final.
func (c *chain) finalize(number uint64) { c.finalized = max(c.finalized, number) }

// resume is where to go on from here.
func (c *chain) resume() *chainv1.Resume {
	r := &chainv1.Resume{
		Genesis: c.genesis.Bytes(), Finalized: c.finalized, BackfillHeight: c.backfill, Started: c.started(), Checked: c.checked,
	}
	if c.started() {
		r.Head, r.Hash = c.head().number, c.head().hash.Bytes()
	}
	return r
}

// restore reads the state back from the subject: the tail's resume, and the
// newest messages as far as they hold blocks above the finalized height.
func restore(ctx context.Context, log core.Log, tail core.Tail) (chain, error) {
	r := tail.Resume
	c := chain{
		genesis: common.BytesToHash(r.GetGenesis()), log: log, finalized: r.GetFinalized(), backfill: r.GetBackfillHeight(), checked: r.GetChecked(),
	}
	if !r.GetStarted() {
		return c, nil
	}
	head := ref{r.GetHead(), common.BytesToHash(r.GetHash())}
	p := &past{log: log, seq: tail.Seq, floor: math.MaxUint64}
	refs, err := p.read(ctx, maxMemory, func(lowest uint64) bool { return lowest <= c.finalized })
	switch {
	case err != nil:
		return chain{}, err
	case len(refs) == 0:
		refs = []ref{head}
	case refs[len(refs)-1] != head:
		units := refs[len(refs)-1]
		return chain{}, fmt.Errorf("the subject's units end at block %d %s, its resume says %d %s", units.number, units.hash, head.number, head.hash)
	}
	c.blocks = refs
	return c, nil
}
