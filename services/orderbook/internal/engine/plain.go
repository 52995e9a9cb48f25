package engine

import (
	"math/bits"
	"unsafe"
)

// Nearly all that a venue is asked for are limit orders under a client_ref, good
// till canceled or immediate, without any other term, and cancels of such. They
// have a way of their own: it looks first at everything that could make a command
// another one or have it refused, and leaves those, with nothing changed, to the
// code that knows all kinds. What it does itself gives the same events and the
// same state, with few branches and each thing looked up once; what trades is in
// plaintake.go.
//
// Here, and in what it shares with the other code (accounts, client_refs, looks
// ahead, the digest), slots are reached without asking whether they are in their
// slab: they come from indexes, lists and levels, which the audits hold to the
// slabs.

// slotOf is &s[i] without the question whether there is one.
func slotOf[T any](s []T, i uint32) *T {
	var one T
	return (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), uintptr(i)*unsafe.Sizeof(one)))
}

// plain carries a command out if it is one of these; else it returns false.
func (e *Engine) plain(c *Command, h *hint) bool {
	if c.Op == OpNew {
		return e.plainNew(c, h.ref(c))
	}
	return c.Op == OpCancel && e.plainCancel(c, h.ref(c), h.slot, uint(h.at))
}

// kind is side, type, time in force and self-trade rule, as OrderAccepted has them.
func (c *Command) kind() uint32 {
	return uint32(c.Side) | uint32(c.Type)<<8 | uint32(c.TIF)<<16 | uint32(c.SelfTrade)<<24
}

// isPlain reports a limit order without anything that few have: of its kind only
// the side, the time in force and the self-trade rule differ. Account, price and
// quantity may still be what no order has; nobody has funds for it then, and it has
// no plainCost.
func (c *Command) isPlain(kind uint32) bool {
	const least, more = uint32(buy) | uint32(typeLimit)<<8 | uint32(tifGTC)<<16, uint32(sell-buy) | uint32(tifIOC-tifGTC)<<16 | 7<<24
	return (kind-least)&^more == 0 && kind>>24 <= uint32(selfDecrement) && c.Malformed == 0 && !c.PostOnly && c.Ext == nil && len(c.ClientID) == 0 &&
		c.Ref != 0
}

// isPlain reports a market in which such an order has only its size, its funds
// and its name to be looked at.
func (m *market) isPlain() bool {
	return m.phase == phaseContinuous && !m.oneSide && m.limits.CollarPPM == 0
}

// plainNew takes the hash of the account and client_ref.
func (e *Engine) plainNew(c *Command, hash uint64) bool {
	kind := c.kind()
	if !c.isPlain(kind) || c.Market-1 >= uint32(len(e.markets)) {
		return false
	}
	m := slotOf(e.markets, c.Market-1)
	cost, goods := m.plainCost(c)
	if cost == 0 || !m.isPlain() || !m.limits.allow(c.Quantity, cost) {
		return false
	}
	side := uint32(c.Side-buy) & 1
	need := either(cost+ceilPPM(cost*m.maxPPM), goods, int64(side)) // which of them it is, no branch foretells
	acct := e.near[c.Account%nearAccounts]
	a := slotOf(e.accounts, acct)
	if a.id != c.Account {
		acct = e.nearAccount(c.Account)
		a = slotOf(e.accounts, acct)
	}
	if a.market != m.id {
		e.openPurse(acct, m)
	}
	held := a.held[side]
	tag := tagOf(hash)
	bucket := e.byRef.bucket(hash)
	if bucket.match(tag)|uint64(bucket.over) != 0 {
		if taken, _ := e.seekRef(hash, c.Account, c.Ref); taken != 0 {
			return false
		}
	}
	if need > slotOf(e.balances, held).available {
		return false
	}
	switch {
	case m.books[side^1].takes(c.Price):
		e.plainTake(c, m, acct, held, need, hash)
		return true
	case c.TIF == tifIOC:
		e.plainPass(c, held, need)
	default:
		e.plainRest(c, m, acct, kind, need, bucket, hash)
	}
	if m.waiting != 0 || m.pending {
		e.beginWork()
		e.runTriggers(m)
	}
	return true
}

