package evm

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// past reads the places of canonical blocks from the subject, newest first.
//
// A block that stands in the subject is canonical when it lies below every
// block and every target of a Reverted behind it: the chain grows upwards only,
// and each Reverted names where it went on.
type past struct {
	log   core.Log
	seq   uint64 // the message to read next
	floor uint64 // lowest height seen so far; only what is below it counts
	begun bool   // the subject's first message was read
	gone  bool   // a message was missing before that
}

// pastOf begins at the subject's newest message, for places below a height.
func pastOf(ctx context.Context, log core.Log, floor uint64) (*past, error) {
	m, err := log.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the subject's last message: %w", err)
	}
	p := &past{log: log, floor: floor, begun: m == nil}
	if m != nil {
		p.seq = m.Seq
	}
	return p, nil
}

// read returns about limit further places, ascending; none when there are no
// more. It stops before that when enough says so of the lowest height.
func (p *past) read(ctx context.Context, limit int, enough func(lowest uint64) bool) ([]ref, error) {
	if p.begun || p.gone {
		return nil, nil
	}
	var refs []ref
	stopped := false
	err := core.WalkBack(ctx, p.log, p.seq, func(_ uint64, pack *chainv1.Pack, _ int) bool {
		p.seq = pack.GetPrevSeq()
		for _, u := range slices.Backward(pack.GetUnits()) {
			if r, ok := placeOf(u, pack.GetResume()); ok && r.number < p.floor {
				refs = append(refs, r)
				p.floor = r.number
			}
		}
		stopped = len(refs) >= limit || p.floor < math.MaxUint64 && enough(p.floor)
		return !stopped
	})
	if err != nil {
		return nil, fmt.Errorf("reading the blocks of the subject: %w", err)
	}
	p.begun = p.seq == 0
	p.gone = !stopped && !p.begun
	slices.Reverse(refs)
	return refs, nil
}

// placeOf is where the chain is known to pass after the unit. resume is that of
// the unit's message: the last part of a block stands alone in its own, so its
// resume names the block's height.
func placeOf(u *chainv1.Unit, resume *chainv1.Resume) (ref, bool) {
	switch k := u.GetKind().(type) {
	case *chainv1.Unit_Block:
		return ref{k.Block.GetNumber(), common.BytesToHash(k.Block.GetHash())}, true
	case *chainv1.Unit_Part:
		if p := k.Part; p.GetI() == p.GetN() && !p.GetRepair() {
			return ref{resume.GetHead(), common.BytesToHash(p.GetHash())}, true
		}
	case *chainv1.Unit_Range:
		return ref{k.Range.GetTo(), common.BytesToHash(k.Range.GetToHash())}, true
	case *chainv1.Unit_Reverted:
		return ref{k.Reverted.GetToNumber(), common.BytesToHash(k.Reverted.GetToHash())}, true
	}
	return ref{}, false
}
