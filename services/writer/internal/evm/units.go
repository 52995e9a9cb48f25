package evm

import (
	"bytes"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

func (p *Planner) covered(seq uint64, i int, pos uint64, r *chainv1.Range, u proto.Message) error {
	if r.GetFrom() > r.GetTo() || r.GetTo() > math.MaxInt64 || len(r.GetToHash()) != hashLen {
		p.poison(seq, i, nil, r.GetToHash(), fmt.Sprintf("range %d..%d with a hash of %d bytes", r.GetFrom(), r.GetTo(), len(r.GetToHash())), body(u))
		return nil
	}
	if p.Head.Started {
		switch {
		case r.GetFrom() > p.Head.Number+1:
			return fmt.Errorf("range %d..%d leaves a hole above the indexed head %d: %w", r.GetFrom(), r.GetTo(), p.Head.Number, ErrBroken)
		case r.GetTo() < p.Head.Number:
			p.Duplicates++
			return nil
		case r.GetTo() == p.Head.Number && p.Head.Hash != nil && !bytes.Equal(r.GetToHash(), p.Head.Hash):
			return fmt.Errorf("range %d..%d ends with %x, the index with %x: %w", r.GetFrom(), r.GetTo(), r.GetToHash(), p.Head.Hash, ErrBroken)
		}
	}
	s := p.segment()
	s.Ranges = append(s.Ranges, Range{From: r.GetFrom(), To: r.GetTo(), ToHash: r.GetToHash(), Pos: pos})
	p.advance(r.GetTo(), r.GetToHash())
	// Ranges are published of finalized heights only.
	p.Head.Finalized = max(p.Head.Finalized, r.GetTo())
	return nil
}

// revert is never dead-lettered: without it the rows above it would be wrong.
func (p *Planner) revert(pos uint64, r *chainv1.Reverted) error {
	if len(r.GetToHash()) != hashLen {
		return fmt.Errorf("a revert to %d with a hash of %d bytes", r.GetToNumber(), len(r.GetToHash()))
	}
	if !p.Head.Started || r.GetToNumber() > p.Head.Number {
		return fmt.Errorf("a revert to %d above the indexed head %d: %w", r.GetToNumber(), p.Head.Number, ErrBroken)
	}
	have, err := p.hashAt(r.GetToNumber())
	if err != nil {
		return err
	}
	if have != nil && !bytes.Equal(have, r.GetToHash()) {
		return fmt.Errorf("a revert to %d %x, where the index has %x: %w", r.GetToNumber(), r.GetToHash(), have, ErrBroken)
	}
	if r.GetToNumber() == p.Head.Number {
		p.Duplicates++
		return nil
	}
	p.Steps = append(p.Steps, &Revert{Pos: pos, ToNumber: r.GetToNumber(), ToHash: r.GetToHash(), FromNumber: p.Head.Number, FromHash: p.Head.Hash})
	for n := range p.held {
		if n > r.GetToNumber() {
			delete(p.held, n)
		}
	}
	p.Head.Number, p.Head.Hash = r.GetToNumber(), r.GetToHash()
	p.Head.Finalized = min(p.Head.Finalized, r.GetToNumber())
	return nil
}

func (p *Planner) repair(seq uint64, i int, pos uint64, r *chainv1.Repair, u proto.Message) error {
	b := r.GetBlock()
	number := b.GetNumber()
	if reason := check(b); reason != "" {
		p.poison(seq, i, &number, b.GetHash(), "repair: "+reason, body(u))
		return nil
	}
	var have []byte
	if p.Head.Started && number <= p.Head.Number {
		var err error
		if have, err = p.hashAt(number); err != nil {
			return err
		}
	}
	if !bytes.Equal(have, b.GetHash()) {
		p.poison(seq, i, &number, b.GetHash(), "repair of a block that is not canonical", body(u))
		p.Dead[len(p.Dead)-1].Orphaned = true
		return nil
	}
	out, events := p.rows(seq, 0, b)
	out.Pos = pos
	for k := range events {
		events[k].Pos = pos
	}
	p.Steps = append(p.Steps, &Repair{Pos: pos, Block: out, Events: events})
	p.Rows += len(events)
	return nil
}

func (p *Planner) assembled(seq uint64, i int, whole []byte) error {
	var b chainv1.Block
	if err := proto.Unmarshal(whole, &b); err != nil {
		p.poison(seq, i, nil, nil, "a block in parts cannot be read: "+err.Error(), whole)
		p.Head.Hash = nil
		return nil
	}
	if 1+len(b.GetLogs()) > feedv1.MaxRows {
		return fmt.Errorf("block %d counts more than %d rows", b.GetNumber(), feedv1.MaxRows)
	}
	return p.block(seq, i, 0, &b, &b)
}
