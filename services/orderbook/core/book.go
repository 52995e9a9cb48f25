package core

// ladder is one side of a book: price levels sorted so that the best is the
// last. sign is 1 for bids (the highest price is best) and -1 for asks.
type ladder struct {
	levels []level
	sign   int64
}

// level is the queue at one price, oldest order first.
type level struct {
	price      int64
	lots       int64 // unfilled quantity of all orders in the queue
	head, tail int32
}

// best returns the level that trades first, nil on an empty side. The pointer
// is good until the ladder changes.
func (l *ladder) best() *level {
	if len(l.levels) == 0 {
		return nil
	}
	return &l.levels[len(l.levels)-1]
}

// find returns where a price is, or would be. New prices are mostly near the
// best, so the last few levels are looked at first.
func (l *ladder) find(price int64) (int, bool) {
	key := price * l.sign
	lo, hi := 0, len(l.levels)
	for step := 1; step <= hi; step *= 2 {
		if l.levels[hi-step].price*l.sign < key {
			lo = hi - step + 1
			break
		}
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if l.levels[mid].price*l.sign < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(l.levels) && l.levels[lo].price == price
}

// crosses reports whether an order against this side with limit price would
// trade with a level; a market order has no limit.
func (l *ladder) crosses(levelPrice, limit int64) bool {
	return limit == 0 || levelPrice*l.sign >= limit*l.sign
}

// side returns the ladder that an order rests in, opposite the one it takes from.
func (m *market) side(o *order) *ladder {
	if o.buys() {
		return &m.bids
	}
	return &m.asks
}

func (m *market) opposite(o *order) *ladder {
	if o.buys() {
		return &m.asks
	}
	return &m.bids
}

// rest puts an order at the end of the queue at its price.
func (e *Engine) rest(i int32) {
	o := &e.orders.rows[i]
	l := e.markets[o.market].side(o)
	at, found := l.find(o.price)
	if !found {
		l.levels = append(l.levels, level{})
		copy(l.levels[at+1:], l.levels[at:])
		l.levels[at] = level{price: o.price, head: none, tail: none}
	}
	lv := &l.levels[at]
	o.prev, o.next = lv.tail, none
	if lv.tail == none {
		lv.head = i
	} else {
		e.orders.rows[lv.tail].next = i
	}
	lv.tail = i
	lv.lots += o.remaining()
	e.live++
}

// unrest takes an order out of its queue; an empty level goes.
func (e *Engine) unrest(i int32) {
	o := &e.orders.rows[i]
	l := e.markets[o.market].side(o)
	at, found := l.find(o.price)
	if !found {
		panic("resting order without a level")
	}
	lv := &l.levels[at]
	if o.prev == none {
		lv.head = o.next
	} else {
		e.orders.rows[o.prev].next = o.next
	}
	if o.next == none {
		lv.tail = o.prev
	} else {
		e.orders.rows[o.next].prev = o.prev
	}
	lv.lots -= o.remaining()
	if lv.head == none {
		l.levels = append(l.levels[:at], l.levels[at+1:]...)
	}
	o.prev, o.next = none, none
	e.live--
}

// PriceLevel is one line of a book.
type PriceLevel struct{ Price, Lots int64 }

// Depth returns both sides of a market, best first, at most limit levels each;
// limit 0 means all. Unknown markets are empty.
func (e *Engine) Depth(symbol string, limit int) (bids, asks []PriceLevel) {
	i, found := e.marketIndex[symbol]
	if !found {
		return nil, nil
	}
	top := func(l *ladder) (out []PriceLevel) {
		for k := len(l.levels) - 1; k >= 0 && (limit == 0 || len(out) < limit); k-- {
			out = append(out, PriceLevel{l.levels[k].price, l.levels[k].lots})
		}
		return out
	}
	return top(&e.markets[i].bids), top(&e.markets[i].asks)
}
