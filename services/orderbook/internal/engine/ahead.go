package engine

import "unsafe"

// In a large book most of what a command costs is waiting for memory: its account, the balance
// that it pays with, its bucket of the index, then its order, then the order's
// neighbours, most of them found by the one before. So the commands of a pack are
// looked at ahead, in steps, and what each step will read is asked for while
// earlier commands are carried out. Nothing of it changes state, and a wrong guess
// costs a cache line.
const (
	aheadBucket    = 12   // commands from the one at hand: its bucket and account
	aheadOrder     = 8    // its order, by that bucket, and its balances
	aheadNeighbour = 4    // what hangs on the order
	aheadDirty     = 6    // changed orders before that whose hash is made
	aheadFrom      = 8192 // orders; less are in the nearest caches
)

// hint is what was found of a command before its turn.
type hint struct {
	hash  uint64 // of account and client_ref; 0: not made
	slot  uint32 // order with that hash: nearly always the right one
	at    uint32 // where it is in its bucket
	level uint32 // of a new order: the level at its price then; 0: none
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
		e.doEach(cs)
		return
	}
	var hints [16]hint
	silent := e.calm && e.reply == nil
	for k := -aheadBucket; k < len(cs); k++ {
		if j := k + aheadBucket; j < len(cs) {
			e.askBucket(&cs[j], &hints[j&15])
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
		if c, h := &cs[k], &hints[k&15]; silent && e.plain(c, h) {
			e.index++
		} else if e.do(c, h); e.unknown != 0 {
			return
		}
	}
}

// doEach is DoAll without looking ahead. A plain command that nobody is told about
// is done when it is carried out; nothing else is done for it.
func (e *Engine) doEach(cs []Command) {
	silent := e.calm && e.reply == nil // no command of a calm pack changes that
	for k := range cs {
		c := &cs[k]
		done := false
		switch {
		case !silent:
		case c.Op == OpNew:
			done = e.plainNew(c, mix2(c.Account, c.Ref))
		case c.Op == OpCancel:
			done = e.plainCancel(c, mix2(c.Account, c.Ref), 0, 0)
		}
		if done {
			e.index++
			continue
		}
		if e.Do(c); e.unknown != 0 {
			return
		}
	}
}

// likely is the account that a command probably names.
func (e *Engine) likely(c *Command) *account {
	return slotOf(e.accounts, e.near[c.Account%nearAccounts])
}

// askBucket asks for the bucket by which a command finds its order, or enters it,
// and for its account.
func (e *Engine) askBucket(c *Command, h *hint) {
	*h = hint{}
	if c.Ref == 0 || c.Op > OpAmend {
		return
	}
	h.hash = mix2(c.Account, c.Ref)
	prefetch2(unsafe.Pointer(e.byRef.bucket(h.hash)), unsafe.Pointer(e.likely(c)))
}

// askOrder asks for the order of a cancel or amend, and for what it may pay with.
func (e *Engine) askOrder(c *Command, h *hint) {
	a := e.likely(c)
	quote, base := unsafe.Pointer(slotOf(e.balances, a.held[0])), unsafe.Pointer(slotOf(e.balances, a.held[1]))
	switch {
	case c.Op == OpNew:
		e.askLevel(c, h, quote, base)
		return
	case c.Op != OpCancel && c.Op != OpAmend:
		prefetch2(quote, base)
		return
	case c.OrderID != 0:
		h.slot = e.findID(c.OrderID)
	case h.hash != 0:
		e.guessRef(h)
	}
	o := slotOf(e.orders, h.slot)
	prefetch4(unsafe.Pointer(o), unsafe.Pointer(&o.rest), quote, base)
}

// sides returns the ladder that a limit order may join and the one that it may take
// from; nil when its market or its price is none.
func (e *Engine) sides(c *Command) (own, other *ladder) {
	if c.Market-1 >= uint32(len(e.markets)) || c.Price <= 0 {
		return nil, nil
	}
	m := slotOf(e.markets, c.Market-1)
	side := (c.Side - buy) & 1
	return &m.books[side], &m.books[side^1]
}

// askLevel asks for the level that a limit order may join, or for the order that
// it will take first, and for another with the tag of its name, which is looked at
// before it is entered.
func (e *Engine) askLevel(c *Command, h *hint, quote, base unsafe.Pointer) {
	own, other := e.sides(c)
	if own == nil {
		return
	}
	if other.takes(c.Price) {
		maker := slotOf(e.orders, slotOf(other.levels, other.best).head)
		prefetch4(quote, base, unsafe.Pointer(maker), unsafe.Pointer(&maker.rest))
		return
	}
	level, namesake := quote, base
	if h.level = own.find(c.Price); h.level != 0 {
		level = unsafe.Pointer(slotOf(own.levels, h.level))
	}
	b := e.byRef.bucket(h.hash)
	if match := b.match(tagOf(h.hash)); match != 0 {
		namesake = unsafe.Pointer(slotOf(e.orders, b.slots[entryOf(match)]))
	}
	prefetch4(quote, base, level, namesake)
}

// askNeighbours asks for what leaving the book touches, or joining it.
func (e *Engine) askNeighbours(c *Command, h *hint) {
	if c.Op == OpNew {
		e.askPlace(c, h)
	} else if h.slot != 0 {
		e.askAround(slotOf(e.orders, h.slot))
	}
}

// askAround asks for what an order that ends is taken out of.
func (e *Engine) askAround(o *order) {
	prefetch4(unsafe.Pointer(slotOf(e.orders, o.prev)), unsafe.Pointer(slotOf(e.orders, o.next)),
		unsafe.Pointer(&slotOf(e.orders, o.aprev).rest), unsafe.Pointer(&slotOf(e.orders, o.anext).rest))
	if o.market != 0 {
		l := &slotOf(e.markets, uint32(o.market-1)).books[o.flags&flagSell]
		prefetch2(unsafe.Pointer(slotOf(l.levels, o.level)), unsafe.Pointer(slotOf(e.accounts, o.acct)))
	}
}

// askPlace asks for the last order of the queue that a limit order may join, and
// for the newest of its account; or for what its first fill touches.
func (e *Engine) askPlace(c *Command, h *hint) {
	own, other := e.sides(c)
	if own == nil {
		return
	}
	if other.takes(c.Price) {
		maker := slotOf(e.orders, slotOf(other.levels, other.best).head)
		owner := slotOf(e.accounts, maker.acct)
		e.askAround(maker)
		prefetch4(unsafe.Pointer(slotOf(e.balances, owner.held[0])), unsafe.Pointer(slotOf(e.balances, owner.held[1])),
			unsafe.Pointer(e.byRef.bucket(mix2(owner.id, maker.ref))), unsafe.Pointer(&slotOf(e.orders, maker.next).rest))
		return
	}
	newest := unsafe.Pointer(&slotOf(e.orders, e.likely(c).head).rest)
	last := newest
	if h.level != 0 {
		last = unsafe.Pointer(slotOf(e.orders, slotOf(own.levels, h.level).tail))
	}
	prefetch2(newest, last)
}
