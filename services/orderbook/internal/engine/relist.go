package engine

import (
	"fmt"
	"slices"
)

// relist enters what lives into timers and trigger heaps, which no snapshot
// holds: called once, at the end of a Restore, when orders, accounts, markets
// and jobs are as they were.
func (e *Engine) relist() {
	for k := 1; k < len(e.orders); k++ {
		i := uint32(k)
		o := &e.orders[i]
		if !o.isLive() || o.terms == 0 {
			continue
		}
		e.expireLater(i)
		if o.status == statusWaiting {
			m := e.market(o)
			m.waiting++
			e.hang(m, i)
		}
	}
	for k := 1; k < len(e.accounts); k++ {
		if deadline := e.accounts[k].deadMan; deadline != 0 {
			e.armDeadMan(uint32(k), deadline)
		}
	}
	for k := range e.markets {
		m := &e.markets[k]
		if m.endsAtMs != 0 {
			e.setEnd(m, m.endsAtMs, m.then)
		}
		if m.pending = e.chased(m) || m.phase == phaseContinuous && m.due() != 0; m.pending {
			e.pendingMarkets++
		}
	}
	e.sortAwaiting()
}

// detach gives an engine that was copied heaps and lists of its own.
func (e *Engine) detach() {
	e.timers = e.timers.clone()
	for k := range e.markets {
		m := &e.markets[k]
		m.rising, m.falling = m.rising.clone(), m.falling.clone()
		m.followSell, m.followBuy = m.followSell.clone(), m.followBuy.clone()
	}
	e.jobs = slices.Clone(e.jobs)
	for k := range e.jobs {
		e.jobs[k].targets = slices.Clone(e.jobs[k].targets)
	}
	e.chases, e.awaiting = slices.Clone(e.chases), slices.Clone(e.awaiting)
	e.late = lateScratch{left: e.late.left, changed: e.late.changed}
}

// auditLate recomputes what timers, triggers and pairs keep by increments.
func (e *Engine) auditLate() error {
	timers := 0
	waiting := make([]int, len(e.markets))
	trails := make([]int, len(e.markets))
	unset := make([]int, len(e.markets))
	for k := 1; k < len(e.orders); k++ {
		i := uint32(k)
		o := &e.orders[i]
		t := &e.terms[o.terms]
		if !o.isLive() {
			if t.timer|t.trig|t.follow != 0 || o.flags&flagPair != 0 {
				return fmt.Errorf("order %d ended and is still a waiting one, timed or paired", o.id)
			}
			continue
		}
		if err := e.auditPair(i); err != nil {
			return err
		}
		if t.expiresMs != 0 {
			timers++
			if !e.timers.holds(t.timer, t.expiresMs, o.id, i) {
				return fmt.Errorf("order %d has no timer at %d", o.id, t.expiresMs)
			}
		}
		if o.status != statusWaiting {
			continue
		}
		m := e.market(o)
		waiting[m.id-1]++
		if t.trigger == 0 {
			unset[m.id-1]++
		} else if risingTriggers(e.orders[i].typ, o.buys()) {
			if !m.rising.holds(t.trig, t.trigger, o.id, i) {
				return fmt.Errorf("order %d does not wait for prices to rise to %d", o.id, t.trigger)
			}
		} else if !m.falling.holds(t.trig, -t.trigger, o.id, i) {
			return fmt.Errorf("order %d does not wait for prices to fall to %d", o.id, t.trigger)
		}
		if t.trail != 0 {
			trails[m.id-1]++
			if key := trailKey(o.buys(), t); t.follow == 0 && slices.Contains(e.awaiting, target{o.id, i}) {
				trails[m.id-1]--
			} else if !m.follows(o.buys()).holds(t.follow, key, o.id, i) {
				return fmt.Errorf("trailing order %d does not follow beyond %d", o.id, key)
			}
		}
	}
	for k := 1; k < len(e.accounts); k++ {
		if a := &e.accounts[k]; a.deadMan != 0 {
			timers++
			if !e.timers.holds(a.timer, a.deadMan, a.id, uint32(k)) {
				return fmt.Errorf("account %d has no dead-man timer at %d", a.id, a.deadMan)
			}
		}
	}
	pending := 0
	for k := range e.markets {
		m := &e.markets[k]
		if m.endsAtMs != 0 {
			timers++
			if !e.timers.holds(m.timer, m.endsAtMs, uint64(m.id), uint32(k)) {
				return fmt.Errorf("market %s has no timer at %d", m.symbol, m.endsAtMs)
			}
		}
		if m.pending {
			pending++
		} else if m.phase == phaseContinuous && m.due() != 0 {
			return fmt.Errorf("market %s: order %d is due and nobody knows", m.symbol, e.orders[m.due()].id)
		} else if e.chased(m) || m.last != 0 && (m.behind(false, m.last) != nil || m.behind(true, -m.last) != nil) {
			return fmt.Errorf("market %s: a trailing stop is behind and nobody knows", m.symbol)
		}
		hung, following := len(m.rising.nodes)+len(m.falling.nodes), len(m.followSell.nodes)+len(m.followBuy.nodes)
		if m.waiting != waiting[k] || hung != waiting[k]-unset[k] || following != trails[k] ||
			!m.rising.audit() || !m.falling.audit() || !m.followSell.audit() || !m.followBuy.audit() {
			return fmt.Errorf("market %s: %d of %d waiting orders counted, %d hung, %d of %d trailing, or a heap out of order",
				m.symbol, m.waiting, waiting[k], hung, following, trails[k])
		}
	}
	if timers != len(e.timers.nodes) || !e.timers.audit() || pending != e.pendingMarkets {
		return fmt.Errorf("%d timers of %d, %d markets with work of %d", len(e.timers.nodes), timers, e.pendingMarkets, pending)
	}
	return nil
}

// auditPair checks that the legs of a pair name each other and that one of them
// reserves what the larger needs. While a pair is being accepted it need not.
func (e *Engine) auditPair(i uint32) error {
	o := &e.orders[i]
	j := e.terms[o.terms].other
	if (o.flags&flagPair != 0) != (j != 0) {
		return fmt.Errorf("order %d is a leg without another, or the other way round", o.id)
	}
	if j == 0 {
		return nil
	}
	p := &e.orders[j]
	m := e.market(o)
	need := max(e.needOf(m, i), e.needOf(m, j))
	if e.terms[p.terms].other != i || p.acct != o.acct || p.market != o.market || p.side() != o.side() || !p.isLive() ||
		o.reserved != 0 && p.reserved != 0 || o.reserved+p.reserved != need {
		return fmt.Errorf("orders %d and %d are a pair that reserves %d and %d, of %d needed", o.id, p.id, o.reserved, p.reserved, need)
	}
	return nil
}
