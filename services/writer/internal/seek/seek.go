// Package seek finds where a writer goes on in a subject that is not, or no longer,
// the one that its rows came from.
package seek

import (
	"bytes"
	"context"
	"fmt"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/writer/internal/evm"
)

// Subject is the stored messages of one subject; nil: there is none.
type Subject interface {
	Last(ctx context.Context) (*evm.Message, error)
	// Get is the subject's message with a stream sequence.
	Get(ctx context.Context, seq uint64) (*evm.Message, error)
	// Next is its oldest message at or after a stream sequence.
	Next(ctx context.Context, seq uint64) (*evm.Message, error)
}

// Landing is where a seek back leads: a message that ends at a block which the
// index holds. Message is nil where the subject has none, and then Beginning
// says whether its first message was reached.
type Landing struct {
	Message   *evm.Message
	Resume    *chainv1.Resume
	Beginning bool
}

// Back looks from the subject's end backwards for a message that ends at a
// block which the index holds. Hashes link the blocks, so that everything up
// to that block is what the subject says too; what is above goes the way of a
// revert, and the messages behind it are applied as always.
//
// A hash says which block it is, not that all its logs came: the stream that was
// lost may have held it incomplete where this one does not, or the other way
// round with a Repair behind it. So it goes back to what the second look had
// found complete (checked, see Checked); where nothing was checked, as far as it can.
func Back(ctx context.Context, s Subject, head evm.Head, checked uint64, held evm.Held) (Landing, error) {
	m, err := s.Last(ctx)
	out := Landing{Beginning: m == nil}
	for steps := 0; err == nil && m != nil; m, err = Before(ctx, s, m) {
		if steps++; steps == walkFirst && head.Started {
			if m, err = bisect(ctx, s, m, min(head.Number, checked)); err != nil || m == nil {
				break
			}
		}
		pack, bad := evm.ReadPack(m.Data)
		if bad != nil {
			break // its predecessor is not known
		}
		out.Beginning = pack.GetPrevSeq() == 0
		resume := pack.GetResume()
		if midBlock(pack) || !resume.GetStarted() || !head.Started || resume.GetHead() > head.Number {
			continue
		}
		hash, err := held(resume.GetHead())
		if err != nil {
			return Landing{}, err
		}
		if resume.GetHead() == head.Number && hash == nil {
			hash = head.Hash // a block that lies among the dead letters
		}
		if hash != nil && bytes.Equal(hash, resume.GetHash()) {
			out.Message, out.Resume = m, resume
			if resume.GetHead() <= checked {
				break
			}
		}
	}
	if err != nil {
		return Landing{}, fmt.Errorf("seeking back: %w", err)
	}
	return out, nil
}

// walkFirst is how many messages are read backwards one by one, links checked,
// before a subject that went on for long is cut in halves.
const walkFirst = 32

// bisect finds about the last message at or before m that ends at or below
// number. Heads go down with reverts, so it may be an earlier one than need be:
// the messages behind it are applied again, and their links are checked then.
func bisect(ctx context.Context, s Subject, m *evm.Message, number uint64) (*evm.Message, error) {
	first, err := s.Next(ctx, 1)
	if err != nil || first == nil {
		return m, err
	}
	low, high := first, m
	for low.Seq+1 < high.Seq {
		mid, err := s.Next(ctx, low.Seq+(high.Seq-low.Seq)/2)
		if err != nil {
			return nil, err
		}
		if mid == nil || mid.Seq >= high.Seq {
			// The subject has nothing between the middle and high.
			if mid, err = Before(ctx, s, high); err != nil || mid == nil || mid.Seq <= low.Seq {
				break
			}
		}
		pack, bad := evm.ReadPack(mid.Data)
		if bad == nil && pack.GetResume().GetStarted() && pack.GetResume().GetHead() > number {
			high = mid
		} else {
			low = mid
		}
	}
	return low, nil
}

// midBlock says that a message holds a part of a block, but not the last.
func midBlock(p *chainv1.Pack) bool {
	for _, u := range p.GetUnits() {
		if part := u.GetPart(); part != nil && part.GetI() < part.GetN() {
			return true
		}
	}
	return false
}

// Before reads the subject's message before m; nil at its beginning, or when
// the link leads to another message.
func Before(ctx context.Context, s Subject, m *evm.Message) (*evm.Message, error) {
	pack, err := evm.ReadPack(m.Data)
	if err != nil || pack.GetPrevSeq() == 0 {
		return nil, nil
	}
	prev, err := s.Get(ctx, pack.GetPrevSeq())
	if err != nil || prev == nil || !bytes.Equal(prev.Digest(), pack.GetPrevDigest()) {
		return nil, err
	}
	return prev, nil
}
