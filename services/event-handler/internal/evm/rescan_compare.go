package evm

import (
	"context"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// compareAll compares the window with each of the readers. blame is not nil when
// one was found wrong, while the window is settled all the same.
func (f *Follower) compareAll(ctx context.Context, r *rescan, p *pass, readers, nodes []Node) (blame, err error) {
	for _, n := range readers {
		b, err := f.compareAgain(ctx, r, p, n, nodes)
		if err != nil {
			return nil, err
		}
		if blame == nil {
			blame = b
		}
	}
	return blame, nil
}

// compareAgain reads the window from one node and settles what differs, with all
// of them.
func (f *Follower) compareAgain(ctx context.Context, r *rescan, p *pass, node Node, nodes []Node) (blame, err error) {
	ours := p.ours
	p.reading = true
	var theirs map[uint64]seen
	err = f.aside(func() (err error) {
		theirs, err = f.readAgain(ctx, node, ours, r.filter)
		return err
	})
	if err != nil {
		return nil, &BlameError{node, err}
	}
	p.reading = false
	differ := ours.differences(theirs)
	if len(differ) == 0 {
		return nil, nil
	}
	if !p.newest {
		// Something repaired already may stand further down the subject, when a
		// session ended between a Repair and its Checked.
		if ours, err = r.newest(ctx, ours); err != nil {
			return nil, err
		}
		p.ours, p.newest = ours, true
		differ = ours.differences(theirs)
	}
	if len(differ) > maxSettled {
		differ = differ[:maxSettled]
		ours.shorten(differ[maxSettled-1])
		p.repairs = slices.DeleteFunc(p.repairs, func(b *chainv1.Block) bool { return b.GetNumber() > ours.to })
	}
	for _, n := range differ {
		b, err := f.settleAgain(ctx, &r.subject, n, ours.blocks[n], nodes)
		if err != nil {
			return nil, err
		}
		truth := r.subject.seen(b)
		if truth.sums.total() != theirs[n].sums.total() {
			blame = &BlameError{node, fmt.Errorf("%w: block %d %s has %d wanted logs, the node names %d", ErrInconsistent,
				n, truth.hash, truth.sums.total().Logs, theirs[n].sums.total().Logs)}
		}
		if have := ours.blocks[n]; have.sums.total() != truth.sums.total() {
			p.repairs = append(p.repairs, b)
			ours.blocks[n] = truth
		}
	}
	p.differences += len(differ)
	return blame, nil
}

// readAgain asks node for the window's logs, and holds them against the hash
// that is published of its last block. It touches nothing that Step does.
func (f *Follower) readAgain(ctx context.Context, node Node, ours *span, filter *Filter) (map[uint64]seen, error) {
	w, err := node.Window(ctx, ours.from, ours.to, Want{Queries: filter.Queries(ours.to)})
	if err != nil {
		return nil, err
	}
	last := w.Headers[len(w.Headers)-1]
	switch {
	case last == nil || last.Number != ours.to:
		return nil, fmt.Errorf("%w: block %d is final and not there", ErrInconsistent, ours.to)
	case ours.toHash != (common.Hash{}) && last.Hash != ours.toHash:
		return nil, fmt.Errorf("%w: %w", ErrInconsistent, &DeepReorgError{Number: ours.to, Ours: ours.toHash, Theirs: last.Hash})
	}
	check := checker{filter: filter, tolerate: f.set.Tolerate}
	logs, err := check.wanted(w.Logs, ours.from, ours.to)
	if err != nil {
		return nil, err
	}
	out := map[uint64]seen{}
	for i := range logs {
		l := &logs[i]
		s, ok := out[l.BlockNumber]
		if !ok {
			s = seen{hash: l.BlockHash, sums: sums{}}
			out[l.BlockNumber] = s
		}
		s.sums.add(l.Address, digestOf(l))
	}
	return out, nil
}

// differences are the heights whose logs do not have the same sums, ascending.
// Most often the sums of the whole window are equal, by address, and then no block
// is looked at.
func (sp *span) differences(theirs map[uint64]seen) []uint64 {
	a, b := sums{}, sums{}
	for _, x := range []struct {
		into sums
		of   map[uint64]seen
	}{{a, sp.blocks}, {b, theirs}} {
		for _, s := range x.of {
			for address, one := range s.sums {
				sum := x.into[address]
				sum.Join(one)
				x.into[address] = sum
			}
		}
	}
	if a.equal(b) {
		return nil
	}
	var out []uint64
	for n := sp.from; n <= sp.to; n++ {
		if !sp.blocks[n].sums.equal(theirs[n].sums) {
			out = append(out, n)
		}
	}
	return out
}

func (s sums) equal(o sums) bool {
	if len(s) != len(o) {
		return false
	}
	for a, one := range s {
		if o[a] != one {
			return false
		}
	}
	return true
}
