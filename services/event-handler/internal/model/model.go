// Package model applies packs as a writer would, one unit after the other, and
// complains about everything that a writer could not live with. For tests.
package model

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// Chain is what a writer holds after the units so far.
type Chain struct {
	// Blocks are the canonical blocks that were listed, by height.
	Blocks map[uint64]*chainv1.Block
	// Sent counts how often a block was sent, by hash.
	Sent      map[string]int
	Head      uint64
	HeadHash  []byte
	Started   bool
	Finalized uint64
	Reverts   int
	// DeepReverts are those that took back what was final.
	DeepReverts int
	// Checked is the height up to which final blocks were checked; Repairs counts.
	Checked uint64
	Repairs int

	covered uint64 // all heights below are covered by a Block or a Range
	parts   []*chainv1.BlockPart
}

// New returns a chain whose first covered height is start.
func New(start uint64) *Chain {
	return &Chain{Blocks: map[uint64]*chainv1.Block{}, Sent: map[string]int{}, covered: start}
}

// Apply takes all packs of a subject in order.
func (c *Chain) Apply(packs []*chainv1.Pack) error {
	for i, p := range packs {
		for k, u := range p.GetUnits() {
			if err := c.unit(u); err != nil {
				return fmt.Errorf("message %d, unit %d: %w", i, k, err)
			}
		}
		r := p.GetResume()
		if len(c.parts) == 0 && c.Started && (r.GetHead() != c.Head || !bytes.Equal(r.GetHash(), c.HeadHash) || !r.GetStarted()) {
			return fmt.Errorf("message %d: resume says head %d, the units end at %d", i, r.GetHead(), c.Head)
		}
		if r.GetFinalized() < c.Finalized && len(c.parts) == 0 {
			return fmt.Errorf("message %d: resume says finalized %d, the units %d", i, r.GetFinalized(), c.Finalized)
		}
	}
	return nil
}

func (c *Chain) unit(u *chainv1.Unit) error {
	if len(c.parts) > 0 && u.GetPart() == nil && u.GetAbandon() == nil {
		return fmt.Errorf("%T while a block is open", u.GetKind())
	}
	switch k := u.GetKind().(type) {
	case *chainv1.Unit_Block:
		return c.block(k.Block)
	case *chainv1.Unit_Part:
		c.parts = append(c.parts, k.Part)
		if k.Part.GetI() < k.Part.GetN() {
			return nil
		}
		b, err := core.Assemble(c.parts)
		c.parts = nil
		if err != nil {
			return err
		}
		if k.Part.GetRepair() {
			return c.repair(b)
		}
		return c.block(b)
	case *chainv1.Unit_Repair:
		return c.repair(k.Repair.GetBlock())
	case *chainv1.Unit_Checked:
		return c.check(k.Checked)
	case *chainv1.Unit_Abandon:
		if len(c.parts) == 0 || !bytes.Equal(c.parts[0].GetHash(), k.Abandon.GetHash()) {
			return errors.New("a block that is not open was abandoned")
		}
		c.parts = nil
	case *chainv1.Unit_Range:
		return c.span(k.Range)
	case *chainv1.Unit_Reverted:
		return c.revert(k.Reverted)
	case *chainv1.Unit_Finalized:
		f := k.Finalized
		if f.GetNumber() < c.Finalized || f.GetNumber() > c.Head {
			return fmt.Errorf("finalized %d, after %d, head %d", f.GetNumber(), c.Finalized, c.Head)
		}
		if b := c.Blocks[f.GetNumber()]; b != nil && !bytes.Equal(b.GetHash(), f.GetHash()) {
			return fmt.Errorf("finalized %d names another hash", f.GetNumber())
		}
		c.Finalized = f.GetNumber()
	default:
		return fmt.Errorf("unit %T", k)
	}
	return nil
}