// plainPass ends an order that finds nothing to take and may not rest. It reserves
// for a moment, so its balance counts as touched.
func (e *Engine) plainPass(c *Command, held uint32, need int64) {
	e.orderID++
	e.touchSlot(held)
	e.emitPlain(c, c.kind(), e.orderID, need)
	e.emitOrderCanceled(e.orderID, causeIOC, c.Quantity)
	if e.reply != nil {
		e.answer = answer{id: e.orderID, status: statusCanceled, why: causeIOC, remaining: c.Quantity}
	}
}

// plainRest has an order rest that meets nothing. It is long because what it does is
// one thing after the other, and a call for each costs more than most of them.
func (e *Engine) plainRest(c *Command, m *market, acct, kind uint32, need int64, bucket *refBucket, hash uint64) {
	e.orderID++
	id := e.orderID
	side := uint32(c.Side-buy) & 1
	a := slotOf(e.accounts, acct)
	e.roomForChanges(1)
	b := e.touchPlain(a.held[side])
	b.available -= need
	b.reserved += need

	i := e.newSlot()
	e.arrivals++
	o := slotOf(e.orders, i)
	// Single fields, for the reason that fillIn has. Of hash nothing is read
	// while flagHashed is not set.
	o.id, o.price, o.remaining, o.reserved, o.ref = id, c.Price, c.Quantity, need, c.Ref
	o.acct, o.market, o.terms, o.status = acct, uint16(c.Market), 0, statusOpen
	o.quantity, o.made, o.took, o.arrival, o.clientID = c.Quantity, 0, 0, e.arrivals, 0
	o.typ, o.tif, o.self, o.why = typeLimit, tifGTC, c.SelfTrade, 0
	fresh := ^o.flags / flagDirty & 1 // it is not among the changed yet
	o.flags = uint8(side) | flagDirty
	e.dirty.note(i, int(fresh))
	e.answer.slot = i

	// By its id, and by its account and client_ref, in the bucket where that search
	// ended.
	if !e.byID.begun(id) {
		e.byID.open(id, e.orders)
	}
	e.byID.put(id, i)
	if free := bucket.match(0); free != 0 && !e.byRef.full() {
		bucket.set(entryOf(free), tagOf(hash), i)
		e.byRef.n++
	} else {
		e.enterRef(hash, i)
	}

	// First of its account's orders. Slot 0 takes what nobody reads, here and in the
	// queue.
	o.aprev, o.anext = 0, a.head
	slotOf(e.orders, a.head).aprev = i
	a.head = i
	a.live++
	e.live++

	// Last in its queue, with all of its lots to be seen.
	l := &m.books[side]
	v := l.nearLevel(c.Price)
	if v == 0 {
		v = l.at(c.Price)
	}
	lv := slotOf(l.levels, v)
	head, tail := lv.head, lv.tail
	o.level, o.prev, o.next = v, tail, 0
	slotOf(e.orders, tail).next = i
	if tail == 0 {
		head = i
	}
	lv.head, lv.tail = head, i
	lv.orders++
	lv.lots += c.Quantity

	p := newEvent[[len(frameResting)]byte](e.out)
	e.out.n++ // it is two
	e.events += 2
	*p = frameResting
	e.putPlain((*[len(frameAccepted)]byte)(p[:]), c, kind, id, need)
	putRested((*[len(frameRested)]byte)(p[len(frameAccepted):]), id, c.Quantity, c.Quantity)
}

