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
)

// DoAll carries out commands of a pack in order.
func (e *Engine) DoAll(cs []Command) {
	for k := range cs {
		if e.unknown != 0 {
			return
		}
		if k+aheadRow < len(cs) {
			e.askRow(&cs[k+aheadRow])
		}
		if k+aheadOrder < len(cs) {
			e.askOrder(&cs[k+aheadOrder])
		}
		if k+aheadNeighbour < len(cs) {
			e.askNeighbours(&cs[k+aheadNeighbour])
		}
		e.Do(&cs[k])
	}
}

// key is what a command finds its order by: an index and a hash.
func (e *Engine) key(c *Command) (*index, uint64) {
	switch {
	case c.Op > OpAmend:
		return nil, 0
	case c.Ref != 0:
		return &e.byRef, mix2(c.Account, c.Ref)
	case c.OrderID != 0:
		return &e.byID, mix(c.OrderID)
	}
	return nil, 0
}

func (x *index) row(hash uint64) unsafe.Pointer {
	if len(x.rows) == 0 {
		return nil
	}
	return unsafe.Pointer(&x.rows[uint32(hash>>32)>>x.shift&uint32(len(x.rows)-1)])
}

func (e *Engine) askRow(c *Command) {
	if x, hash := e.key(c); x != nil {
		prefetch(x.row(hash))
	}
}

// askOrder asks for the order of a cancel or amend; for a new order, which finds
// none, for the row of its id.
func (e *Engine) askOrder(c *Command) {
	if c.Op == OpNew {
		prefetch(e.byID.row(mix(e.orderID + aheadOrder)))
		return
	}
	if i := e.guess(c); i != 0 {
		prefetch(unsafe.Pointer(&e.orders[i]))
		prefetch(unsafe.Pointer(&e.rests[i]))
	}
}

// guess is the first slot of a command's tag: nearly always its order.
func (e *Engine) guess(c *Command) uint32 {
	x, hash := e.key(c)
	if x == nil {
		return 0
	}
	at, tag := x.seek(hash)
	i, _ := x.probe(at, tag)
	return i
}

// askNeighbours asks for what leaving the book touches, or joining it.
func (e *Engine) askNeighbours(c *Command) {
	if c.Op == OpNew {
		e.askPlace(c)
		return
	}
	i := e.guess(c)
	if i == 0 {
		return
	}
	o := &e.orders[i]
	prefetch(unsafe.Pointer(&e.orders[o.prev]))
	prefetch(unsafe.Pointer(&e.orders[o.next]))
	prefetch(unsafe.Pointer(&e.orders[o.aprev]))
	prefetch(unsafe.Pointer(&e.orders[o.anext]))
	prefetch(e.byID.row(mix(o.id)))
}

// askPlace asks for the last order of the queue that a limit order may join, and
// for the newest of its account.
func (e *Engine) askPlace(c *Command) {
	if s := e.accountSlot(c.Account); s != 0 {
		prefetch(unsafe.Pointer(&e.orders[e.accounts[s].head]))
	}
	if c.Market == 0 || int(c.Market) > len(e.markets) || c.Price <= 0 {
		return
	}
	m := &e.markets[c.Market-1]
	l := &m.bids
	if c.Side == sell {
		l = &m.asks
	}
	if v := l.find(c.Price); v != 0 {
		prefetch(unsafe.Pointer(&e.orders[l.levels[v].tail]))
	}
}
