package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/core"
)

// DeepReorgError says that the node's chain parts from ours at or below a
// height that was final. Nothing is published until enough endpoints say which
// chain it is; see Source.
type DeepReorgError struct {
	Number uint64 // a height that was final, or the lowest remembered
	Ours   common.Hash
	Theirs common.Hash
}

func (e *DeepReorgError) Error() string {
	return fmt.Sprintf("reorganisation deeper than finality: block %d is %s in the node and %s here", e.Number, e.Theirs, e.Ours)
}

// BranchError says that the node is behind us and on another branch: its chain
// may have been made shorter, or it is a node that was left behind on a branch
// that lost. One word of one node does not decide that.
type BranchError struct {
	Number uint64 // the node's newest block
	Ours   common.Hash
	Theirs common.Hash
}

func (e *BranchError) Error() string {
	return fmt.Sprintf("the node is behind, and on another branch: its newest block %d is %s, and %s here", e.Number, e.Theirs, e.Ours)
}

// LaggingError says that the node has fewer blocks of our chain than we handed
// out: it is behind, and nothing was reorganised. It is ErrNothingNew.
type LaggingError struct {
	Node uint64 // the node's newest block
	Ours uint64 // ours
}

func (e *LaggingError) Error() string {
	return fmt.Sprintf("the node is behind: its newest block is %d, and %d here", e.Node, e.Ours)
}

// Is makes it a kind of ErrNothingNew.
func (e *LaggingError) Is(target error) bool { return target == ErrNothingNew }

// compare is for a node that has nothing above our head: it may be behind, or
// on another branch of the same height or lower.
func (f *Follower) compare(ctx context.Context, node Node, latest *Header, final *place) error {
	if !f.chain.started() {
		return ErrNothingNew
	}
	f.note(func(s *State) { s.Backfilling = false })
	head := f.chain.head()
	ours, known := f.chain.at(latest.Number)
	switch {
	case known && ours.hash != latest.Hash && latest.Number == head.number:
		return f.reorg(ctx, node, latest.Number)
	case known && ours.hash != latest.Hash && latest.Number <= f.chain.finalized:
		return &DeepReorgError{Number: latest.Number, Ours: ours.hash, Theirs: latest.Hash}
	case known && ours.hash != latest.Hash:
		return &BranchError{Number: latest.Number, Ours: ours.hash, Theirs: latest.Hash}
	}
	before := f.chain.finalized
	if err := f.finalize(ctx, node, final); err != nil {
		return err
	}
	switch {
	case f.chain.finalized != before:
		return nil
	case latest.Number < head.number:
		return &LaggingError{Node: latest.Number, Ours: head.number}
	}
	return ErrNothingNew
}

// reorg looks for the newest block at or below from that the node and we share,
// and hands out Reverted to it. What was final is not taken back here.
func (f *Follower) reorg(ctx context.Context, node Node, from uint64) error {
	// The node's newest block bounds the question: above it there is only null.
	from = min(from, f.State().NodeHead, f.chain.head().number)
	refs := f.chain.blocks[:f.chain.index(from)+1]
	if f.chain.finalized > 0 {
		refs = refs[max(0, f.chain.index(f.chain.finalized)):]
	}
	if len(refs) == 0 {
		return fmt.Errorf("%w: its newest block is %d, and the lowest known here %d", ErrInconsistent, from, f.chain.blocks[0].number)
	}
	lowest := refs[0]
	to, theirs, err := shared(ctx, node, refs)
	switch {
	case err != nil:
		return err
	case to != nil:
		return f.revert(ctx, *to)
	case f.chain.finalized > 0:
		return &DeepReorgError{Number: lowest.number, Ours: lowest.hash, Theirs: theirs}
	}
	return f.exhausted(ctx, node, theirs)
}

// exhausted is for a node that shares none of the blocks that we remember, of
// which none is final: the common ancestor is older, or below the first block
// ever handed out.
func (f *Follower) exhausted(ctx context.Context, node Node, theirs common.Hash) error {
	lowest := f.chain.blocks[0]
	to, err := f.ancestor(ctx, node, lowest.number)
	if err != nil {
		return err
	}
	if to == nil {
		return &DeepReorgError{Number: lowest.number, Ours: lowest.hash, Theirs: theirs}
	}
	return f.revert(ctx, *to)
}

// revert makes a block the head and says so. It may lie below what was final.
func (f *Follower) revert(ctx context.Context, to ref) error {
	if to == f.chain.head() {
		// The node has come back to our branch between two questions.
		return fmt.Errorf("%w: block %d is the head again", ErrInconsistent, to.number)
	}
	if to.number < f.chain.finalized {
		f.deep++
		f.final = to.number  // what nodes told before no longer counts
		f.rescan.later = nil // nor does what was read of the subject's end
	}
	f.chain.revert(to)
	if err := f.emit(ctx, core.Item{Unit: revertedUnit(to), Resume: f.chain.resume()}); err != nil {
		return err
	}
	f.note(func(*State) {})
	return nil
}
