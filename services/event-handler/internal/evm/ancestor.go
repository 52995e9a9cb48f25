package evm

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ethereum/go-ethereum/common"
)

// probes is the most headers of one question for a common ancestor.
const probes = 16

// shared returns the newest of refs that is on the node's chain, nil when none
// is; then theirs is what the node has at the lowest. refs are ascending.
//
// Below a shared block all are shared and above one that is not none is, so the
// newest of 16,000 is found in four questions, and that of a short
// reorganisation in one: the first question doubles its steps from the top.
func shared(ctx context.Context, node Node, refs []ref) (to *ref, theirs common.Hash, err error) {
	low, high := -1, len(refs) // refs[low] is shared, refs[high] is not
	var at []int
	for step := 1; step <= len(refs); step *= 2 {
		at = append(at, len(refs)-step)
	}
	if at[len(at)-1] != 0 {
		at = append(at, 0)
	}
	for len(at) > 0 {
		numbers := make([]uint64, len(at))
		for i, k := range at {
			numbers[i] = refs[k].number
		}
		headers, err := node.Headers(ctx, numbers)
		if err != nil {
			return nil, theirs, err
		}
		for i, k := range at {
			switch h := headers[i]; {
			case h == nil:
				return nil, theirs, fmt.Errorf("%w: block %d is not there", ErrInconsistent, numbers[i])
			case h.Hash == refs[k].hash:
				low = max(low, k)
			default:
				if k < high {
					high, theirs = k, h.Hash
				}
			}
		}
		if low > high {
			return nil, theirs, fmt.Errorf("%w: it shares block %d with us and not block %d", ErrInconsistent, refs[low].number, refs[high].number)
		}
		at = between(low, high)
	}
	if low < 0 {
		return nil, theirs, nil
	}
	return &refs[low], theirs, nil
}

// between are the places to ask about next, strictly between low and high; none
// when these are neighbours.
func between(low, high int) []int {
	n := min(probes, high-low-1)
	var at []int
	for i := range n {
		at = append(at, low+(high-low)*(i+1)/(n+1))
	}
	return at
}

// ancestor returns the newest block below a height that the node shares with
// what stands in the subject. It is nil when there is none and none may be
// found: the beginning of the subject is gone, or block 0 itself differs. Below
// the first block ever handed out, it is the node's block there.
func (f *Follower) ancestor(ctx context.Context, node Node, below uint64) (*ref, error) {
	lowest := f.chain.blocks[0].number
	if i := f.chain.index(below - 1); below > 0 && i >= 0 {
		to, _, err := shared(ctx, node, f.chain.blocks[:i+1])
		if to != nil || err != nil {
			return to, err
		}
	}
	p, err := pastOf(ctx, f.chain.log, lowest)
	if err != nil {
		return nil, err
	}
	for {
		refs, err := p.read(ctx, maxMemory, func(uint64) bool { return false })
		if err != nil {
			return nil, err
		}
		if len(refs) == 0 {
			break
		}
		lowest = refs[0].number
		to, _, err := shared(ctx, node, refs)
		if to != nil || err != nil {
			return to, err
		}
	}
	// Everything in the subject is on another branch.
	if !p.begun || lowest == 0 || lowest == math.MaxUint64 {
		return nil, nil
	}
	headers, err := node.Headers(ctx, []uint64{lowest - 1})
	if err != nil {
		return nil, err
	}
	if headers[0] == nil {
		return nil, fmt.Errorf("%w: block %d is not there", ErrInconsistent, lowest-1)
	}
	return &ref{headers[0].Number, headers[0].Hash}, nil
}

// errLost says that no common ancestor can be found any more.
var errLost = errors.New("nothing that the subject holds is on that chain, and its beginning is gone or differs: " +
	"give the network another name, so that it is read into a new subject")

// holdTogether is how many blocks above a common ancestor are asked for before
// blocks that were final are taken back for them.
const holdTogether = 256

// Rewind goes back to the newest block that the node shares with us, also below
// what was final, and hands out Reverted. The caller has made sure that enough
// endpoints are on the node's chain at some height; agree is asked the
// same about the common ancestor. After an error nothing was handed out.
func (f *Follower) Rewind(ctx context.Context, node Node, agree func(ctx context.Context, number uint64, hash common.Hash) error) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	latest, _, err := node.Head(ctx, false)
	if err != nil {
		return err
	}
	to, err := f.ancestor(ctx, node, min(latest.Number, f.chain.head().number)+1)
	if err != nil {
		return err
	}
	if to == nil {
		return errLost
	}
	if err := f.linkedTo(ctx, node, *to, latest.Number); err != nil {
		return err
	}
	if agree != nil {
		if err := agree(ctx, to.number, to.hash); err != nil {
			return err
		}
	}
	return f.revert(ctx, *to)
}

// holds reports whether a block that was handed out still is of our chain, as far
// as that is remembered: the steps and the second reading may meet the same
// reorganisation, and who comes second has nothing to decide any more.
func (f *Follower) holds(number uint64, hash common.Hash) bool {
	f.turn.Lock()
	defer f.turn.Unlock()
	b, remembered := f.chain.at(number)
	return f.chain.started() && number <= f.chain.head().number && (!remembered || b.hash == hash)
}

// linkedTo makes sure that the node's blocks above a place are each the child
// of the one before.
func (f *Follower) linkedTo(ctx context.Context, node Node, from ref, latest uint64) error {
	var numbers []uint64
	for n := from.number + 1; n <= min(latest, from.number+holdTogether); n++ {
		numbers = append(numbers, n)
	}
	headers, err := node.Headers(ctx, numbers)
	if err != nil {
		return err
	}
	parent := from.hash
	for i, h := range headers {
		if h == nil || h.Parent != parent {
			return fmt.Errorf("%w: block %d is not the child of the one before", ErrInconsistent, numbers[i])
		}
		parent = h.Hash
	}
	return nil
}
