package engine

import (
	"encoding/binary"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Subject tokens of senders.
const (
	fromAPI   = ordersv1.FromAPI
	fromFunds = ordersv1.FromFunds
	fromAdmin = ordersv1.FromAdmin
	fromTick  = ordersv1.FromTick
)

// maxDayMs is the last end of a day: milliseconds after midnight UTC.
const maxDayMs = 24*3_600_000 - 1

// addAsset makes an asset. The same again is no change; another scale under
// the same name is a conflict.
func (e *Engine) addAsset(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	a := c.Admin
	if !printableBytes(a.Name, MaxName) || a.Scale > MaxScale {
		return e.refuse(0, 0, rejBadCommand)
	}
	if n, found := e.assetIndex[string(a.Name)]; found {
		if e.assets[n-1].scale != a.Scale {
			return e.refuse(0, 0, rejConflict)
		}
		e.answer.repeated = true
		return ok
	}
	if len(e.assets) >= MaxAssets {
		return e.refuse(0, 0, rejOverflow)
	}
	name := string(a.Name)
	e.assets = append(e.assets, asset{name: name, scale: a.Scale})
	e.assetIndex[name] = uint32(len(e.assets))
	e.emitAssetAdded(uint32(len(e.assets)))
	return ok
}

// addMarket makes a market. The same again is no change; anything else under
// the same symbol is a conflict.
func (e *Engine) addMarket(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	m, r := e.newMarket(c.Admin)
	if r != ok {
		return e.refuse(0, 0, r)
	}
	if n, found := e.marketIndex[m.symbol]; found {
		if !e.markets[n-1].sameTerms(&m) {
			return e.refuse(0, 0, rejConflict)
		}
		e.answer.repeated = true
		return ok
	}
	if len(e.markets) >= MaxMarkets {
		return e.refuse(0, 0, rejOverflow)
	}
	e.enterMarket(m)
	n := &e.markets[len(e.markets)-1]
	if n.phase == phaseAuction {
		n.beganMs = e.clock.nowMs
	}
	e.emitMarketAdded(n)
	return ok
}

func (e *Engine) enterMarket(m market) {
	m.id = uint32(len(e.markets) + 1)
	e.markets = append(e.markets, m)
	e.marketIndex[m.symbol] = m.id
	e.markMarket(&e.markets[m.id-1])
}

// sameTerms compares what AddMarket says; what changed since does not count.
func (m *market) sameTerms(o *market) bool {
	return m.base == o.base && m.quote == o.quote && m.tick == o.tick && m.lot == o.lot &&
		m.makerPPM == o.makerPPM && m.takerPPM == o.takerPPM && m.firstLimits == o.firstLimits &&
		m.dayEndsMs == o.dayEndsMs && m.oneSide == o.oneSide && m.firstPhase == o.firstPhase
}

// newMarket checks a market's terms: tick x lot must be whole in the quote's
// smallest unit, so that every fill is.
func (e *Engine) newMarket(a *Admin) (market, reason) {
	if !printableBytes(a.Name, MaxSymbol) {
		return market{}, rejBadCommand
	}
	base, quote := e.assetIndex[string(a.Base)], e.assetIndex[string(a.Quote)]
	switch {
	case base == 0 || quote == 0:
		return market{}, rejUnknownAsset
	case base == quote:
		return market{}, rejBadCommand
	case a.Tick <= 0:
		return market{}, rejBadTick
	case a.Lot <= 0:
		return market{}, rejBadLot
	case a.MakerPPM < 0 || a.MakerPPM > ppmScale || a.TakerPPM < 0 || a.TakerPPM > ppmScale:
		return market{}, rejBadCommand
	case a.DayEndsMs < 0 || a.DayEndsMs > maxDayMs || a.Phase > phaseAuction || !a.Limits.valid():
		return market{}, rejBadCommand
	}
	m := market{
		symbol: string(a.Name), base: base, quote: quote, tick: a.Tick, lot: a.Lot, makerPPM: a.MakerPPM, takerPPM: a.TakerPPM,
		dayEndsMs: a.DayEndsMs, oneSide: a.OneSide, phase: a.Phase, firstPhase: a.Phase, limits: a.Limits, firstLimits: a.Limits,
	}
	if m.phase == 0 {
		m.phase = phaseContinuous
	}
	return m, e.measure(&m)
}

// measure fills in what follows from a market's terms.
func (e *Engine) measure(m *market) reason {
	step, fits := mulAmount(m.tick, m.lot)
	if !fits {
		return rejOverflow
	}
	whole := int64(1)
	for range e.assets[m.base-1].scale {
		whole *= 10
	}
	if step%whole != 0 {
		return rejBadTick
	}
	m.unit = step / whole
	m.maxPPM = max(m.makerPPM, m.takerPPM)
	m.books[0].down = true
	return ok
}

func (l *Limits) valid() bool {
	return l.MinLots >= 0 && l.MaxLots >= 0 && l.MinNotional >= 0 && l.MaxNotional >= 0 &&
		l.CollarPPM >= 0 && l.PausePPM >= 0 && l.PauseMs >= 0 && l.Reference >= 0
}

// setLimits changes a market's limits for what comes after.
func (e *Engine) setLimits(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	switch {
	case !e.listed(c.Market):
		return e.refuse(0, 0, rejUnknownMarket)
	case !c.Admin.Limits.valid():
		return e.refuse(0, 0, rejBadCommand)
	}
	m := &e.markets[c.Market-1]
	m.limits = c.Admin.Limits
	e.markMarket(m)
	e.emitLimitsChanged(m)
	return ok
}

// activate raises the version of the behaviour by one. The stream alone decides:
// a program that does not know the version must not go on.
func (e *Engine) activate(c *Command) reason {
	if r := e.barred(fromAdmin); r != ok {
		return e.refuse(0, 0, r)
	}
	if c.Admin.Semantics != e.semantics+1 {
		return e.refuse(0, 0, rejBadVersion)
	}
	e.semantics++
	if e.semantics > NewestSemantics {
		e.unknown = e.semantics
	}
	e.emitActivated()
	return ok
}

func (e *Engine) acceptTime() reason {
	if e.in.From != fromAdmin {
		return e.refuse(0, 0, rejNotAllowed)
	}
	if e.clock.halted {
		e.clock.accept(e.in.ServerMs)
		e.emitResumed()
		e.expireClientIDs()
		e.fireDue()
	}
	return ok
}

func (e *Engine) tick() reason {
	if r := e.barred(fromTick); r != ok {
		return e.refuse(0, 0, r)
	}
	return ok
}

// appendScalars appends the counters and the time, for digest and snapshot.
func (e *Engine) appendScalars(b []byte) []byte {
	b = appendUints(b, uint64(e.semantics), e.lastInSeq, e.events, e.orderID, e.tradeID, e.arrivals,
		uint64(e.clock.nowMs), uint64(e.clock.leaptToMs))
	b = appendBool(appendBool(b, e.clock.halted), e.clock.doubted)
	return appendString(b, e.clock.doubtfulBy)
}

// appendAssets appends the assets in the order they were made in.
func (e *Engine) appendAssets(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.assets)))
	for i := range e.assets {
		a := &e.assets[i]
		b = appendUints(appendString(b, a.name), uint64(a.scale), uint64(a.supply), uint64(a.fees))
	}
	return b
}
