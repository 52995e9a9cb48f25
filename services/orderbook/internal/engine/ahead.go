package engine

import "unsafe"

// In a large book most of what a command costs is waiting for memory: its index
// row, then its order, then the order's neighbours, each found by the one before.
// So the commands of a pack are looked at ahead, in three steps, and what each
// step will read is asked for while earlier commands are carried out. Nothing of
// it changes state, and a wrong guess costs a cache line.
const (
	aheadRow       = 12 // commands from the one at hand: its index row
	aheadOrder     = 8  // its order, by that row
	aheadNeighbour = 4  // what hangs on the order

	aheadFrom = 8192 // orders; less are in the nearest caches
)

// hint is what was found of a command before its turn.
type hint struct {
	hash uint64 // of account and client_ref, or of the order id; 0: not made
	slot uint32 // order with that hash: nearly always the right one
	acct uint32 // slot of the account; 0: none yet
	row  uint32 // in byRef, for the order
	free bool   // row is known
}

// ref is the hash of the command's account and client_ref.
func (h *hint) ref(c *Command) uint64 {
	if h.hash == 0 {
		h.hash = mix2(c.Account, c.Ref)
	}
	return h.hash
}

// DoAll carries out commands of a pack in order.
func (e *Engine) DoAll(cs []Command) {
	if len(e.orders) < aheadFrom {
		for k := range cs {
			if e.unknown != 0 {
				return
			}
			e.Do(&cs[k])
		}
		return
	}
	var hints [16]hint
	for k := -aheadRow; k < len(cs); k++ {
		if j := k + aheadRow; j < len(cs) {
			e.askRow(&cs[j], &hints[j&15])
		}
		if j := k + aheadOrder; j >= 0 && j < len(cs) {
			e.askOrder(&cs[j], &hints[j&15])
		}
		if j := k + aheadNeighbour; j >= 0 && j < len(cs) {
			e.askNeighbours(&cs[j], &hints[j&15])
		}
		if k < 0 {
			continue
		}
		if e.unknown != 0 {
			return
		}
		e.hint = hints[k&15]
		e.do(&cs[k])
	}
}

func (x *index) row(hash uint64) unsafe.Pointer {
	if len(x.rows) == 0 {
		return nil
	}
	return unsafe.Pointer(&x.rows[uint32(hash>>32)>>x.shift&uint32(len(x.rows)-1)])
}

// askRow asks for the row by which a command finds its order, or enters it.
func (e *Engine) askRow(c *Command, h *hint) {
	*h = hint{}
	if c.Ref == 0 || c.Op > OpAmend {
		return
	}
	h.hash = mix2(c.Account, c.Ref)
	prefetch(e.byRef.row(h.hash))
}

// askOrder asks for the order of a cancel or amend.
func (e *Engine) askOrder(c *Command, h *hint) {
	if c.Op != OpCancel && c.Op != OpAmend {
		return
	}
	if c.OrderID != 0 {
		h.slot = e.findID(c.OrderID)
	} else if h.hash != 0 {
		at, tag := e.byRef.seek(h.hash)
		h.slot, _ = e.byRef.probe(at, tag)
	}
	if h.slot != 0 {
		prefetch(unsafe.Pointer(&e.orders[h.slot]))
		prefetch(unsafe.Pointer(&e.rests[h.slot]))
	}
}

// askNeighbours asks for what leaving the book touches, or joining it.
func (e *Engine) askNeighbours(c *Command, h *hint) {
	if c.Op == OpNew {
		e.askPlace(c, h)
		return
	}
	if h.slot == 0 {
		return
	}
	o := &e.orders[h.slot]
	prefetch(unsafe.Pointer(&e.orders[o.prev]))
	prefetch(unsafe.Pointer(&e.orders[o.next]))
	prefetch(unsafe.Pointer(&e.orders[o.aprev]))
	prefetch(unsafe.Pointer(&e.orders[o.anext]))
	if p := e.byID.page(o.id); p != nil {
		prefetch(unsafe.Pointer(&p.slots[o.id%idPageSize]))
	}
}

// askPlace asks for the last order of the queue that a limit order may join, and
// for the newest of its account.
func (e *Engine) askPlace(c *Command, h *hint) {
	h.acct = e.accountSlot(c.Account)
	prefetch(unsafe.Pointer(&e.orders[e.accounts[h.acct].head]))
	if c.Market == 0 || int(c.Market) > len(e.markets) || c.Price <= 0 {
		return
	}
	l := &e.markets[c.Market-1].books[(c.Side-buy)&1]
	if v := l.find(c.Price); v != 0 {
		prefetch(unsafe.Pointer(&e.orders[l.levels[v].tail]))
	}
}
