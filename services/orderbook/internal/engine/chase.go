package engine

import (
	"cmp"
	"slices"
)

// boundedTrails is the version of the behaviour from which on a move of a
// trailing stop is a unit of work.
const boundedTrails = 3

// chase is a price that trailing stops of one side of a market have still to
// follow: those up to an order id whose trigger is not where that price has it.
// A market's chases of a side lie from the best price to the worst, and so from
// the oldest to the youngest: a better price takes the place of what was before.
//
// Orders that come while there are chases owe nothing to the older ones. They
// wait in Engine.awaiting, which is part of no digest since it follows from the
// chases, until the chases in front of their own are done. While a market has a
// chase none of its triggers is looked at.
type chase struct {
	market uint32
	buys   bool
	price  int64  // ticks
	last   uint64 // younger orders do not owe it
}

// chase lets the trailing stops of a side follow, each move for a unit of work,
// the furthest behind first. It returns false when some are left.
func (e *Engine) chase(m *market, buys bool) bool {
	from, to := e.chasesOf(m.id, buys)
	if m.last != 0 && e.leftBehind(m, buys, e.chases[from:to]) {
		keep := to
		for keep > from && !better(buys, e.chases[keep-1].price, m.last) {
			keep--
		}
		e.chases = slices.Replace(e.chases, keep, to, chase{m.id, buys, m.last, e.orderID})
		to = keep + 1
	}
	for ; from < to; to-- {
		c := e.chases[from]
		e.admit(m, buys, c.last)
		price := c.price
		if buys {
			price = -price
		}
		for n := m.behind(buys, price); n != nil; n = m.behind(buys, price) {
			if e.late.left == 0 {
				return false
			}
			e.late.left--
			e.moveTrail(m, n.slot, c.price)
		}
		e.chases = slices.Delete(e.chases, from, from+1)
	}
	e.admit(m, buys, e.orderID)
	return true
}

// better reports that a price moves the triggers of a side further than another.
func better(buys bool, price, than int64) bool {
	if buys {
		return price < than
	}
	return price > than
}

// chasesOf is where the chases of a side of a market are, or would be.
func (e *Engine) chasesOf(market uint32, buys bool) (from, to int) {
	for from < len(e.chases) && (e.chases[from].market < market || e.chases[from].market == market && !e.chases[from].buys && buys) {
		from++
	}
	for to = from; to < len(e.chases) && e.chases[to].market == market && e.chases[to].buys == buys; {
		to++
	}
	return from, to
}

// leftBehind reports a trailing stop that the last price leaves behind and that
// owes no better price.
func (e *Engine) leftBehind(m *market, buys bool, chases []chase) bool {
	seen := m.seen(buys)
	owing := uint64(0) // orders up to this id owe what is better already
	for k := range chases {
		if !better(buys, m.last, chases[k].price) {
			owing = chases[k].last
		}
	}
	if owing == 0 && m.behind(buys, seen) != nil {
		return true
	}
	for _, g := range e.awaiting {
		if o := e.awaited(g, m.id, buys); o != nil && o.id > owing && trailKey(buys, &e.terms[o.terms]) < seen {
			return true
		}
	}
	return false
}

// awaits puts a trailing stop that came after the oldest chase of its side among
// those that wait for it to be done.
func (e *Engine) awaits(market uint32, o *order, i uint32) bool {
	from, to := e.chasesOf(market, o.buys())
	if from == to || o.id <= e.chases[from].last {
		return false
	}
	e.awaiting = append(e.awaiting, target{o.id, i})
	return true
}

// awaited is the order of an entry of Engine.awaiting if it is one of a side of a
// market; one that ended leaves its entry behind.
func (e *Engine) awaited(g target, market uint32, buys bool) *order {
	o := &e.orders[g.slot]
	if o.id != g.id || o.status != statusWaiting || uint32(o.market) != market || o.buys() != buys {
		return nil
	}
	return o
}

// admit lets what waits for chases follow, up to an id.
func (e *Engine) admit(m *market, buys bool, last uint64) {
	kept := e.awaiting[:0]
	for _, g := range e.awaiting {
		o := e.awaited(g, m.id, buys)
		switch {
		case o != nil && g.id <= last:
			t := &e.terms[o.terms]
			t.follow = m.follows(buys).push(trailKey(buys, t), 0, o.id, g.slot)
		case e.orders[g.slot].id == g.id && e.orders[g.slot].status == statusWaiting:
			kept = append(kept, g)
		}
	}
	e.awaiting = kept
}

// chased reports a market whose trailing stops have a price to follow.
func (e *Engine) chased(m *market) bool {
	return slices.ContainsFunc(e.chases, func(c chase) bool { return c.market == m.id })
}

// sortAwaiting brings those that wait into the order in which they came.
func (e *Engine) sortAwaiting() {
	slices.SortFunc(e.awaiting, func(a, b target) int { return cmp.Compare(a.id, b.id) })
}

// appendChases appends what trailing stops have still to follow, for digest and
// snapshot; before that version there is nothing to append.
func (e *Engine) appendChases(b []byte) []byte {
	if e.semantics < boundedTrails {
		return b
	}
	b = appendUints(b, uint64(len(e.chases)))
	for _, c := range e.chases {
		b = appendUints(appendBool(appendUints(b, uint64(c.market)), c.buys), uint64(c.price), c.last)
	}
	return b
}
