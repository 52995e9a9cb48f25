package engine

import (
	"cmp"
	"math"
	"slices"
)

// trailKey is the last price beyond which a trailing stop's trigger moves: a
// sale's when it rises above trigger+trail, a purchase's, given negative, when it
// falls below trigger-trail. One without a trigger moves with the first price
// that gives one within 1..2^63-1.
func trailKey(buys bool, t *terms) int64 {
	switch {
	case !buys:
		// Without a trigger this is the trail: a lower price gives none above 0.
		return addCapped(t.trigger, t.trail)
	case t.trigger == 0:
		return t.trail - math.MaxInt64 - 1
	}
	return t.trail - t.trigger
}

// follows is the heap of the trailing stops of a side, by trailKey.
func (m *market) follows(buys bool) *heap {
	if buys {
		return &m.followBuy
	}
	return &m.followSell
}

// seen is the last price as trailKey counts it.
func (m *market) seen(buys bool) int64 {
	if buys {
		return -m.last
	}
	return m.last
}

// behind returns a trailing stop of a side that a price, as trailKey counts it,
// leaves behind, the furthest first; nil when there is none.
func (m *market) behind(buys bool, price int64) *node {
	if n := m.follows(buys).first(); n != nil && n.key < price {
		return n
	}
	return nil
}

// trailFrom enters a trailing stop by the price beyond which it moves.
func (e *Engine) trailFrom(m *market, o *order, t *terms, i uint32) {
	if len(e.chases) != 0 && e.awaits(m.id, o, i) {
		return
	}
	t.follow = m.follows(o.buys()).push(trailKey(o.buys(), t), 0, o.id, i)
}

func (m *market) untrail(o *order, t *terms) {
	if t.follow != 0 {
		m.follows(o.buys()).remove(t.follow)
		t.follow = 0
	}
}

// trailed is where a trailing stop's trigger belongs at a last price, given
// where it is; 0 is not set. It moves towards the price only.
func trailed(buys bool, trigger, trail, last int64) int64 {
	switch {
	case last == 0:
		return trigger
	case !buys:
		return max(trigger, last-trail)
	case last > math.MaxInt64-trail:
		return trigger
	case trigger == 0:
		return last + trail
	}
	return min(trigger, last+trail)
}

// moveTrails lets the trailing stops of a market follow its last price. It
// returns false when some are left for lack of work.
func (e *Engine) moveTrails(m *market) bool {
	if e.semantics >= boundedTrails {
		sales, purchases := e.chase(m, false), e.chase(m, true)
		return sales && purchases
	}
	if m.last == 0 {
		return true
	}
	moving := e.late.moving[:0]
	for _, buys := range [...]bool{false, true} {
		for n := m.behind(buys, m.seen(buys)); n != nil; n = m.behind(buys, m.seen(buys)) {
			moving = append(moving, target{n.id, n.slot})
			m.untrail(&e.orders[n.slot], &e.terms[e.orders[n.slot].terms])
		}
	}
	slices.SortFunc(moving, func(a, b target) int { return cmp.Compare(a.id, b.id) })
	for _, g := range moving {
		e.moveTrail(m, g.slot, m.last)
	}
	e.late.moving = moving[:0]
	return true
}

// moveTrail takes the trigger of a trailing stop to where a price has it.
func (e *Engine) moveTrail(m *market, i uint32, price int64) {
	o := &e.orders[i]
	t := &e.terms[o.terms]
	e.mark(i)
	e.unhang(m, i)
	t.trigger = trailed(o.buys(), t.trigger, t.trail, price)
	e.emitTriggerMoved(o.id, t.trigger)
	e.hang(m, i)
}
