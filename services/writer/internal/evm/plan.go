// Package evm plans what the messages of an EVM network's subject do to its
// chain index. It is pure: messages in, rows and reverts in stream order out.
//
// Rows keep the feed position of their unit: a Block and a Repair count one row
// for the block and one for each of its logs, every other unit one, decodable or
// not, so that every build of a subject counts alike.
package evm

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/decode"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// ErrBroken says that a unit does not continue the chain that the index holds:
// the stream is not the one that the rows came from, or rows are in the way.
var ErrBroken = errors.New("the unit does not continue the indexed chain")

const hashLen, addressLen, maxTopics = 32, 20, 4

// Head is the end of the indexed chain.
type Head struct {
	Started   bool // false until the first block or range: 0 is a real height
	Number    uint64
	Hash      []byte // nil = not known, the next block is taken unchecked
	Finalized uint64
}

// Held looks a block up: its hash, or nil when the index has no row of it.
type Held func(number uint64) ([]byte, error)

// Planner collects steps of one network. The zero value of its fields but
// Network, Decoder, Head and Held is ready for use.
type Planner struct {
	Network string
	Decoder *decode.Decoder
	Head    Head
	Held    Held
	// Since gives the canonical blocks above a height that the subject held before
	// the end of message seq, ascending, of those that want says yes to; complete
	// is false when the stream does not reach down to it.
	Since func(seq, above uint64, want func(*chainv1.Block) bool) (list []*chainv1.Block, complete bool, err error)
	// Apart keeps every unit in steps of its own, and tells in Origins which, so
	// that one which the database refuses can be left out.
	Apart bool
	// Quiet says of the message that Take plans that its rows are not announced.
	Quiet bool

	// Results since the last Reset of Steps by the caller.
	Steps        []Step
	Origins      []Origin // with Apart: of each step
	Dead         []Dead
	Rows         int // blocks and events in Steps
	DecodeErrors int
	Duplicates   int // units skipped since their block is held already

	parts  assembly
	origin *chainv1.Unit     // the unit that is planned, in one piece
	held   map[uint64][]byte // hashes of blocks in Steps
}

// Clear drops the collected results, which the caller has written.
func (p *Planner) Clear() {
	p.Origins = nil
	p.Steps, p.Dead, p.Rows, p.DecodeErrors, p.Duplicates = nil, nil, 0, 0, 0
	p.held = nil
}

// Open says that a block in parts has begun and not ended: the cursor may not
// pass its first part.
func (p *Planner) Open() bool { return p.parts.open() }

// Take plans message seq. After an error the plan is as it was before.
func (p *Planner) Take(seq uint64, pack *chainv1.Pack) error {
	before := *p
	// The last segment grows in place, so that a transaction is one COPY of each
	// table and no row is moved.
	var last *Segment
	var held Segment
	if n := len(p.Steps); n > 0 {
		if s, ok := p.Steps[n-1].(*Segment); ok {
			last, held = s, *s
		}
	}
	p.Decoder.Children.Mark()
	if err := p.take(seq, pack); err != nil {
		p.Decoder.Children.Undo()
		*p = before
		if last != nil {
			*last = held
		}
		return err
	}
	return nil
}

func (p *Planner) take(seq uint64, pack *chainv1.Pack) error {
	row := 0
	for i, u := range pack.GetUnits() {
		size := 1 + len(u.GetBlock().GetLogs()) + len(u.GetRepair().GetBlock().GetLogs())
		if row+size > feedv1.MaxRows {
			return fmt.Errorf("message %d counts more than %d rows", seq, feedv1.MaxRows)
		}
		p.origin = u
		if err := p.unit(seq, i, row, u); err != nil {
			return fmt.Errorf("message %d, unit %d: %w", seq, i, err)
		}
		for p.Apart && len(p.Origins) < len(p.Steps) {
			p.Origins = append(p.Origins, Origin{Seq: seq, Unit: i, Whole: p.origin})
		}
		row += size
	}
	return nil
}

