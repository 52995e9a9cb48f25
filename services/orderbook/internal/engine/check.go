package engine

// Checks of a new order, in the order of docs/MATCHING.md.

// noTerms is read where an order has no rare terms.
var noTerms Terms

func (c *Command) terms() *Terms {
	if c.Ext != nil {
		return c.Ext
	}
	return &noTerms
}

// barredOwner reports why no command of an owner may be carried out now, stale
// or not.
func (e *Engine) barredOwner(account uint64) reason {
	if !e.byOwners {
		return rejNotAllowed
	}
	if e.clock.halted {
		return rejHalted
	}
	if account == 0 {
		return rejUnknownAccount
	}
	return ok
}

// named reports a command with exactly one name for its new order, and a
// printable one.
func (c *Command) named() bool {
	if len(c.ClientID) != 0 {
		return c.Ref == 0 && printableBytes(c.ClientID, MaxClientID)
	}
	return c.Ref != 0
}

// screen makes the checks whose failure is not remembered under the client
// order id, but for names that are taken.
func (e *Engine) screen(c *Command) reason {
	if e.stale() {
		return rejStale
	}
	if !c.meaningful() {
		return rejBadCommand
	}
	if c.Market == 0 || int(c.Market) > len(e.markets) {
		return rejUnknownMarket
	}
	return ok
}

// meaningful reports an order whose enumerations mean something together.
func (c *Command) meaningful() bool {
	if c.Side != buy && c.Side != sell || c.SelfTrade > selfDecrement || c.Malformed > uint8(lastReject) {
		return false
	}
	if c.Type == typeLimit && c.TIF == tifGTC && c.Ext == nil {
		return true
	}
	t := c.terms()
	switch c.Type {
	case typeLimit, typeStopLimit, typeTakeProfitLimit:
		if c.TIF < tifGTC || c.TIF > tifDay {
			return false
		}
	case typeMarket, typeStop, typeTakeProfit, typeTrailingStop:
		if c.TIF != tifNone && c.TIF != tifIOC && c.TIF != tifFOK {
			return false
		}
	default:
		return false
	}
	if c.PostOnly && (!limitType(c.Type) || c.TIF == tifIOC || c.TIF == tifFOK) {
		return false
	}
	if t.ExpiresMs != 0 && c.TIF != tifGTD {
		return false
	}
	return t.MinLots == 0 || c.Type == typeLimit || c.Type == typeMarket
}

// check makes the checks from malformed to post-only; a balance is looked at
// last, by whoever knows what counts as available.
func (e *Engine) check(m *market, acct uint32, c *Command) reason {
	if c.Malformed != 0 {
		return reason(c.Malformed)
	}
	if m.phase != phaseContinuous {
		if r := m.takes(c); r != ok {
			return r
		}
	}
	if c.Type == typeLimit {
		if c.Price <= 0 {
			return rejBadPrice
		}
		if c.Quantity <= 0 && c.Ext == nil {
			return rejBadQuantity
		}
	}
	if c.Ext != nil || c.Type != typeLimit || c.TIF == tifGTD {
		if r := e.checkTerms(c, c.terms()); r != ok {
			return r
		}
	}
	if r := m.checkSize(c, c.terms()); r != ok {
		return r
	}
	if limitType(c.Type) && m.limits.CollarPPM != 0 && m.outsideCollar(c.Price) {
		return rejOutsideCollar
	}
	if m.oneSide && e.hasOtherSide(acct, m, c.Side) {
		return rejOneSide
	}
	if c.Type == typeLimit && (c.PostOnly || m.phase == phasePostOnly) && m.wouldTake(c.Side, c.Price) {
		return rejWouldTake
	}
	return ok
}

// wouldTake reports a limit price at which an order would trade at once.
func (m *market) wouldTake(side uint8, price int64) bool {
	return m.phase != phaseAuction && m.books[side&1].takes(price)
}

// takes reports whether a market that is not continuous takes such an order.
func (m *market) takes(c *Command) reason {
	switch m.phase {
	case phaseDelisted:
		return rejUnknownMarket
	case phaseHalted, phaseCancelOnly:
		return rejPhase
	}
	if waits(c.Type) {
		return ok
	}
	if c.Type != typeLimit || c.TIF == tifIOC || c.TIF == tifFOK {
		return rejPhase
	}
	if m.phase == phaseAuction && (c.PostOnly || c.terms().MinLots != 0) {
		return rejPhase
	}
	return ok
}

