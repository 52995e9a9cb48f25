package chain

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/seek"
)

// since reads the subject backwards from message seq down to a height. Going
// back, the first block of a height that is met is the canonical one, and one
// above the target of a revert that was met is not.
func (e *EVM) since(seq, above uint64, want func(*chainv1.Block) bool) (list []*chainv1.Block, complete bool, err error) {
	fail := func(err error) ([]*chainv1.Block, bool, error) {
		return nil, false, &lookupError{fmt.Errorf("reading %s back to block %d: %w", e.name(), above, err)}
	}
	stored := &subject{e.bus, e.name()}
	m, err := stored.Get(e.ctx, seq)
	if err != nil {
		return fail(err)
	}
	w := backwards{above: above, ceiling: ^uint64(0), repaired: map[uint64]*chainv1.Block{}, want: want}
	for m != nil {
		pack, err := evm.ReadPack(m.Data)
		if err != nil {
			break // its predecessor is not known
		}
		for _, u := range slices.Backward(pack.GetUnits()) {
			w.unit(u)
		}
		if complete = w.ceiling <= above || pack.GetPrevSeq() == 0; complete {
			break
		}
		if m, err = seek.Before(e.ctx, stored, m); err != nil {
			return fail(err)
		}
	}
	slices.Reverse(w.list)
	return w.list, complete, nil
}

// backwards collects canonical blocks from the last unit to the first.
type backwards struct {
	above, ceiling uint64 // blocks above the ceiling are not wanted any more
	repaired       map[uint64]*chainv1.Block
	want           func(*chainv1.Block) bool
	list           []*chainv1.Block // descending

	parts []*chainv1.BlockPart // of a block that ends in its last one
}

func (w *backwards) unit(u *chainv1.Unit) {
	switch k := u.GetKind().(type) {
	case *chainv1.Unit_Block:
		w.block(k.Block)
	case *chainv1.Unit_Repair:
		w.repair(k.Repair.GetBlock())
	case *chainv1.Unit_Range:
		w.ceiling = min(w.ceiling, max(k.Range.GetFrom(), 1)-1)
	case *chainv1.Unit_Reverted:
		w.ceiling = min(w.ceiling, k.Reverted.GetToNumber())
	case *chainv1.Unit_Part:
		w.part(k.Part)
	}
}

func (w *backwards) block(b *chainv1.Block) {
	if b.GetNumber() > w.ceiling || b.GetNumber() <= w.above {
		w.ceiling = min(w.ceiling, max(b.GetNumber(), w.above))
		return
	}
	w.ceiling = b.GetNumber() - 1
	if r := w.repaired[b.GetNumber()]; r != nil && bytes.Equal(r.GetHash(), b.GetHash()) {
		b = r
	}
	if w.want(b) {
		w.list = append(w.list, b)
	}
}

func (w *backwards) repair(b *chainv1.Block) {
	if n := b.GetNumber(); n > w.above && n <= w.ceiling && w.repaired[n] == nil {
		w.repaired[n] = b
	}
}

// part joins the parts of a block; those of one that was given up have no last.
func (w *backwards) part(p *chainv1.BlockPart) {
	if p.GetI() == p.GetN() {
		w.parts = nil
	} else if n := len(w.parts); n == 0 || p.GetI()+1 != w.parts[n-1].GetI() || !bytes.Equal(p.GetHash(), w.parts[n-1].GetHash()) {
		return
	}
	if w.parts = append(w.parts, p); p.GetI() != 1 {
		return
	}
	var whole []byte
	for _, p := range slices.Backward(w.parts) {
		whole = append(whole, p.GetData()...)
	}
	w.parts = nil
	var b chainv1.Block
	switch {
	case proto.Unmarshal(whole, &b) != nil:
	case p.GetRepair():
		w.repair(&b)
	default:
		w.block(&b)
	}
}
