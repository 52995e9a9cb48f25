package evm

import (
	"fmt"

	"github.com/ethereum/go-ethereum/core/types"
)

// Way is how a reorganisation shows to clients.
type Way int

const (
	// Shrink drops the head to the common ancestor, then makes new blocks one
	// by one: clients see a lower head, removed logs, and every new head.
	Shrink Way = iota
	// Flip builds the other branch unseen and switches in one step: removed
	// logs, and one new head for the tip.
	Flip
	// Silent deletes the blocks (debug_setHead), then makes new ones:
	// no removed logs at all.
	Silent
)

// String names the way as the tests print it.
func (w Way) String() string {
	return [...]string{"shrink", "flip", "silent"}[w]
}

// Reorg describes a reorganisation.
type Reorg struct {
	Way Way
	// Depth is the number of blocks taken back, counted from the head.
	Depth int
	// Blocks is the number of new blocks. Fewer than Depth leaves a lower head.
	Blocks int
	// Remine puts the transactions of all dropped blocks into the first new
	// one; else they are forgotten.
	Remine bool
	// BelowFinality allows taking back finalized blocks.
	BelowFinality bool
}

// Reorg replaces the last blocks of the chain and returns the new tip.
func (n *Node) Reorg(r Reorg) (*types.Block, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	head := n.Head().Number.Uint64()
	if r.Depth < 0 || r.Blocks < 0 || uint64(r.Depth) > head {
		return nil, fmt.Errorf("taking back %d blocks and making %d at height %d", r.Depth, r.Blocks, head)
	}
	ancestor := n.Block(head - uint64(r.Depth))
	if ancestor.NumberU64() < n.Finalized().Number.Uint64() && !r.BelowFinality {
		return nil, fmt.Errorf("going back to %d, finalized is %d: %w",
			ancestor.NumberU64(), n.Finalized().Number, ErrBelowFinality)
	}
	var txs []*types.Transaction
	if r.Remine {
		for number := ancestor.NumberU64() + 1; number <= head; number++ {
			txs = append(txs, n.Block(number).Transactions()...)
		}
	}
	var err error
	switch r.Way {
	case Flip:
	case Silent:
		err = n.rewind(ancestor.NumberU64())
	default:
		err = n.fork(ancestor.Hash())
	}
	if err != nil {
		return nil, err
	}
	return n.branch(ancestor, txs, r)
}

// branch makes the new blocks, txs in the first of them. A flip switches to
// them at the end, the other ways at each block.
func (n *Node) branch(tip *types.Block, txs []*types.Transaction, r Reorg) (*types.Block, error) {
	for i := range r.Blocks {
		block, err := n.seal(tip.Header(), txs, false)
		if err != nil {
			return nil, err
		}
		tip, txs = block, nil
		if r.Way != Flip || i == r.Blocks-1 {
			if err := n.setHead(tip); err != nil {
				return nil, err
			}
		}
	}
	if r.Way == Flip {
		if r.Blocks == 0 {
			return tip, n.fork(tip.Hash())
		}
		n.eth.TxPool().Clear() // geth puts the dropped transactions back into it
	}
	return tip, nil
}
