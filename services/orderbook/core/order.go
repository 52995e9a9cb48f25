package core

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// MaxFillsKept bounds the fills that are remembered with an order for a
// repeated answer; all fills are in TRADES.
const MaxFillsKept = 8

// order is one order that has a client id in memory: resting, or dead for less
// than a day. No pointers: the garbage collector passes over the slab.
type order struct {
	id            uint64
	account       uint64
	price         int64 // ticks; 0 in a market order
	quantity      int64 // lots
	filled        int64 // lots
	reserved      int64 // of the quote when buying, of the base when selling
	takerNotional int64 // quote units filled as taker, as maker
	makerNotional int64
	feePaid       int64
	diedMs        int64  // stream time; only when dead
	identity      uint64 // hash of all that never changes
	market        int32
	acct          int32 // slab index of the account; none when it holds nothing
	prev, next    int32 // in its price level, or among the dead
	fills, last   int32 // first and last fill kept
	kept          uint8 // fills kept
	side          uint8
	kind          uint8 // ordersv1.OrderType
	tif           uint8
	status        uint8
	reject        uint8
	cancel        uint8
	malformed     uint8
}

func (o *order) remaining() int64 { return o.quantity - o.filled }

func (o *order) isLive() bool {
	return o.status == uint8(ordersv1.OrderStatus_ORDER_STATUS_OPEN) ||
		o.status == uint8(ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED)
}

func (o *order) buys() bool { return o.side == uint8(ordersv1.Side_SIDE_BUY) }

// clientKey names an order by its owner's own id.
type clientKey struct {
	account uint64
	id      string
}

// keptFill is one fill of an order, as the answer to its command shows it.
type keptFill struct {
	tradeID  uint64
	price    int64
	quantity int64
	fee      int64
	next     int32
}

// orderSlab holds orders by slot; free slots are chained through next. Client
// ids are kept beside it, since strings are pointers.
type orderSlab struct {
	rows      []order
	clientIDs []string
	free      int32
}

func (s *orderSlab) take() int32 {
	if i := s.free; i != none {
		s.free = s.rows[i].next
		return i
	}
	s.rows = append(s.rows, order{})
	s.clientIDs = append(s.clientIDs, "")
	return int32(len(s.rows) - 1)
}

func (s *orderSlab) give(i int32) {
	s.rows[i] = order{next: s.free}
	s.clientIDs[i] = ""
	s.free = i
}

// remember stores an order under its id and client id and returns its slot.
// It is not in the digest before enroll.
func (e *Engine) remember(o order, clientID string) int32 {
	i := e.orders.take()
	o.prev, o.next, o.fills, o.last = none, none, none, none
	o.identity = newHash(kindIdentity).u64(o.id).u64(o.account).u64(uint64(o.market)).i64(o.price).i64(o.quantity).
		u64(uint64(o.side) | uint64(o.kind)<<8 | uint64(o.tif)<<16 | uint64(o.malformed)<<24).str(clientID).sum().a
	e.orders.rows[i] = o
	e.orders.clientIDs[i] = clientID
	e.byID[o.id] = i
	e.byClient[clientKey{o.account, clientID}] = i
	return i
}

// enroll and withdraw put an order's present state into the digest and take it
// out; every change of a remembered order is between the two.
func (e *Engine) enroll(o *order)   { e.orderSum.add(o.hash()) }
func (e *Engine) withdraw(o *order) { e.orderSum.sub(o.hash()) }

func (o *order) hash() sum {
	return newHash(kindOrder).u64(o.identity).i64(o.filled).i64(o.reserved).i64(o.takerNotional).
		i64(o.makerNotional).i64(o.feePaid).i64(o.diedMs).
		u64(uint64(o.status) | uint64(o.reject)<<8 | uint64(o.cancel)<<16).sum()
}

// bury puts an order among the dead; the oldest ones beyond the bound go.
// The order is out of its book and its status is final.
func (e *Engine) bury(i int32) {
	o := &e.orders.rows[i]
	o.diedMs = e.clock.nowMs
	o.prev, o.next = e.deadTail, none
	if e.deadTail == none {
		e.deadHead = i
	} else {
		e.orders.rows[e.deadTail].next = i
	}
	e.deadTail = i
	e.dead++
	e.enroll(o)
	for e.dead > e.maxDead {
		e.forgetOldest()
	}
}

// expireClientIDs forgets orders that died a day of stream time ago.
func (e *Engine) expireClientIDs() {
	for e.deadHead != none && e.orders.rows[e.deadHead].diedMs <= e.clock.nowMs-clientIDTTLMs {
		e.forgetOldest()
	}
}

func (e *Engine) forgetOldest() {
	i := e.deadHead
	o := &e.orders.rows[i]
	e.withdraw(o)
	e.deadHead = o.next
	if e.deadHead == none {
		e.deadTail = none
	} else {
		e.orders.rows[e.deadHead].prev = none
	}
	e.dead--
	for f := o.fills; f != none; {
		k := &e.fillSlab[f]
		e.fillSum.sub(k.hash(o.id))
		f, k.next, e.fillFree = k.next, e.fillFree, f
	}
	delete(e.byID, o.id)
	delete(e.byClient, clientKey{o.account, e.orders.clientIDs[i]})
	e.orders.give(i)
}

// keepFill remembers a fill with its order, up to MaxFillsKept.
func (e *Engine) keepFill(o *order, f keptFill) {
	if o.kept >= MaxFillsKept {
		return
	}
	f.next = none
	i := e.fillFree
	if i != none {
		e.fillFree = e.fillSlab[i].next
		e.fillSlab[i] = f
	} else {
		i = int32(len(e.fillSlab))
		e.fillSlab = append(e.fillSlab, f)
	}
	if o.fills == none {
		o.fills = i
	} else {
		e.fillSlab[o.last].next = i
	}
	o.last = i
	o.kept++
	e.fillSum.add(f.hash(o.id))
}

func (f *keptFill) hash(order uint64) sum {
	return newHash(kindFill).u64(order).u64(f.tradeID).i64(f.price).i64(f.quantity).i64(f.fee).sum()
}
