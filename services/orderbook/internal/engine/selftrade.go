package engine

// selfTrade resolves the meeting of an order with one of its own account, by
// its rule. It returns why the taker ends, 0 when it goes on.
func (e *Engine) selfTrade(m *market, i, mi uint32) cause {
	rule := e.orders[i].self
	if rule == selfDecrement && e.orders[i].flags&flagBudget != 0 {
		rule = selfCancelTaker
	}
	switch rule {
	case selfCancelMaker:
		e.cancelLive(mi, causeSelfTrade)
		return 0
	case selfCancelBoth:
		e.cancelLive(mi, causeSelfTrade)
		return causeSelfTrade
	case selfDecrement:
		return e.decrement(m, i, mi)
	}
	return causeSelfTrade
}

// decrement takes the smaller of the taker's open and the maker's shown lots
// from both.
func (e *Engine) decrement(m *market, i, mi uint32) cause {
	o, maker := &e.orders[i], &e.orders[mi]
	lots := min(o.remaining, e.visible(maker))
	if lots == maker.remaining {
		e.cancelLive(mi, causeSelfTrade)
	} else {
		e.lower(m, mi, lots)
		l := m.book(maker)
		v := maker.level
		l.levels[v].lots -= lots
		if maker.flags&flagIceberg != 0 {
			t := &e.terms[maker.terms]
			e.emitOrderDecremented(maker.id, lots, maker.remaining, t.visible-lots)
			e.shown(l, v, mi, lots)
		} else {
			e.emitOrderDecremented(maker.id, lots, maker.remaining, maker.remaining)
		}
	}
	if lots == o.remaining {
		return causeSelfTrade
	}
	e.lower(m, i, lots)
	e.emitOrderDecremented(o.id, lots, o.remaining, 0)
	return 0
}

// lower takes lots from an order that lives on, with their reservation.
func (e *Engine) lower(m *market, i uint32, lots int64) {
	e.orders[i].remaining -= lots
	e.orders[i].quantity -= lots
	e.mark(i)
	e.trim(i)
}
