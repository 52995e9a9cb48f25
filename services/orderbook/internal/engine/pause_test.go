package engine

import (
	"math"
	"testing"
)

func TestOutside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		price, reference, ppm int64
		want                  bool
	}{
		{110, 100, 100_000, false}, {111, 100, 100_000, true}, {90, 100, 100_000, false}, {89, 100, 100_000, true},
		{100, 100, 1, false}, {math.MaxInt64, 1, 1_000_000, true}, {1, math.MaxInt64, 1_000_000, false}, {1, math.MaxInt64, 999_999, true},
		{300, 100, 2_000_000, false}, {301, 100, 2_000_000, true},
	} {
		if got := outside(c.price, c.reference, c.ppm); got != c.want {
			t.Errorf("%d from %d within %d ppm: outside is %t", c.price, c.reference, c.ppm, got)
		}
	}
}

// pausing is a market that pauses for 10 s beyond 10%.
var pausing = limits(Limits{PausePPM: 100_000, PauseMs: 10_000, Reference: 100})

func TestVolatilityPauseInsteadOfTheFill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taker *Command
		rest  string
	}{
		"good till canceled rests": {bid(2, 3, 120), "4 rests 1/1"},
		"good till date rests":     {bid(2, 3, 120, until(2_000_000)), "4 rests 1/1"},
		"immediate or cancel":      {bid(2, 3, 120, inForce(tifIOC)), "4 canceled PAUSED, 1 left"},
		"market": {bid(2, 3, 0, func(c *Command) { c.Type, c.TIF = typeMarket, tifNone }, protect(120)),
			"4 canceled PAUSED, 1 left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, pausing)
			s.api(ask(1, 1, 105), ask(1, 1, 116), ask(1, 1, 115))
			// 105 is within 10% of 100 and the reference from then on: 115 is
			// within 10% of it, 116 is not.
			s.want(s.api(c.taker), "4 accepted", "trade 1+4 1@105", "trade 3+4 1@115",
				"phase AUCTION until 1010000 then CONTINUOUS, volatility", c.rest)
		})
	}
}

func TestPauseEndsWithAnAuctionWhosePriceIsTheNextReference(t *testing.T) {
	t.Parallel()
	s := newStage(t, pausing)
	s.api(ask(1, 1, 105), ask(1, 1, 116), ask(1, 1, 126), ask(1, 1, 128), bid(2, 1, 105)) // 1..5
	s.want(s.api(bid(2, 1, 127)), "6 accepted", "phase AUCTION until 1010000 then CONTINUOUS, volatility", "6 rests 1/1")
	s.want(s.at(s.now+9_999).api(bid(3, 1, 130, inForce(tifIOC))), "7 rejected PHASE")
	s.want(s.at(s.now+1).tick(), "auctioned 1@116 surplus 0", "trade 2+6 1@116 auction", "phase CONTINUOUS")
	// 126 is within 10% of 116, 128 is not.
	s.want(s.api(bid(3, 2, 130, inForce(tifIOC))), "8 accepted", "trade 3+8 1@126",
		"phase AUCTION until 1020000 then CONTINUOUS, volatility", "8 canceled PAUSED, 1 left")
}

func TestReferenceOfThePauseStartsAnewAfterAHalt(t *testing.T) {
	t.Parallel()
	s := newStage(t, pausing)
	s.lastPrice(100)
	s.lastPrice(109)
	s.admin(toPhase(phaseHalted, 0, 0), toPhase(phaseContinuous, 0, 0))
	s.want(s.lastPrice(119)) // within 10% of the last price, not of the first trade
	s.api(ask(8, 1, 131))    // above 119 + 10%
	s.want(s.api(bid(9, 1, 131)), "8 accepted", "phase AUCTION until 1010000 then CONTINUOUS, volatility", "8 rests 1/1")
}

func TestFillOrKillDoesNotPauseHalfway(t *testing.T) {
	t.Parallel()
	s := newStage(t, pausing)
	s.api(ask(1, 1, 105), ask(1, 1, 116))
	s.want(s.api(bid(2, 2, 120, inForce(tifFOK))), "3 accepted", "3 canceled FOK_UNFILLABLE, 2 left")
	s.want(s.api(bid(2, 1, 120, inForce(tifFOK))), "4 accepted", "trade 1+4 1@105")
}

func TestTriggeredOrderPausesTheMarketAndTheCascadeStops(t *testing.T) {
	t.Parallel()
	s := newStage(t, pausing)
	s.api(ask(1, 1, 105), ask(1, 1, 120))                                                     // 1 2
	s.api(bid(3, 1, 0, conditional(typeStop, 105)), bid(3, 1, 0, conditional(typeStop, 104))) // 3 4
	s.want(s.api(bid(2, 1, 105)), "5 accepted", "trade 1+5 1@105", "4 triggered at 105",
		"phase AUCTION until 1010000 then CONTINUOUS, volatility", "4 canceled PAUSED, 1 left")
	s.want(s.at(s.now+10_000).tick(), "auctioned 0@0 surplus 0", "phase CONTINUOUS", "3 triggered at 105",
		"phase AUCTION until 1020000 then CONTINUOUS, volatility", "3 canceled PAUSED, 1 left")
}
