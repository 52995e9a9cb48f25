package engine

// setPhase is an administrator's change of what a market takes. Leaving an
// auction uncrosses it.
func (e *Engine) setPhase(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	a := c.Admin
	switch {
	case !e.listed(c.Market):
		return e.refuse(0, 0, rejUnknownMarket)
	case a.Phase < phaseContinuous || a.Phase > phaseAuction, a.ThenPhase > phasePostOnly,
		a.Phase != phaseAuction && (a.EndsAtMs != 0 || a.ThenPhase != 0):
		return e.refuse(0, 0, rejBadCommand)
	case a.EndsAtMs != 0 && a.EndsAtMs <= e.clock.nowMs:
		return e.refuse(0, 0, rejBadExpiry)
	}
	m := &e.markets[c.Market-1]
	then := a.ThenPhase
	if a.Phase == phaseAuction && then == 0 {
		then = phaseContinuous
	}
	if m.phase == phaseAuction && a.Phase != phaseAuction {
		e.uncross(m)
	}
	e.changePhase(m, a.Phase, a.EndsAtMs, then, false)
	e.afterMatch(m)
	return ok
}

// changePhase makes a phase the market's. The deadline and the phase after it
// are an auction's.
func (e *Engine) changePhase(m *market, phase uint8, endsMs int64, then uint8, volatility bool) {
	if phase == phaseAuction && m.phase != phaseAuction {
		m.beganMs = e.clock.nowMs
	}
	if phase == phaseContinuous && m.phase != phaseContinuous && m.phase != phaseAuction {
		m.pauseRef = 0 // the first trade will set it; after an auction its price did
	}
	e.markMarket(m)
	m.phase = phase
	e.setEnd(m, endsMs, then)
	e.emitPhaseChanged(m, volatility)
}

// phaseEnds is an auction's deadline.
func (e *Engine) phaseEnds(m *market) {
	e.uncross(m)
	e.changePhase(m, m.then, 0, 0, false)
	e.afterMatch(m)
}

// delist takes a market out of trade for ever: its orders are canceled, at once
// or as work allows.
func (e *Engine) delist(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	if c.Market == 0 || int(c.Market) > len(e.markets) {
		return e.refuse(0, 0, rejUnknownMarket)
	}
	m := &e.markets[c.Market-1]
	if m.phase == phaseDelisted {
		e.answer.repeated = true
		return ok
	}
	e.changePhase(m, phaseDelisted, 0, 0, false)
	e.sweep(job{market: m.id, why: causeDelisted, last: e.orderID})
	e.afterMatch(m)
	return ok
}
