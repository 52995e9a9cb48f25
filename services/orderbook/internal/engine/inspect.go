package engine

// LastInSeq is the ORDERS sequence of the last pack applied; 0 before any.
func (e *Engine) LastInSeq() uint64 { return e.lastInSeq }

// Events counts the events so far; the next one has the sequence Events()+1.
func (e *Engine) Events() uint64 { return e.events }

// NowMs is the stream's time in Unix milliseconds; 0 before the first pack.
func (e *Engine) NowMs() int64 { return e.clock.nowMs }

// Halted reports that only AcceptTime is carried out.
func (e *Engine) Halted() bool { return e.clock.halted }

// Semantics is the version of the behaviour that is in force.
func (e *Engine) Semantics() uint32 { return e.semantics }

// WantsTick reports that the last pack's time was not believed and that a
// fresh tick would settle whose clock is wrong.
func (e *Engine) WantsTick() bool { return e.clock.doubted && !e.clock.halted }

// Size counts what the venue holds.
type Size struct{ Accounts, LiveOrders, DeadOrders, Funds int }

// Size counts what the venue holds; Funds are deposits and withdrawals.
func (e *Engine) Size() Size {
	return Size{len(e.accounts) - 1, e.live, e.dead, e.funds.len()}
}

// Asset is an asset as it was added.
type Asset struct {
	Name   string
	Scale  uint32
	Supply int64 // deposits - withdrawals
	Fees   int64 // taken by the venue
}

// Asset returns an asset by its number.
func (e *Engine) Asset(number uint32) (Asset, bool) {
	if number == 0 || int(number) > len(e.assets) {
		return Asset{}, false
	}
	a := &e.assets[number-1]
	return Asset{a.name, a.scale, a.supply, a.fees}, true
}

// Market is a market as it stands.
type Market struct {
	Symbol             string
	Base, Quote        uint32 // asset numbers
	Tick, Lot, Unit    int64
	MakerPPM, TakerPPM int64
	Phase              uint8 // orders.v1.Phase
	Last               int64 // ticks; 0: no trade yet
	EndsAtMs           int64 // of an auction
	Limits             Limits
	OneSide            bool
	DayEndsMs          int64 // after midnight UTC
}

// Market returns a market by its number.
func (e *Engine) Market(number uint32) (Market, bool) {
	if number == 0 || int(number) > len(e.markets) {
		return Market{}, false
	}
	m := &e.markets[number-1]
	return Market{m.symbol, m.base, m.quote, m.tick, m.lot, m.unit, m.makerPPM, m.takerPPM, m.phase, m.last, m.endsAtMs, m.limits, m.oneSide, m.dayEndsMs}, true
}

// MarketNumber finds a market by its symbol.
func (e *Engine) MarketNumber(symbol string) (uint32, bool) {
	n, found := e.marketIndex[symbol]
	return n, found
}

// Markets is the number of markets; they are numbered from 1.
func (e *Engine) Markets() int { return len(e.markets) }

// Balance returns what an account holds of an asset.
func (e *Engine) Balance(account uint64, asset uint32) (available, reserved int64) {
	s := e.accountSlot(account)
	if s == 0 {
		return 0, 0
	}
	b := &e.balances[e.holding(s, asset)]
	return b.available, b.reserved
}

// Level is a price with what the book shows there.
type Level struct {
	Price, Lots int64
	Orders      uint32
}

// Depth returns the best levels of both sides, at most limit of each.
func (e *Engine) Depth(number uint32, limit int) (bids, asks []Level) {
	if number == 0 || int(number) > len(e.markets) {
		return nil, nil
	}
	m := &e.markets[number-1]
	return m.books[0].depth(limit), m.books[1].depth(limit)
}

func (l *ladder) depth(limit int) []Level {
	var out []Level
	for v := l.best; v != 0 && len(out) < limit; v = l.next(v) {
		lv := &l.levels[v]
		out = append(out, Level{lv.price, lv.lots, lv.orders})
	}
	return out
}