func (c *Chain) block(b *chainv1.Block) error {
	if c.Started && b.GetNumber() <= c.Head {
		return fmt.Errorf("block %d after head %d", b.GetNumber(), c.Head)
	}
	if c.Started && b.GetNumber() == c.Head+1 && !bytes.Equal(b.GetParentHash(), c.HeadHash) {
		return fmt.Errorf("block %d is not the child of the head", b.GetNumber())
	}
	for i, l := range b.GetLogs() {
		if i > 0 && l.GetIndex() <= b.GetLogs()[i-1].GetIndex() {
			return fmt.Errorf("block %d: log %d after %d", b.GetNumber(), l.GetIndex(), b.GetLogs()[i-1].GetIndex())
		}
	}
	c.Blocks[b.GetNumber()] = b
	c.Sent[string(b.GetHash())]++
	if b.GetNumber() == c.covered {
		c.covered++
	}
	c.Head, c.HeadHash, c.Started = b.GetNumber(), b.GetHash(), true
	return nil
}

// repair replaces a block that is held, or that a Range covers.
func (c *Chain) repair(b *chainv1.Block) error {
	have := c.Blocks[b.GetNumber()]
	switch {
	case b.GetNumber() > c.Head:
		return fmt.Errorf("repair of block %d above head %d", b.GetNumber(), c.Head)
	case have != nil && !bytes.Equal(have.GetHash(), b.GetHash()):
		return fmt.Errorf("repair of block %d has another hash", b.GetNumber())
	case have != nil && proto.Equal(have, b):
		return fmt.Errorf("repair of block %d repairs nothing", b.GetNumber())
	}
	c.Blocks[b.GetNumber()] = b
	c.Repairs++
	return nil
}

func (c *Chain) check(k *chainv1.Checked) error {
	if k.GetFrom() > k.GetTo() || k.GetTo() > c.Finalized || c.Checked > 0 && k.GetFrom() != c.Checked+1 {
		return fmt.Errorf("checked %d..%d after %d, finalized %d", k.GetFrom(), k.GetTo(), c.Checked, c.Finalized)
	}
	var sum chainv1.Sum
	for n := k.GetFrom(); n <= k.GetTo(); n++ {
		txs := c.Blocks[n].TxHashes()
		for _, l := range c.Blocks[n].GetLogs() {
			sum.Add(chainv1.LogDigest(c.Blocks[n].GetHash(), txs[l.GetTxIndex()], l))
		}
	}
	if sum.Logs != k.GetLogs() || !bytes.Equal(sum.Digest[:], k.GetDigest()) {
		return fmt.Errorf("checked %d..%d says %d logs %x, held are %d %x", k.GetFrom(), k.GetTo(), k.GetLogs(), k.GetDigest(), sum.Logs, sum.Digest)
	}
	c.Checked = k.GetTo()
	return nil
}

func (c *Chain) span(r *chainv1.Range) error {
	if r.GetFrom() > c.covered && c.covered < c.Head || r.GetTo() < r.GetFrom() || r.GetTo() < c.Head {
		return fmt.Errorf("range %d..%d, head %d, covered below %d", r.GetFrom(), r.GetTo(), c.Head, c.covered)
	}
	c.covered = r.GetTo() + 1
	c.Head, c.HeadHash, c.Started = r.GetTo(), r.GetToHash(), true
	return nil
}

func (c *Chain) revert(r *chainv1.Reverted) error {
	if !c.Started || r.GetToNumber() >= c.Head {
		return fmt.Errorf("reverted to %d, head %d", r.GetToNumber(), c.Head)
	}
	if r.GetToNumber() < c.Finalized {
		c.DeepReverts++
		c.Finalized = r.GetToNumber()
	}
	for n := r.GetToNumber() + 1; n <= c.Head; n++ {
		delete(c.Blocks, n)
	}
	c.Head, c.HeadHash, c.covered = r.GetToNumber(), r.GetToHash(), min(c.covered, r.GetToNumber()+1)
	c.Checked = min(c.Checked, r.GetToNumber())
	c.Reverts++
	return nil
}

// Covered reports the first height that neither a Block nor a Range covers.
func (c *Chain) Covered() uint64 { return c.covered }
