package engine

import "testing"

// bracket sells 5 lots at 110, or at market below 90: a take-profit that rests
// and a stop.
func bracket() *Command { return pair(ask(1, 5, 110), ask(1, 5, 0, conditional(typeStop, 90))) }

func TestPairReservesTheLargerNeedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.want(s.api(pair(ask(1, 5, 110), ask(1, 8, 0, conditional(typeStop, 90)))), "3 accepted", "4 accepted, trigger 90", "3 rests 5/5")
	if available, reserved := s.e.Balance(1, 1); available != rich-8 || reserved != 8 {
		t.Errorf("available %d, reserved %d", available, reserved)
	}
	// The stop goes: the other leg lives on and needs less.
	s.want(s.api(cancelOf(1, 4)), "4 canceled REQUESTED, 8 left", "3 canceled OTHER_LEG, 5 left")
	if available, reserved := s.e.Balance(1, 1); available != rich || reserved != 0 {
		t.Errorf("afterwards available %d, reserved %d", available, reserved)
	}
}

func TestPairFillCancelsTheOtherLegFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bracket())
	s.want(s.api(bid(2, 2, 110)), "5 accepted", "4 canceled OTHER_LEG, 5 left", "trade 3+5 2@110")
	s.want(s.api(bid(2, 2, 110)), "6 accepted", "trade 3+6 2@110")
	s.lastPrice(89)
}

func TestPairTriggerCancelsTheOtherLegFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bracket(), bid(2, 5, 85))
	s.want(s.lastPrice(90), "4 triggered at 90", "3 canceled OTHER_LEG, 5 left", "trade 5+4 5@85")
}

func TestPairTakesAtAcceptance(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bid(2, 2, 110))
	s.want(s.api(bracket()), "4 accepted", "5 accepted, trigger 90", "5 canceled OTHER_LEG, 5 left", "trade 3+4 2@110", "4 rests 3/3")
	s = newStage(t)
	s.lastPrice(80)
	s.want(s.api(bracket()), "3 accepted", "4 accepted, trigger 90", "3 rests 5/5",
		"4 triggered at 80", "3 canceled OTHER_LEG, 5 left", "4 canceled MARKET_REMAINDER, 5 left")
}

func TestPairOfTwoWaitingPurchases(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(c *Command) { c.Admin.TakerPPM = 100_000 })
	s.lastPrice(100)
	s.api(pair(bid(1, 5, 120, conditional(typeStopLimit, 110)), bid(1, 9, 85, conditional(typeTakeProfitLimit, 90))))
	if _, reserved := s.e.Balance(1, 2); reserved != 9*85+77 { // 10% of 765, rounded up
		t.Errorf("reserved %d", reserved)
	}
	s.want(s.lastPrice(112), "3 triggered at 112", "4 canceled OTHER_LEG, 9 left", "3 rests 5/5")
	if _, reserved := s.e.Balance(1, 2); reserved != 5*120+60 {
		t.Errorf("reserved %d for the leg that lives on", reserved)
	}
}

func TestPairEndsTogetherHoweverItEnds(t *testing.T) {
	t.Parallel()
	t.Run("expiry", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.api(pair(ask(1, 5, 110, until(s.now+10)), ask(1, 5, 0, conditional(typeStop, 90))))
		s.want(s.at(s.now+10).tick(), "3 canceled EXPIRED, 5 left", "4 canceled OTHER_LEG, 5 left")
	})
	t.Run("cancel all", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.e.workBound = 1 // the leg that goes along costs nothing
		s.lastPrice(100)
		s.api(bracket())
		s.want(s.api(cancelAllOf(1, 0, 0)), "3 canceled REQUESTED, 5 left", "4 canceled OTHER_LEG, 5 left")
	})
	t.Run("self-trade", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.api(bracket())
		s.want(s.api(bid(1, 1, 110, selfTrade(selfCancelMaker))), "5 accepted", "3 canceled SELF_TRADE, 5 left", "4 canceled OTHER_LEG, 5 left", "5 rests 1/1")
	})
	t.Run("auction", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.want(s.auction(pair(ask(1, 5, 100), ask(1, 3, 99)), bid(2, 4, 100)),
			"auctioned 4@100 surplus -4", "1 canceled OTHER_LEG, 5 left", "trade 2+3 3@100 auction")
	})
}

func TestDecrementedLegKeepsWhatThePairNeeds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bracket())
	s.want(s.api(bid(1, 2, 110, selfTrade(selfDecrement))), "5 accepted", "3 decremented by 2 to 3", "5 canceled SELF_TRADE, 2 left")
	if _, reserved := s.e.Balance(1, 1); reserved != 5 {
		t.Errorf("reserved %d, the stop alone needs 5", reserved)
	}
	s.want(s.api(bid(2, 1, 110)), "6 accepted", "4 canceled OTHER_LEG, 5 left", "trade 3+6 1@110")
	if _, reserved := s.e.Balance(1, 1); reserved != 2 {
		t.Errorf("reserved %d of 2 lots", reserved)
	}
}

func TestPairRejects(t *testing.T) {
	t.Parallel()
	stop := func() *Command { return ask(1, 5, 0, conditional(typeStop, 90)) }
	for _, c := range []struct {
		name string
		pair *Command
		want string
	}{
		{"two accounts", pair(ask(2, 5, 110), stop()), "BAD_COMMAND"},
		{"two sides", pair(bid(1, 5, 90), stop()), "BAD_COMMAND"},
		{"immediate or cancel", pair(ask(1, 5, 110, inForce(tifIOC)), stop()), "BAD_COMMAND"},
		{"the second has no quantity", pair(ask(1, 5, 110), ask(1, 0, 0, conditional(typeStop, 90))), "BAD_QUANTITY"},
		{"both would act", pair(ask(1, 5, 95), ask(1, 5, 0, conditional(typeStop, 101))), "BAD_TRIGGER"},
		{"too large", pair(ask(1, 5, 110), ask(1, 2*rich, 0, conditional(typeStop, 90))), "INSUFFICIENT_BALANCE"},
		{"no account", pair(ask(0, 5, 110), ask(0, 5, 0, conditional(typeStop, 90))), "UNKNOWN_ACCOUNT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.lastPrice(100)
			s.api(bid(9, 1, 95))
			s.want(s.api(c.pair), "4 rejected "+c.want, "5 rejected "+c.want)
		})
	}
}

func TestPairOfKnownNames(t *testing.T) {
	t.Parallel()
	named := func(first, second string, lots int64) *Command {
		p := pair(ask(1, lots, 110), ask(1, 5, 0, conditional(typeStop, 90)))
		p.ClientID, p.Second.ClientID = []byte(first), []byte(second)
		return p
	}
	s := newStage(t)
	s.lastPrice(100)
	s.want(s.api(named("a", "b", 5)), "3 accepted", "4 accepted, trigger 90", "3 rests 5/5")
	s.want(s.api(named("a", "b", 5)))
	s.want(s.api(named("a", "b", 6), named("a", "c", 5), named("c", "b", 5)), "refused CONFLICT", "refused CONFLICT", "refused CONFLICT")
	s.want(s.api(named("d", "d", 5)), "5 rejected BAD_COMMAND", "6 rejected BAD_COMMAND")
}