// plainCost is what a plain order's lots cost without fees, and what they are in
// base units; 0 when that is not simple to say, or nothing: then price or quantity
// are 0 or below, where they are above 2^63 here, and so is their product.
func (m *market) plainCost(c *Command) (cost, goods int64) {
	over, lots := bits.Mul64(uint64(c.Price), uint64(c.Quantity))
	over2, all := bits.Mul64(lots, uint64(m.unit))
	over3, base := bits.Mul64(uint64(c.Quantity), uint64(m.lot))
	if over|over2|over3|all>>43|base>>63 != 0 {
		return 0, 0
	}
	return int64(all), int64(base)
}

// allow reports a size within the limits. A maximum of 0 is none: one less than
// that is above all.
func (l *Limits) allow(lots, cost int64) bool {
	return lots >= l.MinLots && uint64(lots-1) <= uint64(l.MaxLots-1) && cost >= l.MinNotional && uint64(cost-1) <= uint64(l.MaxNotional-1)
}

// plainCancel takes the hash too, and what may be the order and its entry in the
// bucket, or 0 when nobody has looked.
func (e *Engine) plainCancel(c *Command, hash uint64, i uint32, at uint) bool {
	if c.Ref == 0 || c.OrderID != 0 || len(c.ClientID) != 0 || c.Account == 0 {
		return false
	}
	bucket := e.byRef.bucket(hash)
	at = min(at, refsPerBucket-1)
	if i == 0 || bucket.slots[at] != i { // nobody has looked, or it was another
		found := bucket.match(tagOf(hash))
		if found == 0 {
			return false // it lies further on, or there is none
		}
		at = entryOf(found)
		i = bucket.slots[at]
	}
	o := slotOf(e.orders, i)
	a := slotOf(e.accounts, o.acct)
	if o.ref != c.Ref || a.id != c.Account || o.terms != 0 || o.level == 0 {
		return false
	}
	m := slotOf(e.markets, uint32(o.market-1))
	if m.phase == phaseHalted {
		return false
	}
	e.events++
	p := newEvent[[len(frameCanceled)]byte](e.out)
	*p = frameCanceled
	putCanceled(p, o.id, causeRequested, o.remaining, e.clock.nowMs)
	side := o.flags & flagSell
	l := &m.books[side]
	v := o.level
	lv := slotOf(l.levels, v)
	lv.lots -= o.remaining
	lv.close(o.prev, o.next)
	slotOf(e.orders, o.prev).next, slotOf(e.orders, o.next).prev = o.next, o.prev // slot 0 takes what nobody reads
	if lv.orders--; lv.orders == 0 {
		l.remove(v)
	}
	if a.market != m.id {
		e.openPurse(o.acct, m)
	}
	e.roomForChanges(1)
	b := e.touchPlain(a.held[side])
	b.available += o.reserved
	b.reserved -= o.reserved
	if e.reply != nil {
		o.status, o.why = statusCanceled, causeRequested
		e.capture(i)
	}
	bucket.set(at, 0, 0)
	e.byRef.n--
	e.endPlain(a, o, i)
	return true
}

// close joins what was before and behind an order that leaves the queue, as far as
// that is the level's. Where in its queue an order is no branch foretells: these are
// moves.
func (lv *level) close(prev, next uint32) {
	head, tail := lv.head, lv.tail
	if prev == 0 {
		head = next
	}
	if next == 0 {
		tail = prev
	}
	lv.head, lv.tail = head, tail
}

// endPlain ends the life of a plain order that is in no queue, reserves nothing
// and is found by its client_ref no more.
func (e *Engine) endPlain(a *account, o *order, i uint32) {
	prev, next := o.aprev, o.anext
	head := a.head
	if prev == 0 {
		head = next
	}
	a.head = head
	slotOf(e.orders, prev).anext, slotOf(e.orders, next).aprev = next, prev
	a.live--
	e.live--
	e.orderSum.sub(o.hashed())
	e.byID.remove(o.id, i)
	o.id, o.ref, o.reserved, o.level, o.status, o.flags = 0, 0, 0, 0, 0, o.flags&flagDirty
	o.next = e.freeOrder
	e.freeOrder = i
}
