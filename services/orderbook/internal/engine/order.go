package engine

// Orders live in a slab without pointers and are named by slot; slot 0 is none.
// What matching, canceling and queueing touch is one cache line, the rest is the
// line after it, and what few orders have is in a slab of its own.

// order is the first line of an order.
type order struct {
	id         uint64
	price      int64  // ticks; 0 for market orders
	remaining  int64  // open lots, hidden included; 0 for orders by budget
	reserved   int64  // in the asset that it spends
	prev, next uint32 // queue of its level; waiting: of its trigger level; dead: order of death
	ref        uint64 // client_ref; 0: it has a client order id
	level      uint32 // in the ladder that it is in; 0 when in none
	acct       uint32
	market     uint16 // MarketAdded.market
	flags      uint8
	status     uint8
	terms      uint32 // 0: none
	rest
}

const (
	flagSell    = 1 << iota // else it buys
	flagPost                // post-only
	flagDirty               // its hash in the digest is out of date or missing
	flagHashed              // its hash (rest.hash) is in the digest
	flagBudget              // quantity is what the budget buys
	flagIceberg             // shows terms.visible of its remaining lots
	flagPair                // terms.other is a living leg
	flagPassing             // it cannot rest, so it is in no list and no index
)

// rest is what else an order is: the second line of it.
type rest struct {
	quantity int64  // lots as ordered or amended; 0 for orders by budget and rejected ones
	made     int64  // notional of its fills as maker (and in auctions), quote units
	took     int64  // and as taker
	arrival  uint64 // number of its newest OrderRested in the venue; dead: stream time of its death
	hash     sum
	clientID uint32 // slot of the client order id
	aprev    uint32 // live orders of the account
	anext    uint32
	typ      uint8 // a triggered order keeps its type
	tif      uint8
	self     uint8 // self-trade rule
	why      uint8 // cause of a cancel; reject of a rejected order
}

// terms are what few orders have. Written by the order's own acceptance, and by
// triggers, timers and pairs.
type terms struct {
	budget     int64 // quote units, as ordered
	protection int64
	trigger    int64 // now; a trailing stop's moves
	trail      int64
	display    int64
	bought     int64 // lots so far, of an order by budget
	visible    int64 // iceberg: lots that the book shows
	minLots    int64
	expiresMs  int64  // GTD and DAY; 0: never
	other      uint32 // slot of the other leg of a pair; 0: none
	timer      uint32 // handle in the timers; 0: none
	trig       uint32 // handles in the market's heaps of triggers and of trails; 0: none
	follow     uint32
	next       uint32 // free list
	triggered  bool
}

func (o *order) sells() bool { return o.flags&flagSell != 0 }
func (o *order) buys() bool  { return o.flags&flagSell == 0 }
func (o *order) side() uint8 { return buy + o.flags&flagSell }

// isLive reports an order that rests, waits or is being matched.
func (o *order) isLive() bool {
	return o.status == statusOpen || o.status == statusPartly || o.status == statusWaiting
}

// visible is what the book shows of an order.
func (e *Engine) visible(o *order) int64 {
	if o.flags&flagIceberg != 0 {
		return min(e.terms[o.terms].visible, o.remaining)
	}
	return o.remaining
}

// filledLots is what an order has traded.
func (e *Engine) filledLots(i uint32) int64 {
	o := &e.orders[i]
	if o.flags&flagBudget != 0 {
		return e.terms[o.terms].bought
	}
	return e.orders[i].quantity - o.remaining
}

// limitType reports a type that has a price of its own.
func limitType(t uint8) bool {
	return t == typeLimit || t == typeStopLimit || t == typeTakeProfitLimit
}

// waits reports a type that begins as a waiting order.
func waits(t uint8) bool { return t >= typeStop && t <= typeTrailingStop }
