package engine

import (
	"cmp"
	"math"
	"slices"
)

// trailFrom enters a trailing stop by the last price beyond which its trigger
// moves: a sale's when it rises above trigger+trail, a purchase's when it falls
// below trigger-trail. One without a trigger moves with the first price that
// gives one.
func (m *market) trailFrom(o *order, t *terms, i uint32) {
	switch {
	case o.sells():
		// Without a trigger this is the trail: a lower price gives none above 0.
		t.follow = m.followSell.push(addCapped(t.trigger, t.trail), 0, o.id, i)
	case t.trigger == 0:
		t.follow = m.followBuy.push(-math.MaxInt64, 0, o.id, i)
	default:
		t.follow = m.followBuy.push(t.trail-t.trigger, 0, o.id, i)
	}
}

func (m *market) untrail(o *order, t *terms) {
	if t.follow == 0 {
		return
	}
	if o.sells() {
		m.followSell.remove(t.follow)
	} else {
		m.followBuy.remove(t.follow)
	}
	t.follow = 0
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

// moveTrails lets the trailing stops of a market follow its last price, in the
// order of their ids.
func (e *Engine) moveTrails(m *market) {
	if m.last == 0 {
		return
	}
	moving := e.late.moving[:0]
	for n := m.followSell.first(); n != nil && m.last > n.key; n = m.followSell.first() {
		moving = append(moving, target{n.id, n.slot})
		m.untrail(&e.orders[n.slot], &e.terms[e.orders[n.slot].terms])
	}
	for n := m.followBuy.first(); n != nil && m.last < -n.key; n = m.followBuy.first() {
		moving = append(moving, target{n.id, n.slot})
		m.untrail(&e.orders[n.slot], &e.terms[e.orders[n.slot].terms])
	}
	slices.SortFunc(moving, func(a, b target) int { return cmp.Compare(a.id, b.id) })
	for _, g := range moving {
		o := &e.orders[g.slot]
		t := &e.terms[o.terms]
		to := trailed(o.buys(), t.trigger, t.trail, m.last)
		if to != t.trigger {
			e.mark(g.slot)
			e.unhang(m, g.slot)
			t.trigger = to
			e.emitTriggerMoved(o.id, to)
			e.hang(m, g.slot)
		} else {
			m.trailFrom(o, t, g.slot)
		}
	}
	e.late.moving = moving[:0]
}
