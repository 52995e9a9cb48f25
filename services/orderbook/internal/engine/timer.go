package engine

import "math"

// Kinds of timers, in the order in which those of one deadline fire.
const (
	timerExpiry  = iota // id and slot: the order's
	timerDeadMan        // id and slot: the account's
	timerPhase          // id: the market's number
)

const (
	dayMs = 24 * 3_600_000
	// maxTimeoutMs bounds a dead-man timer: a year and a day.
	maxTimeoutMs = 366 * dayMs
)

// Engine.timers holds what waits for stream time, in (deadline, kind, id) order.
// It follows from terms.expiresMs, account.deadMan and market.endsAtMs of what
// lives, so it is in neither digest nor snapshot.

// expireLater enters a GTD or DAY order among the timers, unless it is there.
func (e *Engine) expireLater(i uint32) {
	o := &e.orders[i]
	t := &e.terms[o.terms]
	if o.terms != 0 && t.expiresMs != 0 && t.timer == 0 {
		t.timer = e.timers.push(t.expiresMs, timerExpiry, o.id, i)
	}
}

// unschedule takes the timer of an order that ends out.
func (e *Engine) unschedule(i uint32) {
	t := &e.terms[e.orders[i].terms]
	if t.timer != 0 {
		e.timers.remove(t.timer)
		t.timer = 0
	}
}

// dayEnd is the first end of a market's day after a time, both Unix
// milliseconds: the deadline of a DAY order accepted then.
func dayEnd(nowMs, dayEndsMs int64) int64 {
	end := nowMs - nowMs%dayMs + dayEndsMs
	if end <= nowMs {
		end += dayMs
	}
	return end
}

// fireDue does what is due at the stream's time, before anything else happens
// at that time. Expiries are not bounded: an order that is past its deadline
// may not trade with the pack's commands. Dead-man cancels take units of work.
func (e *Engine) fireDue() {
	e.beginWork()
	for {
		n := e.timers.first()
		if n == nil || n.key > e.clock.nowMs {
			return
		}
		switch n.kind {
		case timerExpiry:
			e.cancelLive(n.slot, causeExpired)
		case timerDeadMan:
			e.deadMan(n.slot)
		case timerPhase:
			e.phaseEnds(&e.markets[n.slot])
		}
	}
}

// NextDeadline is the stream time at which the engine wants to be told the
// time, false when nothing waits for any.
func (e *Engine) NextDeadline() (ms int64, waits bool) {
	n := e.timers.first()
	if n == nil || e.clock.halted {
		return 0, false
	}
	return n.key, true
}

// keepAlive arms, renews or disarms an account's dead-man timer.
func (e *Engine) keepAlive(c *Command) reason {
	if r := e.ownerBarred(c.Account); r != ok {
		return e.refuse(c.Account, 0, r)
	}
	slot := e.accountSlot(c.Account)
	timeout := c.Admin.TimeoutMs
	switch {
	case slot == 0 || !e.accounts[slot].known:
		return e.refuse(c.Account, 0, rejUnknownAccount)
	case timeout < 0 || timeout > maxTimeoutMs:
		return e.refuse(c.Account, 0, rejBadExpiry)
	}
	deadline := int64(0)
	if timeout != 0 {
		deadline = e.clock.nowMs + timeout
	}
	e.armDeadMan(slot, deadline)
	e.emitKeptAlive(c.Account, deadline)
	return ok
}

// armDeadMan sets an account's deadline in Unix milliseconds; 0 disarms.
func (e *Engine) armDeadMan(slot uint32, deadline int64) {
	a := &e.accounts[slot]
	if a.timer != 0 {
		e.timers.remove(a.timer)
		e.deadMen.sub(hashDeadMan(a.id, a.deadMan))
		a.timer = 0
	}
	a.deadMan = deadline
	if deadline != 0 {
		a.timer = e.timers.push(deadline, timerDeadMan, a.id, slot)
		e.deadMen.add(hashDeadMan(a.id, deadline))
	}
}

// deadMan fires: the account's orders are canceled as far as work goes.
func (e *Engine) deadMan(slot uint32) {
	e.armDeadMan(slot, 0)
	id := e.accounts[slot].id
	e.emitKeptAlive(id, 0)
	e.sweep(job{account: id, why: causeDeadMan, last: e.orderID})
}

func hashDeadMan(account uint64, deadline int64) sum {
	return newHash(kindDeadMan).u64(account).i64(deadline).sum()
}

// setEnd sets the deadline of a market's auction; 0: none.
func (e *Engine) setEnd(m *market, ms int64, then uint8) {
	if m.timer != 0 {
		e.timers.remove(m.timer)
		m.timer = 0
	}
	m.endsAtMs, m.then = ms, then
	if ms != 0 {
		m.timer = e.timers.push(ms, timerPhase, uint64(m.id), m.id-1)
	}
}

// addCapped is a+b of two that are not negative, at most the largest there is.
func addCapped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