// checkTerms makes the checks of price, quantity, trigger, display, minimum
// and expiry.
func (e *Engine) checkTerms(c *Command, t *Terms) reason {
	limit := limitType(c.Type)
	stops := waits(c.Type)
	switch {
	case limit && (c.Price <= 0 || t.Protection != 0), !limit && c.Price != 0, t.Protection < 0:
		return rejBadPrice
	case t.Budget != 0 && (t.Budget < 0 || limit || c.Side != buy || c.Quantity != 0), t.Budget == 0 && c.Quantity <= 0:
		return rejBadQuantity
	}
	if c.Type == typeTrailingStop {
		if t.Trail <= 0 || t.Trigger < 0 {
			return rejBadTrigger
		}
	} else if t.Trail != 0 || t.Trigger < 0 || stops != (t.Trigger != 0) {
		return rejBadTrigger
	}
	switch {
	case stops && !limit && c.Side == buy && t.Budget == 0 && t.Protection == 0:
		return rejUnprotected
	case t.Display != 0 && (t.Display < 0 || t.Display > c.Quantity || !limit || c.TIF == tifIOC || c.TIF == tifFOK):
		return rejBadDisplay
	case t.MinLots < 0 || t.MinLots > c.Quantity:
		return rejBadQuantity
	case c.TIF == tifGTD && t.ExpiresMs <= e.clock.nowMs:
		return rejBadExpiry
	}
	return ok
}

// checkSize makes the checks of limits and of overflow.
func (m *market) checkSize(c *Command, t *Terms) reason {
	l := &m.limits
	if c.Quantity > 0 {
		if c.Quantity < l.MinLots {
			return rejBelowMinimum
		}
		if l.MaxLots != 0 && c.Quantity > l.MaxLots {
			return rejAboveMaximum
		}
	}
	price := c.Price
	if price == 0 {
		price = t.Protection
	}
	cost, fits := notional(price, c.Quantity, m.unit)
	if t.Budget != 0 {
		cost, fits = t.Budget, true
	}
	if cost != 0 || !fits {
		if fits && cost < l.MinNotional {
			return rejBelowMinimum
		}
		if l.MaxNotional != 0 && (!fits || cost > l.MaxNotional) {
			return rejAboveMaximum
		}
	}
	if !fits && (c.Price != 0 || c.Side == buy) {
		return rejOverflow
	}
	if _, fits = mulAmount(c.Quantity, m.lot); !fits {
		return rejOverflow
	}
	return ok
}

// collar returns the prices at which an order may trade now: all of them but for
// market orders of a market with a collar and a reference.
func (m *market) collar(bound bool) (low, high int64) {
	if ref := m.reference(); bound && m.limits.CollarPPM != 0 && ref != 0 {
		return around(ref, m.limits.CollarPPM)
	}
	return 0, MaxAmount
}

// outsideCollar reports a price that is further from the reference than the
// market allows.
func (m *market) outsideCollar(price int64) bool {
	low, high := m.collar(true)
	return price < low || price > high
}

// hasOtherSide reports a live order of the account on the other side of a
// market with the rule that this must not be.
func (e *Engine) hasOtherSide(acct uint32, m *market, side uint8) bool {
	for i := e.accounts[acct].head; i != 0; i = e.orders[i].anext {
		if o := &e.orders[i]; uint32(o.market) == m.id && o.side() != side && !e.absent(i) {
			return true
		}
	}
	return false
}

// absent reports an order that is lifted out while one that would replace it
// is looked at.
func (e *Engine) absent(i uint32) bool { return i == e.lifted[0].slot || i == e.lifted[1].slot }

// need is what a new order must set aside; false when that is above what any
// account can have.
func (e *Engine) need(m *market, acct uint32, c *Command) (int64, bool) {
	if c.Type == typeLimit && c.Ext == nil { // both sides are worked out: which it is, no branch foretells
		cost, fits := withFee(c.Price*c.Quantity*m.unit, m.maxPPM, true)
		sells := c.Side - buy
		cost ^= (cost ^ c.Quantity*m.lot) & -int64(sells)
		return cost, fits || sells != 0
	}
	if c.Side == sell {
		return c.Quantity * m.lot, true
	}
	t := c.terms()
	price := c.Price
	switch {
	case t.Budget != 0:
		return t.Budget, true
	case price == 0 && t.Protection != 0:
		price = t.Protection
	case price == 0:
		s := seen{acct: acct, self: c.SelfTrade, limit: MaxAmount, want: c.Quantity, market: true}
		e.look(m, &s)
		return withFee(s.cost, m.takerPPM, s.fits)
	}
	return withFee(price*c.Quantity*m.unit, m.maxPPM, true)
}

// withFee adds the fee on an amount.
func withFee(amount, ppm int64, fits bool) (int64, bool) {
	fee := feeBase{}.plus(ppm, amount).ceil()
	return amount + fee, fits && fee <= MaxAmount-amount
}