func (p *Planner) unit(seq uint64, i, row int, u *chainv1.Unit) error {
	pos := feedv1.Position(seq, row)
	switch k := u.GetKind().(type) {
	case *chainv1.Unit_Block:
		return p.block(seq, i, row, k.Block, u)
	case *chainv1.Unit_Range:
		return p.covered(seq, i, pos, k.Range, u)
	case *chainv1.Unit_Reverted:
		return p.revert(pos, k.Reverted)
	case *chainv1.Unit_Finalized:
		if k.Finalized.GetNumber() > math.MaxInt64 {
			p.poison(seq, i, nil, k.Finalized.GetHash(), "finalized height is out of range", body(u))
			return nil
		}
		p.Head.Finalized = max(p.Head.Finalized, k.Finalized.GetNumber())
		return nil
	case *chainv1.Unit_Repair:
		return p.repair(seq, i, row, k.Repair, u)
	case *chainv1.Unit_Part:
		whole, err := p.parts.add(k.Part)
		if err != nil || whole == nil {
			return err
		}
		return p.assembled(seq, i, k.Part.GetRepair(), whole)
	case *chainv1.Unit_Abandon:
		p.parts.drop()
		return nil
	case *chainv1.Unit_Checked:
		return p.checked(seq, i, k.Checked, u)
	}
	p.poison(seq, i, nil, nil, "does not belong to an evm network", body(u))
	return nil
}

func (p *Planner) block(seq uint64, i, row int, b *chainv1.Block, u proto.Message) error {
	number := b.GetNumber()
	if p.Head.Started && number <= p.Head.Number {
		return p.again(number, b.GetHash())
	}
	if p.Head.Started && number == p.Head.Number+1 && p.Head.Hash != nil && !bytes.Equal(b.GetParentHash(), p.Head.Hash) {
		return fmt.Errorf("block %d %x has the parent %x, the index ends with %x: %w", number, b.GetHash(), b.GetParentHash(), p.Head.Hash, ErrBroken)
	}
	if reason := check(b); reason != "" {
		p.poison(seq, i, &number, b.GetHash(), reason, body(u))
		if number <= math.MaxInt64 {
			p.advance(number, usable(b.GetHash()))
		}
		return nil
	}
	s := p.segment()
	out, events := p.rows(seq, row, b, s.Events)
	s.Blocks = append(s.Blocks, out)
	p.Rows += 1 + len(events) - len(s.Events)
	s.Events = events
	if p.held == nil {
		p.held = map[uint64][]byte{}
	}
	p.held[number] = out.Hash
	p.advance(number, out.Hash)
	return nil
}

// again is a block at or below the head: the same block is skipped, another
// one cannot be there without a Reverted before it.
func (p *Planner) again(number uint64, hash []byte) error {
	have, err := p.hashAt(number)
	if err != nil {
		return err
	}
	if have == nil || !bytes.Equal(have, hash) {
		return fmt.Errorf("block %d %x comes at or below the indexed head %d, where the index has %x: %w", number, hash, p.Head.Number, have, ErrBroken)
	}
	p.Duplicates++
	return nil
}

func (p *Planner) hashAt(number uint64) ([]byte, error) {
	if h, ok := p.held[number]; ok {
		return h, nil
	}
	if number == p.Head.Number && p.Head.Hash != nil {
		return p.Head.Hash, nil
	}
	return p.Held(number)
}

// Late plans a block that comes out of its order, with its own row at position
// pos; or it says why the block cannot become rows.
func (p *Planner) Late(pos uint64, b *chainv1.Block) (*Repair, string) {
	if reason := check(b); reason != "" {
		return nil, reason
	}
	seq, row := feedv1.SplitPosition(pos)
	if row+len(b.GetLogs()) >= feedv1.MaxRows+feedv1.LateRows {
		return &Repair{}, "" // reaches into the next message: the caller sees that
	}
	p.Decoder.Children.Forget(b.GetNumber())
	out, events := p.rows(seq, row, b, nil)
	return &Repair{Pos: out.Pos, Block: out, Events: events}, ""
}

func (p *Planner) segment() *Segment {
	if n := len(p.Steps); n > 0 && !p.Apart {
		if s, ok := p.Steps[n-1].(*Segment); ok {
			return s
		}
	}
	s := &Segment{}
	if !p.Apart {
		s = newSegment()
	}
	p.Steps = append(p.Steps, s)
	return s
}

func (p *Planner) advance(number uint64, hash []byte) {
	p.Head.Started, p.Head.Number, p.Head.Hash = true, number, hash
}

func (p *Planner) poison(seq uint64, unit int, number *uint64, hash []byte, reason string, body []byte) {
	if number != nil && *number > math.MaxInt64 {
		number = nil
	}
	p.Dead = append(p.Dead, Dead{Seq: seq, Unit: unit, Number: number, Hash: usable(hash), Reason: reason, Body: body})
}

func usable(hash []byte) []byte {
	if len(hash) != hashLen {
		return nil
	}
	return hash
}

// body is a unit's bytes for the dead letter.
func body(m proto.Message) []byte {
	out, err := proto.Marshal(m)
	if err != nil {
		return []byte{}
	}
	return out
}
