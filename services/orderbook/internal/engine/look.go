package engine

// seen is what an order that takes would fill now, without any effect.
type seen struct {
	acct   uint32
	sells  bool
	self   uint8
	market bool  // stops at the collar
	limit  int64 // worst price; MaxAmount or 0 when there is none
	want   int64 // lots
	whole  int64 // of an order by budget: the budget; else 0
	budget int64 // and the notional that it pays for

	lots int64
	cost int64 // their notional
	fits bool  // cost is within MaxAmount
	paid bool  // the budget ended it
}

// look walks the side that the order takes from as matching would.
func (e *Engine) look(m *market, s *seen) {
	l := &m.books[1]
	if s.sells {
		l = &m.books[0]
	}
	low, high := m.collar(s.market)
	pauseRef := m.pauseReference()
	s.fits = true
	for v := l.best; v != 0 && (s.want > 0 || s.whole != 0); v = l.next(v) {
		price := l.levels[v].price
		if !l.crosses(price, s.limit) || price < low || price > high {
			return
		}
		if s.whole != 0 {
			s.want = (s.budget - s.cost) / (price * m.unit)
		}
		before := s.lots
		end := e.lookLevel(m, s, &l.levels[v], m.pauses(price, pauseRef))
		n, fits := notional(price, s.lots-before, m.unit)
		if !fits || n > MaxAmount-s.cost {
			s.fits = false
			return
		}
		s.cost += n
		if s.whole != 0 && s.cost+(feeBase{}).plus(m.takerPPM, s.cost).ceil() == s.whole {
			s.paid = true
			return
		}
		if end {
			return
		}
		if s.lots > before && m.pauseRef == 0 {
			pauseRef = price
		}
	}
}

// lookLevel looks at the queue of one price and reports whether matching would
// end in it.
func (e *Engine) lookLevel(m *market, s *seen, lv *level, pauses bool) bool {
	hidden, own := int64(0), int64(0)
	for i := lv.head; i != 0; i = e.orders[i].next {
		o := &e.orders[i]
		if s.want == 0 && s.whole == 0 {
			return true
		}
		if o.flags&flagPair != 0 && e.goesBefore(m, i) {
			continue
		}
		shown := e.visible(o)
		if o.acct == s.acct && s.self != selfNone {
			switch {
			case s.self == selfCancelMaker:
				continue
			case s.self != selfDecrement || s.whole != 0:
				return true
			}
			s.want -= min(s.want, shown)
			own += o.remaining - shown
			continue
		}
		if s.want == 0 {
			s.paid = s.cost > 0 || s.lots > 0
			return true
		}
		if pauses {
			return true
		}
		lots := min(s.want, shown)
		s.lots += lots
		s.want -= lots
		if s.whole != 0 && lots < shown { // the budget buys no further lot at this price
			s.paid = s.lots > 0
			return true
		}
		hidden += o.remaining - shown
	}
	switch {
	case hidden+own == 0:
		return false
	case hidden+own <= s.want:
		s.lots += hidden
		s.want -= hidden + own
		return false
	case own == 0:
		s.lots += s.want
		s.paid = s.whole != 0 && s.lots > 0
		s.want = 0
		return true
	}
	return e.lookHidden(m, s, lv)
}

// lookHidden goes on with a queue whose hidden lots are more than what is
// wanted and some of which are lost to the order's own: round by round, as the
// shown parts come.
func (e *Engine) lookHidden(m *market, s *seen, lv *level) bool {
	for round := int64(0); s.want > 0; round++ {
		for i := lv.head; i != 0 && s.want > 0; i = e.orders[i].next {
			o := &e.orders[i]
			if o.flags&flagIceberg == 0 || o.flags&flagPair != 0 && e.goesBefore(m, i) {
				continue
			}
			t := &e.terms[o.terms]
			left := o.remaining - e.visible(o)
			if left/t.display < round {
				continue
			}
			lots := min(s.want, t.display, left-round*t.display)
			s.want -= lots
			if o.acct != s.acct {
				s.lots += lots
			}
		}
	}
	return true
}

// goesBefore reports a leg whose other leg stands before it in the same side:
// by the time that matching comes here it is canceled.
func (e *Engine) goesBefore(m *market, i uint32) bool {
	o := &e.orders[i]
	j := e.terms[o.terms].other
	other := &e.orders[j]
	if other.level == 0 {
		return false
	}
	if other.price != o.price {
		return m.book(o).before(other.price, o.price)
	}
	return e.orders[j].arrival < e.orders[i].arrival
}
