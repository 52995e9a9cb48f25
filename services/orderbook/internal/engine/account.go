package engine

// account is one holder of balances; it exists from its first deposit on. One
// that only had orders refused has a slot and nothing in it.
type account struct {
	id      uint64
	head    uint32 // its live orders, newest first
	live    uint32
	known   bool   // it had a deposit
	timer   uint32 // handle of the dead-man timer; 0: none
	deadMan int64  // its deadline; 0: none
	// Its balances of the assets of the market in which it was last looked at;
	// 0: none. They follow from the rest.
	market uint32
	held   [2]uint32 // quote, base: by flagSell of who pays with it
}

// balance is what an account holds of an asset, in its smallest book unit.
type balance struct {
	available int64
	reserved  int64
	stamp     uint64 // number of the pack that last touched it
	wasAvail  int64  // before that pack
	wasRes    int64
	acct      uint32
	asset     uint32
	hash      sum
}

// accountSlot finds an account; 0 when it was never seen.
func (e *Engine) accountSlot(id uint64) uint32 {
	at, tag := e.byAccount.seek(mix(id))
	for {
		s, next := e.byAccount.probe(at, tag)
		if s == 0 || e.accounts[s].id == id {
			return s
		}
		at = next
	}
}

// account finds an account's slot, making it on first use.
func (e *Engine) account(id uint64) uint32 {
	if s := e.accountSlot(id); s != 0 {
		return s
	}
	s := uint32(len(e.accounts))
	e.accounts = append(e.accounts, account{id: id})
	e.byAccount.add(mix(id), s)
	return s
}

// holding finds an account's balance of an asset; 0 when it has none.
func (e *Engine) holding(acct, asset uint32) uint32 {
	at, tag := e.byHolding.seek(mix2(uint64(acct), uint64(asset)))
	for {
		s, next := e.byHolding.probe(at, tag)
		if s == 0 {
			return 0
		}
		if b := &e.balances[s]; b.acct == acct && b.asset == asset {
			return s
		}
		at = next
	}
}

// touch returns an account's balance of an asset for changing, made on first
// use. The pointer is good until the next touch.
func (e *Engine) touch(acct, asset uint32) *balance {
	s := e.holding(acct, asset)
	if s == 0 {
		e.accounts[acct].market = 0
		s = uint32(len(e.balances))
		e.balances = append(e.balances, balance{acct: acct, asset: asset})
		e.byHolding.add(mix2(uint64(acct), uint64(asset)), s)
	}
	return e.touchSlot(s)
}

// purse returns an account with the balances of a market found.
func (e *Engine) purse(acct uint32, m *market) *account {
	a := &e.accounts[acct]
	if a.market != m.id {
		a.market, a.held = m.id, [2]uint32{e.holding(acct, m.quote), e.holding(acct, m.base)}
	}
	return a
}

// heldOf is the balance that orders of a side of a market pay with; 0 when the
// account has none.
func (e *Engine) heldOf(acct uint32, m *market, side uint8) uint32 {
	return e.purse(acct, m).held[(side-buy)&1]
}

// touchBase is touch for the base of a market.
func (e *Engine) touchBase(acct uint32, m *market) *balance {
	if s := e.purse(acct, m).held[1]; s != 0 {
		return e.touchSlot(s)
	}
	return e.touch(acct, m.base)
}

// touchQuote is touch for the quote of a market.
func (e *Engine) touchQuote(acct uint32, m *market) *balance {
	if s := e.purse(acct, m).held[0]; s != 0 {
		return e.touchSlot(s)
	}
	return e.touch(acct, m.quote)
}

// touchSpent is touch for what an order pays with.
func (e *Engine) touchSpent(o *order, m *market) *balance {
	if s := e.purse(o.acct, m).held[o.flags&flagSell]; s != 0 {
		return e.touchSlot(s)
	}
	return e.touch(o.acct, m.spends(o))
}

// touchSlot is touch for a balance that was found.
func (e *Engine) touchSlot(s uint32) *balance {
	b := &e.balances[s]
	// Whether this is the first time in the pack cannot be foretold, and a branch
	// guessed wrong costs more than all of this: so there is none. Stamps only
	// rise.
	first := (b.stamp - e.stamp) >> 63
	b.stamp = e.stamp
	b.wasAvail ^= (b.wasAvail ^ b.available) & -int64(first)
	b.wasRes ^= (b.wasRes ^ b.reserved) & -int64(first)
	e.touched.note(s, int(first))
	return b
}

// notes is a list of slots that is added to without a branch.
type notes struct {
	list []uint32 // all of its room
	n    int
}

// note adds a slot when by is 1, and does not when it is 0.
func (l *notes) note(slot uint32, by int) {
	if l.n >= len(l.list) {
		l.grow()
	}
	l.list[l.n] = slot
	l.n += by
}

//go:noinline
func (l *notes) grow() { l.list = append(l.list, make([]uint32, max(1024, len(l.list)))...) }

func (l *notes) all() []uint32 { return l.list[:l.n] }

// available is what an account can spend of an asset; 0 when it holds none.
func (e *Engine) available(acct, asset uint32) int64 {
	return e.balances[e.holding(acct, asset)].available
}

// enlist puts an order into its account's list of live orders.
func (e *Engine) enlist(i uint32) {
	o := &e.orders[i]
	a := &e.accounts[o.acct]
	o.aprev, o.anext = 0, a.head
	e.orders[a.head].aprev = i // slot 0 takes what nobody reads
	a.head = i
	a.live++
	e.live++
}

func (e *Engine) unlist(i uint32) {
	o := &e.orders[i]
	a := &e.accounts[o.acct]
	if o.aprev == 0 {
		a.head = o.anext
	} else {
		e.orders[o.aprev].anext = o.anext
	}
	e.orders[o.anext].aprev = o.aprev
	a.live--
	e.live--
}

// flushBalances ends a pack: one event for each balance that is not what it
// was, in the order of the first touch.
func (e *Engine) flushBalances() {
	for _, s := range e.touched.all() {
		b := &e.balances[s]
		if b.available == b.wasAvail && b.reserved == b.wasRes {
			continue
		}
		id := e.accounts[b.acct].id
		e.balanceSum.sub(b.hash)
		b.hash = hashBalance(id, b.asset, b.available, b.reserved)
		e.balanceSum.add(b.hash)
		e.emitBalanceChanged(id, b.asset, b.available, b.reserved)
	}
	e.touched.n = 0
}
