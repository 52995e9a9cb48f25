// Package evm plans what the messages of an EVM network's subject do to its
// chain index. It is pure: messages in, rows and reverts in stream order out.
//
// Rows keep the feed position of their unit: a Block counts one row for itself
// and one for each of its logs, every other unit one, decodable or not, so that
// every build of a subject counts alike.
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

	// Results since the last Reset of Steps by the caller.
	Steps        []Step
	Dead         []Dead
	Rows         int // blocks and events in Steps
	DecodeErrors int
	Duplicates   int // units skipped since their block is held already

	parts assembly
	held  map[uint64][]byte // hashes of blocks in Steps
}

// Clear drops the collected results, which the caller has written.
func (p *Planner) Clear() {
	p.Steps, p.Dead, p.Rows, p.DecodeErrors, p.Duplicates = nil, nil, 0, 0, 0
	p.held = nil
}

// Open says that a block in parts has begun and not ended: the cursor may not
// pass its first part.
func (p *Planner) Open() bool { return p.parts.open() }

// Take plans message seq. After an error the plan is as it was before.
func (p *Planner) Take(seq uint64, pack *chainv1.Pack) error {
	before := *p
	p.Steps = nil
	if err := p.take(seq, pack); err != nil {
		*p = before
		return err
	}
	p.Steps = join(before.Steps, p.Steps)
	return nil
}

// join appends steps; segments that meet become one, so that they are one COPY.
func join(a, b []Step) []Step {
	if len(a) > 0 && len(b) > 0 {
		last, ok := a[len(a)-1].(*Segment)
		if first, ok2 := b[0].(*Segment); ok && ok2 {
			last.Blocks = append(last.Blocks, first.Blocks...)
			last.Events = append(last.Events, first.Events...)
			last.Ranges = append(last.Ranges, first.Ranges...)
			b = b[1:]
		}
	}
	return append(a, b...)
}

func (p *Planner) take(seq uint64, pack *chainv1.Pack) error {
	row := 0
	for i, u := range pack.GetUnits() {
		size := 1
		if b := u.GetBlock(); b != nil {
			size += len(b.GetLogs())
		}
		if row+size > feedv1.MaxRows {
			return fmt.Errorf("message %d counts more than %d rows", seq, feedv1.MaxRows)
		}
		if err := p.unit(seq, i, row, u); err != nil {
			return fmt.Errorf("message %d, unit %d: %w", seq, i, err)
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
		return p.repair(seq, i, pos, k.Repair, u)
	case *chainv1.Unit_Part:
		whole, err := p.parts.add(k.Part)
		if err != nil || whole == nil {
			return err
		}
		return p.assembled(seq, i, whole)
	case *chainv1.Unit_Abandon:
		p.parts.drop()
		return nil
	case *chainv1.Unit_Checked:
		return nil
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
	out, events := p.rows(seq, row, b)
	s := p.segment()
	s.Blocks = append(s.Blocks, out)
	s.Events = append(s.Events, events...)
	p.Rows += 1 + len(events)
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

func (p *Planner) segment() *Segment {
	if n := len(p.Steps); n > 0 {
		if s, ok := p.Steps[n-1].(*Segment); ok {
			return s
		}
	}
	s := &Segment{}
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
