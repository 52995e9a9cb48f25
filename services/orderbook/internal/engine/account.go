package engine

import "unsafe"

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
	_      [16]byte  // to the end of the cache line
}

// balance is what an account holds of an asset, in its smallest book unit.
type balance struct {
	available int64
	reserved  int64
	stamp     uint64 // number of the pack that last touched it
	owner     uint64 // id of the account
	acct      uint32
	asset     uint32
	hash      sum
	_         [8]byte // to the end of the cache line
}

// change is a balance as it was before the pack that touched it.
type change struct {
	slot                uint32
	available, reserved int64
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

// nearAccounts is how many accounts are found without a search. Ids are given
// out one after the other, so those of a venue's active ones seldom meet.
const nearAccounts = 4096

// nearAccount is accountSlot for what each command asks.
func (e *Engine) nearAccount(id uint64) uint32 {
	s := e.near[id%nearAccounts]
	if e.accounts[s].id != id {
		s = e.accountSlot(id)
		e.near[id%nearAccounts] = s
	}
	return s
}

// account finds an account's slot, making it on first use.
func (e *Engine) account(id uint64) uint32 {
	if s := e.accountSlot(id); s != 0 {
		return s
	}
	s := uint32(len(e.accounts))
	e.accounts = further(e.accounts, &e.accountRoom, &e.memory)
	e.accounts[s].id = id
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
		e.newBalance(acct, asset)
	}
	return e.touchSlot(s)
}

// newBalance makes the balance of an account that has none of an asset.
func (e *Engine) newBalance(acct, asset uint32) *balance {
	s := uint32(len(e.balances))
	e.balances = further(e.balances, &e.balanceRoom, &e.memory)
	e.byHolding.add(mix2(uint64(acct), uint64(asset)), s)
	b := &e.balances[s]
	b.owner, b.acct, b.asset = e.accounts[acct].id, acct, asset
	return b
}

// purse returns an account with the balances of a market found.
func (e *Engine) purse(acct uint32, m *market) *account {
	a := &e.accounts[acct]
	if a.market != m.id {
		e.openPurse(acct, m)
	}
	return a
}

//go:noinline
func (e *Engine) openPurse(acct uint32, m *market) {
	a := &e.accounts[acct]
	a.market, a.held = m.id, [2]uint32{e.holding(acct, m.quote), e.holding(acct, m.base)}
}

// heldOf is the balance that orders of a side of a market pay with; 0 when the
// account has none.
func (e *Engine) heldOf(acct uint32, m *market, side uint8) uint32 {
	return e.purse(acct, m).held[(side-buy)&1]
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
	e.roomForChanges(1)
	return e.touchPlain(s)
}

// touchPlain is touchSlot when there is room for a change.
func (e *Engine) touchPlain(s uint32) *balance {
	b := slotOf(e.balances, s)
	c := slotOf(e.changes, uint32(e.changed))
	c.slot, c.available, c.reserved = s, b.available, b.reserved
	// Whether this is the first time in the pack cannot be foretold, and a branch
	// guessed wrong costs more than all of this: so there is none. Stamps only
	// rise.
	e.changed += int((b.stamp - e.stamp) >> 63)
	b.stamp = e.stamp
	return b
}

// roomForChanges makes room for n changes.
func (e *Engine) roomForChanges(n int) {
	if e.changed+n > len(e.changes) {
		e.growChanges()
	}
}

//go:noinline
func (e *Engine) growChanges() {
	e.changes = append(e.changes, make([]change, max(1024, len(e.changes)))...)
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
	orders := e.orders
	o := &orders[i]
	a := &e.accounts[o.acct]
	o.aprev, o.anext = 0, a.head
	orders[a.head].aprev = i // slot 0 takes what nobody reads
	a.head = i
	a.live++
	e.live++
}

func (e *Engine) unlist(i uint32) {
	orders := e.orders
	o := &orders[i]
	if o.flags&flagPassing != 0 {
		return
	}
	a := &e.accounts[o.acct]
	head := a.head
	if o.aprev == 0 {
		head = o.anext
	}
	a.head = head
	orders[o.aprev].anext, orders[o.anext].aprev = o.anext, o.aprev
	a.live--
	e.live--
}

// flushBalances ends a pack: one event for each balance that is not what it
// was, in the order of the first touch.
func (e *Engine) flushBalances() {
	out := e.out.balances(e.changed)
	first := out
	// Sums in two numbers and a place that moves on: all of it stays in registers.
	balances, sumA, sumB := e.balances, e.balanceSum.a, e.balanceSum.b
	for _, c := range e.changes[:e.changed] {
		b := slotOf(balances, c.slot)
		if b.available == c.available && b.reserved == c.reserved {
			continue
		}
		h := sum{}
		if b.available|b.reserved != 0 { // hashed, without a call
			h = b.pairs().sum()
		}
		sumA += h.a - b.hash.a
		sumB += h.b - b.hash.b
		b.hash = h
		putBalance((*[len(frameBalance)]byte)(out), b)
		out = unsafe.Add(out, len(frameBalance))
	}
	e.balanceSum = sum{sumA, sumB}
	e.events += uint64(e.out.took(int(uintptr(out) - uintptr(first))))
	e.changed = 0
}
