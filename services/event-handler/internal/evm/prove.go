package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// Proof is told how doubts about blocks without logs were settled, from any
// goroutine.
type Proof interface {
	// Suspected blocks have no logs although their bloom holds the filter.
	Suspected(blocks int)
	// Proven by receipts.
	Proven(blocks int)
	// Unproven: neither endpoint that was asked serves receipts; taken as empty.
	Unproven(blocks int)
	// Mended: receipts held logs that the node had left out.
	Mended(blocks int)
}

type noProof struct{}

func (noProof) Suspected(int) {}
func (noProof) Proven(int)    {}
func (noProof) Unproven(int)  {}
func (noProof) Mended(int)    {}

// proveBatch is the most blocks whose receipts are asked for at once: those of
// a full mainnet block take ~0.5 MB.
const proveBatch = 16

// prove settles the blocks without wanted logs whose bloom says that they may
// hold some. Another endpoint is asked first: when it has logs the node was
// wrong. When it has none either, receipts decide; they are proof wherever they come
// from, so logs that they hold are taken. Only where neither of the two serves
// receipts at all are the blocks taken as empty, and counted: a bloom errs, though only
// in this direction. Any other failure fails the step.
func (f *Follower) prove(ctx context.Context, node, second Node, blocks []found) error {
	if f.set.Tolerate.Bloom {
		return nil // it says nothing
	}
	var doubtful []*found
	for i := range blocks {
		if b := &blocks[i]; len(b.logs) == 0 && f.set.Filter.Suspicious(b.header) {
			doubtful = append(doubtful, b)
		}
	}
	if len(doubtful) > 0 {
		f.set.Proof.Suspected(len(doubtful))
	}
	for len(doubtful) > 0 {
		n := min(len(doubtful), proveBatch)
		if err := f.resolve(ctx, node, second, doubtful[:n]); err != nil {
			return err
		}
		doubtful = doubtful[n:]
	}
	return nil
}

func (f *Follower) resolve(ctx context.Context, node, second Node, blocks []*found) error {
	hashes := make([]common.Hash, len(blocks))
	top := uint64(0)
	for i, b := range blocks {
		hashes[i] = b.header.Hash
		top = max(top, b.header.Number)
	}
	alone := second == nil || second == node
	var failed error // why doubts are left, other than that nobody serves receipts
	if !alone {
		if failed = f.convict(ctx, second, hashes, top); errors.Is(failed, ErrInconsistent) {
			return failed
		}
	}
	ask := []Node{node}
	if !alone {
		ask = append(ask, second)
	}
	for _, n := range ask {
		receipts, err := n.Receipts(ctx, hashes)
		if err != nil {
			if !errors.Is(err, ErrNoReceipts) && failed == nil {
				failed = err
			}
			continue
		}
		var rest []*found
		var open []common.Hash
		for i, b := range blocks {
			settled, err := f.check.receipts(b.header, receipts[i])
			if err != nil {
				rest, open = append(rest, b), append(open, hashes[i])
				if failed == nil {
					failed = err
				}
				continue
			}
			f.set.Proof.Proven(1)
			if b.logs = settled.logs; len(b.logs) > 0 {
				f.set.Proof.Mended(1)
			}
		}
		if blocks, hashes = rest, open; len(blocks) == 0 {
			return nil
		}
	}
	if failed != nil {
		return failed
	}
	if alone {
		// A node behind a balancer may know a block before its logs.
		if err := f.convict(ctx, node, hashes, top); err != nil {
			return err
		}
	}
	f.set.Proof.Unproven(len(blocks))
	return nil
}

// convict asks a node for the wanted logs of blocks that are said to have none,
// and returns ErrInconsistent when it has some that pass the checks. That it
// says something wrong itself settles nothing: receipts have the last word.
func (f *Follower) convict(ctx context.Context, node Node, hashes []common.Hash, top uint64) error {
	want := Want{Queries: f.set.Filter.Queries(top)}
	answers, err := node.Blocks(ctx, hashes, want)
	if err != nil {
		return err
	}
	for i := range answers {
		b, wrong := f.check.answer(hashes[i], &answers[i], want)
		if wrong == nil && len(b.logs) > 0 {
			return fmt.Errorf("%w: no logs of block %d %s, where another endpoint has %d", ErrInconsistent, b.header.Number, b.header.Hash, len(b.logs))
		}
	}
	return nil
}
