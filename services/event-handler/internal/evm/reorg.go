package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/core"
)

// DeepReorgError says that the node's chain parts from ours at or below a
// height that was final. Nothing is published until a node is on our chain again.
type DeepReorgError struct {
	Number uint64 // a height that was final, or the lowest remembered
	Ours   common.Hash
	Theirs common.Hash
}

func (e *DeepReorgError) Error() string {
	return fmt.Sprintf("reorganisation deeper than finality: block %d is %s in the node and %s here", e.Number, e.Theirs, e.Ours)
}

// compare is for a node that has nothing above our head: it may be behind, or
// on another branch of the same height or lower.
func (f *Follower) compare(ctx context.Context, node Node, latest *Header, final *place) error {
	if !f.chain.started() {
		return ErrNothingNew
	}
	f.note(func(s *State) { s.Backfilling = false })
	ours, ok := f.chain.at(latest.Number)
	if ok && ours.hash != latest.Hash {
		return f.reorg(ctx, node, latest.Number)
	}
	before := f.chain.finalized
	if err := f.finalize(ctx, node, final); err != nil {
		return err
	}
	if f.chain.finalized == before {
		return ErrNothingNew
	}
	return nil
}

// reorg looks for the newest block at or below from that the node and we share,
// and hands out Reverted to it.
func (f *Follower) reorg(ctx context.Context, node Node, from uint64) error {
	lowest := f.chain.blocks[0].number
	var theirs common.Hash
	for step, n := uint64(2), min(from, f.chain.head().number); ; step = min(step*2, 100) {
		var numbers []uint64
		for ; len(numbers) < int(step) && n >= lowest; n-- {
			numbers = append(numbers, n)
			if n == 0 {
				break
			}
		}
		headers, err := node.Headers(ctx, numbers)
		if err != nil {
			return err
		}
		for i, h := range headers {
			if h == nil {
				return fmt.Errorf("%w: block %d is not there", ErrInconsistent, numbers[i])
			}
			theirs = h.Hash
			if ours, _ := f.chain.at(h.Number); ours.hash == h.Hash {
				return f.revert(ctx, ours)
			}
		}
		if numbers[len(numbers)-1] == lowest {
			return f.exhausted(ctx, node, theirs)
		}
	}
}

// exhausted is for a node that shares none of the blocks that we remember. When
// they reach down to the first one ever handed out and none is final, all of
// them are reverted; else the node is not to be followed.
func (f *Follower) exhausted(ctx context.Context, node Node, theirs common.Hash) error {
	lowest := f.chain.blocks[0]
	if lowest.number == 0 || lowest.number != f.set.Filter.Start() || f.chain.finalized > 0 {
		return &DeepReorgError{Number: lowest.number, Ours: lowest.hash, Theirs: theirs}
	}
	headers, err := node.Headers(ctx, []uint64{lowest.number - 1})
	if err != nil {
		return err
	}
	if headers[0] == nil {
		return fmt.Errorf("%w: block %d is not there", ErrInconsistent, lowest.number-1)
	}
	to := ref{headers[0].Number, headers[0].Hash}
	f.chain.blocks = append([]ref{to}, f.chain.blocks...)
	return f.revert(ctx, to)
}

func (f *Follower) revert(ctx context.Context, to ref) error {
	if to == f.chain.head() {
		// The node has come back to our branch between two questions.
		return fmt.Errorf("%w: block %d is the head again", ErrInconsistent, to.number)
	}
	f.chain.revert(to)
	if err := f.emit(ctx, core.Item{Unit: revertedUnit(to), Resume: f.chain.resume()}); err != nil {
		return err
	}
	f.note(func(*State) {})
	return nil
}
