package engine

import "math/bits"

// outside reports a price further from a reference than ppm millionths of it.
func outside(price, reference, ppm int64) bool {
	const million = 1_000_000
	hi, lo := bits.Mul64(magnitude(price-reference), million)
	boundHi, boundLo := bits.Mul64(uint64(ppm), uint64(reference))
	return hi > boundHi || hi == boundHi && lo > boundLo
}

// pauses reports that a trade at this price would not happen but pause the
// market. ref is the reference of the pause; 0: none, and nothing pauses.
func (m *market) pauses(price, ref int64) bool {
	l := &m.limits
	return l.PausePPM != 0 && l.PauseMs != 0 && ref != 0 && outside(price, ref, l.PausePPM)
}

// pauseReference is the price of the auction with which continuous trading
// began, else of the first trade since, else what collars are measured from.
func (m *market) pauseReference() int64 {
	if m.pauseRef != 0 {
		return m.pauseRef
	}
	return m.reference()
}

// pause stops a market before a trade that would have left the bounds: it
// becomes an auction.
func (e *Engine) pause(m *market) {
	e.changePhase(m, phaseAuction, addCapped(e.clock.nowMs, m.limits.PauseMs), phaseContinuous, true)
}
