package engine

// A waiting order is in the heap of its market that is for the direction of
// prices which triggers it: rising ones by trigger, falling ones by -trigger,
// then by id. A trailing stop is also in the heap of its side by the price beyond
// which its trigger moves: sales by trigger+trail, purchases by -(trigger-trail). The heaps
// follow from the waiting orders, so they are in neither digest nor snapshot.

// risingTriggers reports an order that a rising price triggers.
func risingTriggers(typ uint8, buys bool) bool {
	takesProfit := typ == typeTakeProfit || typ == typeTakeProfitLimit
	return buys != takesProfit
}

// waitFor takes an accepted order among the waiting ones.
func (e *Engine) waitFor(i uint32) {
	o := &e.orders[i]
	o.status = statusWaiting
	e.expireLater(i)
	m := e.market(o)
	m.waiting++
	e.hang(m, i)
}

// hang enters a waiting order into the heaps by its present trigger.
func (e *Engine) hang(m *market, i uint32) {
	o := &e.orders[i]
	t := &e.terms[o.terms]
	typ := e.orders[i].typ
	if t.trigger != 0 {
		if risingTriggers(typ, o.buys()) {
			t.trig = m.rising.push(t.trigger, 0, o.id, i)
		} else {
			t.trig = m.falling.push(-t.trigger, 0, o.id, i)
		}
	}
	if typ == typeTrailingStop {
		e.trailFrom(m, o, t, i)
	}
}

// unhang takes a waiting order out of the heaps.
func (e *Engine) unhang(m *market, i uint32) {
	o := &e.orders[i]
	t := &e.terms[o.terms]
	if t.trig != 0 {
		if risingTriggers(e.orders[i].typ, o.buys()) {
			m.rising.remove(t.trig)
		} else {
			m.falling.remove(t.trig)
		}
		t.trig = 0
	}
	if t.trail != 0 {
		m.untrail(o, t)
	}
}

// unwait takes an order that ends, or acts, out of the waiting ones.
func (e *Engine) unwait(i uint32) {
	m := e.market(&e.orders[i])
	e.unhang(m, i)
	m.waiting--
}

// due returns the waiting order that is the next to act; 0 when none is due.
func (m *market) due() uint32 {
	if m.last == 0 {
		return 0
	}
	if n := m.rising.first(); n != nil && n.key <= m.last {
		return n.slot
	}
	if n := m.falling.first(); n != nil && -n.key >= m.last {
		return n.slot
	}
	return 0
}

// reached reports a trigger that the last price has reached.
func (m *market) reached(typ uint8, buys bool, trigger int64) bool {
	if m.last == 0 || trigger == 0 {
		return false
	}
	if risingTriggers(typ, buys) {
		return m.last >= trigger
	}
	return m.last <= trigger
}

// afterMatch ends a command that may have traded in a market, or let its
// waiting orders go: the trailing stops follow, and what is due acts, until
// nothing is due or the command's work is used up.
func (e *Engine) afterMatch(m *market) {
	if m.waiting != 0 || m.pending {
		e.runTriggers(m)
	}
}

func (e *Engine) runTriggers(m *market) {
	left := false
	for {
		if !e.moveTrails(m) {
			left = true
			break
		}
		i := m.due()
		if i == 0 || m.phase != phaseContinuous {
			break
		}
		if e.late.left == 0 {
			left = true
			break
		}
		e.late.left--
		e.act(m, i)
	}
	if left != m.pending {
		m.pending = left
		if left {
			e.pendingMarkets++
		} else {
			e.pendingMarkets--
		}
	}
}

// act lets a waiting order become the market or limit order that it is.
func (e *Engine) act(m *market, i uint32) {
	o := &e.orders[i]
	e.mark(i)
	e.unwait(i)
	o.status = statusOpen
	e.terms[o.terms].triggered = true
	e.emitOrderTriggered(o.id, m.last)
	if o.flags&flagPair != 0 {
		e.otherLeg(i)
	}
	if e.mayNotAct(m, i) {
		e.end(i, causeNotPlaced)
		return
	}
	e.run(m, i)
}

// mayNotAct reports a triggered limit order that the market does not take now.
func (e *Engine) mayNotAct(m *market, i uint32) bool {
	o := &e.orders[i]
	if o.price == 0 {
		return false
	}
	if m.limits.CollarPPM != 0 && m.outsideCollar(o.price) {
		return true
	}
	return o.flags&flagPost != 0 && m.wouldTake(o.side(), o.price)
}
