package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// canonical returns the span as it stands on the branch that is followed. Where
// what was final has been taken back, the branch that lost comes first in the
// subject, with the finalized height that it had: then the subject is read to its
// end. node is asked for the block's hash where the follower does not know it.
func (f *Follower) canonical(ctx context.Context, r *rescan, sp *span, node Node) (*span, error) {
	last, ok := sp.last()
	if !ok {
		return sp, nil // nothing of it can be of another branch
	}
	stands, ok := f.chain.at(last.number)
	if !ok {
		h, err := f.finalHeader(ctx, node, last.number)
		if err != nil {
			return nil, err
		}
		stands = ref{last.number, h.Hash}
	}
	if stands == last {
		return sp, nil
	}
	r.later = nil
	whole, err := r.newest(ctx, sp)
	if err != nil {
		return nil, err
	}
	if now, ok := whole.last(); ok && now.number == stands.number && now != stands {
		return nil, &BlameError{node, fmt.Errorf("%w: final block %d is %s, published was %s", ErrInconsistent, now.number, stands.hash, now.hash)}
	}
	return whole, nil
}

// last is the highest block of the span whose hash is known; not ok when there is
// none.
func (sp *span) last() (ref, bool) {
	if sp.toHash != (common.Hash{}) {
		return ref{sp.to, sp.toHash}, true
	}
	best, ok := ref{}, false
	for n, s := range sp.blocks {
		if !ok || n > best.number {
			best, ok = ref{n, s.hash}, true
		}
	}
	return best, ok
}

// unlisted returns the hash of a final block that the subject does not list: the
// one that more than half of the nodes name, since one of them may be on a fork.
func (f *Follower) unlisted(ctx context.Context, n uint64, nodes []Node) (common.Hash, error) {
	if b, ok := f.chain.at(n); ok {
		return b.hash, nil
	}
	votes := map[common.Hash]int{}
	var failed error
	for _, node := range nodes {
		h, err := f.finalHeader(ctx, node, n)
		if ctx.Err() != nil {
			return common.Hash{}, ctx.Err()
		}
		if err != nil {
			failed = err
			continue
		}
		if votes[h.Hash]++; 2*votes[h.Hash] > len(nodes) {
			return h.Hash, nil
		}
	}
	if failed != nil {
		return common.Hash{}, failed
	}
	return common.Hash{}, fmt.Errorf("%w: block %d has %d hashes at %d of them", ErrUnsettled, n, len(votes), len(nodes))
}

// finalHeader asks a node for a header at a height that is final. Its error
// blames the node.
func (f *Follower) finalHeader(ctx context.Context, node Node, n uint64) (*Header, error) {
	var headers []*Header
	err := f.aside(func() (err error) {
		headers, err = node.Headers(ctx, []uint64{n})
		return err
	})
	if err == nil && headers[0] == nil {
		err = fmt.Errorf("%w: final block %d is not there", ErrInconsistent, n)
	}
	if err != nil {
		return nil, &BlameError{node, err}
	}
	return headers[0], nil
}
