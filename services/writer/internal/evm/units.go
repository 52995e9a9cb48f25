package evm

import (
	"bytes"
	"fmt"
	"math"
	"slices"

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
	// Steps reach what is stored already; the units of this plan come behind them.
	above := func(d Dead) bool { return d.Number != nil && *d.Number > r.GetToNumber() }
	p.mark(above, func(d *Dead) { d.Orphaned, d.Pending = true, false })
	p.Decoder.Children.Revert(r.GetToNumber())
	p.Head.Number, p.Head.Hash = r.GetToNumber(), r.GetToHash()
	p.Head.Finalized = min(p.Head.Finalized, r.GetToNumber())
	return nil
}

func (p *Planner) repair(seq uint64, i, row int, r *chainv1.Repair, u proto.Message) error {
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
	if have == nil && p.Head.Started && number <= p.Head.Finalized {
		// A range covers it, or it lies among the dead letters. What is final is
		// not gone, and a parent that is held must be the block's own.
		below, err := p.below(number)
		if err != nil {
			return err
		}
		if below == nil || bytes.Equal(below, b.GetParentHash()) {
			have = b.GetHash()
		}
	}
	if !bytes.Equal(have, b.GetHash()) {
		p.poison(seq, i, &number, b.GetHash(), "repair of a block that is not canonical", body(u))
		p.Dead[len(p.Dead)-1].Orphaned = true
		return nil
	}
	known := p.Decoder.Children.Forget(number)
	out, events := p.rows(seq, row, b, nil)
	p.heal(seq, &out)
	if err := p.adopt(seq, i, &out, known, u); err != nil {
		return err
	}
	p.Steps = append(p.Steps, &Repair{Pos: out.Pos, Seq: seq, Unit: i, Block: out, Events: events})
	p.Rows += len(events)
	return nil
}

// heal looks through the units of this plan that could not be applied, which
// are stored behind its steps, for those of a block that message seq repairs.
func (p *Planner) heal(seq uint64, b *Block) {
	// What earlier messages left to be applied is said anew.
	void := func(d Dead) bool { return d.Pending && d.Seq < seq && bytes.Equal(d.Hash, b.Hash) }
	healed := func(d Dead) bool {
		return !d.Pending && !d.Orphaned && d.Number != nil && *d.Number == b.Number && (d.Hash == nil || bytes.Equal(d.Hash, b.Hash))
	}
	if slices.ContainsFunc(p.Dead, void) {
		p.Dead = slices.DeleteFunc(slices.Clone(p.Dead), void) // Take may go back to the list that was
	}
	p.mark(healed, func(d *Dead) { d.Healed = true })
}

// mark changes some of the units that could not be applied, on a copy: Take may
// go back to the list that was.
func (p *Planner) mark(is func(Dead) bool, change func(*Dead)) {
	if !slices.ContainsFunc(p.Dead, is) {
		return
	}
	p.Dead = slices.Clone(p.Dead)
	for i := range p.Dead {
		if is(p.Dead[i]) {
			change(&p.Dead[i])
		}
	}
}

// below is the hash of the block below number, nil when it is not known.
func (p *Planner) below(number uint64) ([]byte, error) {
	if number == 0 {
		return nil, nil
	}
	return p.hashAt(number - 1)
}

// checked keeps what was said of heights that this index holds.
func (p *Planner) checked(seq uint64, i int, c *chainv1.Checked, u proto.Message) error {
	switch {
	case c.GetFrom() > c.GetTo() || c.GetTo() > math.MaxInt64 || c.GetLogs() > math.MaxInt64 || len(c.GetDigest()) != hashLen:
		p.poison(seq, i, nil, nil, fmt.Sprintf("a check of %d..%d with a digest of %d bytes", c.GetFrom(), c.GetTo(), len(c.GetDigest())), body(u))
		p.Dead[len(p.Dead)-1].Orphaned = true // no row is missing
	case !p.Head.Started || c.GetTo() > p.Head.Number:
		return fmt.Errorf("a check of %d..%d above the indexed head %d: %w", c.GetFrom(), c.GetTo(), p.Head.Number, ErrBroken)
	default:
		s := p.segment()
		s.Checks = append(s.Checks, Check{From: c.GetFrom(), To: c.GetTo(), Logs: c.GetLogs(), Digest: c.GetDigest()})
	}
	return nil
}

// assembled plans a block that came in parts: a Block, or that of a Repair.
func (p *Planner) assembled(seq uint64, i int, repair bool, whole []byte) error {
	var b chainv1.Block
	if err := proto.Unmarshal(whole, &b); err != nil {
		p.poison(seq, i, nil, nil, "a block in parts cannot be read: "+err.Error(), whole)
		if !repair {
			p.Head.Hash = nil
		}
		return nil
	}
	if 1+len(b.GetLogs()) > feedv1.MaxRows {
		return fmt.Errorf("block %d counts more than %d rows", b.GetNumber(), feedv1.MaxRows)
	}
	// A dead letter holds the unit in one piece, which is what a replay reads.
	if repair {
		r := &chainv1.Repair{Block: &b}
		p.origin = &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: r}}
		return p.repair(seq, i, 0, r, p.origin)
	}
	p.origin = &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: &b}}
	return p.block(seq, i, 0, &b, p.origin)
}
