package engine

import (
	"fmt"
	"testing"
)

// lastPrice makes a trade between two accounts that nothing else is told of; it
// takes two order ids.
func (s *stage) lastPrice(price int64) []string {
	s.t.Helper()
	return s.api(ask(8, 1, price), bid(9, 1, price))[4:]
}

func TestStopBecomesMarketOrderWhenReached(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.api(ask(1, 4, 100), ask(1, 5, 105), ask(1, 5, 106), bid(2, 1, 100)),
		"1 accepted", "1 rests 4/4", "2 accepted", "2 rests 5/5", "3 accepted", "3 rests 5/5", "4 accepted", "trade 1+4 1@100")
	s.want(s.api(bid(3, 6, 0, conditional(typeStop, 105))), "5 accepted, trigger 105")
	s.want(s.api(bid(2, 3, 104)), "6 accepted", "trade 1+6 3@100")
	s.want(s.api(bid(2, 1, 105)), "7 accepted", "trade 2+7 1@105",
		"5 triggered at 105", "trade 2+5 4@105", "trade 3+5 2@106")
	s.want(s.lastPrice(120)) // it fired once
}

func TestDirectionsOfTriggers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, side uint8
		rising    bool
	}{
		{typeStop, buy, true}, {typeStop, sell, false},
		{typeStopLimit, buy, true}, {typeStopLimit, sell, false},
		{typeTakeProfit, buy, false}, {typeTakeProfit, sell, true},
		{typeTakeProfitLimit, buy, false}, {typeTakeProfitLimit, sell, true},
	} {
		t.Run(fmt.Sprintf("type %d side %d", c.typ, c.side), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.lastPrice(100)
			far, near, trigger := int64(111), int64(109), int64(110)
			if !c.rising {
				far, near, trigger = 89, 91, 90
			}
			s.want(s.api(limit(c.side, 1, 1, 100, conditional(c.typ, trigger))), fmt.Sprintf("3 accepted, trigger %d", trigger))
			s.want(s.lastPrice(200 - near))
			s.want(s.lastPrice(near))
			got := s.lastPrice(far)
			if len(got) == 0 || got[0] != fmt.Sprintf("3 triggered at %d", far) {
				t.Errorf("at %d: %q", far, got)
			}
		})
	}
}

func TestTriggerReachedAtAcceptanceActsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.want(s.api(ask(1, 1, 70, conditional(typeStopLimit, 100))), "3 accepted, trigger 100", "3 triggered at 100", "3 rests 1/1")
}

func TestWithoutLastPriceStopsWait(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.api(ask(1, 1, 120, conditional(typeStopLimit, 110))), "1 accepted, trigger 110")
	s.want(s.lastPrice(105), "1 triggered at 105", "1 rests 1/1")
}

func TestOrderOfDueTriggers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.admin(toPhase(phaseAuction, 0, 0))
	at := func(price, trigger int64) mod {
		return func(c *Command) { conditional(typeStopLimit, trigger)(c); c.Price = price }
	}
	s.want(s.api(
		ask(1, 1, 0, at(150, 110)), ask(1, 1, 0, at(150, 120)), ask(1, 1, 0, at(150, 110)), // falling
		bid(2, 1, 0, at(50, 95)), bid(2, 1, 0, at(50, 90)), bid(2, 1, 0, at(50, 95)), // rising
	), "3 accepted, trigger 110", "4 accepted, trigger 120", "5 accepted, trigger 110",
		"6 accepted, trigger 95", "7 accepted, trigger 90", "8 accepted, trigger 95")
	s.want(s.admin(toPhase(phaseContinuous, 0, 0)), "auctioned 0@0 surplus 0", "phase CONTINUOUS",
		"7 triggered at 100", "7 rests 1/1", "6 triggered at 100", "6 rests 1/1", "8 triggered at 100", "8 rests 1/1",
		"4 triggered at 100", "4 rests 1/1", "3 triggered at 100", "3 rests 1/1", "5 triggered at 100", "5 rests 1/1")
}

// Each stop sells into the bid that triggers the next one.
func TestCascadeRunsToItsEndWithinOneCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bid(1, 2, 95), bid(1, 2, 90), bid(1, 2, 85), bid(1, 2, 80)) // 3 4 5 6
	s.api(ask(2, 2, 0, conditional(typeStop, 95)), ask(2, 2, 0, conditional(typeStop, 90)), ask(2, 2, 0, conditional(typeStop, 85)))
	s.want(s.api(ask(3, 1, 95)), "10 accepted", "trade 3+10 1@95",
		"7 triggered at 95", "trade 3+7 1@95", "trade 4+7 1@90",
		"8 triggered at 90", "trade 4+8 1@90", "trade 5+8 1@85",
		"9 triggered at 85", "trade 5+9 1@85", "trade 6+9 1@80")
}

func TestActivationThatIsNotTaken(t *testing.T) {
	t.Parallel()
	t.Run("post-only that would take", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.api(ask(8, 3, 100))
		s.want(s.api(bid(1, 1, 100, conditional(typeStopLimit, 100), postOnly)), "2 accepted, trigger 100")
		s.want(s.api(bid(9, 1, 100)), "3 accepted", "trade 1+3 1@100", "2 triggered at 100", "2 canceled NOT_PLACED, 1 left")
	})
	t.Run("outside of the collar", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, limits(Limits{CollarPPM: 200_000, Reference: 100}))
		s.want(s.api(bid(1, 1, 100, conditional(typeStopLimit, 101)), bid(1, 1, 60, conditional(typeStopLimit, 101))),
			"1 accepted, trigger 101", "2 rejected OUTSIDE_COLLAR")
		s.lastPrice(100)
		s.lastPrice(80)
		s.lastPrice(65)
		s.want(s.api(bid(1, 1, 78, conditional(typeStopLimit, 101))), "9 accepted, trigger 101")
		s.lastPrice(78)
		s.lastPrice(90)
		// The stop at 100 is within 20% of 105, that at 78 is not.
		s.want(s.lastPrice(105), "1 triggered at 105", "1 rests 1/1", "9 triggered at 105", "9 canceled NOT_PLACED, 1 left")
	})
}

func TestNothingTriggersUntilContinuous(t *testing.T) {
	t.Parallel()
	for _, phase := range []uint8{phaseHalted, phaseCancelOnly, phasePostOnly} {
		s := newStage(t)
		s.lastPrice(100)
		s.admin(toPhase(phaseAuction, 0, 0))
		s.want(s.api(ask(1, 1, 150, conditional(typeStopLimit, 110))), "3 accepted, trigger 110")
		if got := s.admin(toPhase(phase, 0, 0)); len(got) != 2 {
			t.Errorf("phase %d: %q", phase, got)
		}
		s.want(s.admin(toPhase(phaseContinuous, 0, 0)), "phase CONTINUOUS", "3 triggered at 100", "3 rests 1/1")
	}
}

func TestActivationsAreBoundedAndGoOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.e.workBound = 2
	s.lastPrice(100)
	for range 5 {
		s.api(bid(1, 1, 50, conditional(typeStopLimit, 110))) // 3..7
	}
	s.want(s.lastPrice(110), "3 triggered at 110", "3 rests 1/1", "4 triggered at 110", "4 rests 1/1")
	if !s.e.Pending() {
		t.Error("three are due and nothing is pending")
	}
	s.want(s.tick(), "5 triggered at 110", "5 rests 1/1", "6 triggered at 110", "6 rests 1/1")
	s.want(s.tick(), "7 triggered at 110", "7 rests 1/1")
	if s.e.Pending() {
		t.Error("nothing is left and something is pending")
	}
}

func TestWaitingOrderIsCanceledAndAmended(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.api(bid(1, 5, 90, conditional(typeStopLimit, 110)), bid(1, 5, 90, conditional(typeStopLimit, 111)))
	s.want(s.api(cancelOf(1, 3)), "3 canceled REQUESTED, 5 left")
	s.api(&Command{Op: OpAmend, Account: 1, OrderID: 4, Price: 95, Quantity: 7})
	s.want(s.lastPrice(112), "4 triggered at 112", "4 rests 7/7")
	if bids, _ := s.e.Depth(1, 1); len(bids) != 1 || bids[0].Price != 95 {
		t.Errorf("the book is %v", bids)
	}
}

func TestTrailingStop(t *testing.T) {
	t.Parallel()
	t.Run("a sale's trigger follows rising prices only", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.want(s.api(ask(1, 1, 0, trailing(10, 0)), ask(1, 1, 0, trailing(20, 95))), "3 accepted, trigger 90", "4 accepted, trigger 95")
		s.want(s.lastPrice(104), "3 trigger 94")
		s.want(s.lastPrice(96))
		s.want(s.lastPrice(116), "3 trigger 106", "4 trigger 96")
		s.want(s.lastPrice(106), "3 triggered at 106", "3 canceled MARKET_REMAINDER, 1 left")
	})
	t.Run("a purchase's trigger follows falling prices only", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.want(s.api(bid(1, 1, 0, trailing(10, 0))), "3 accepted, trigger 110")
		s.want(s.lastPrice(105))
		s.want(s.lastPrice(80), "3 trigger 90")
		s.want(s.lastPrice(95), "3 triggered at 95", "3 canceled MARKET_REMAINDER, 1 left")
	})
	t.Run("without a last price the first trade sets it", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.want(s.api(ask(1, 1, 0, trailing(10, 0)), bid(1, 1, 0, trailing(10, 0)), ask(1, 1, 0, trailing(500, 0))), "1 accepted", "2 accepted", "3 accepted")
		s.want(s.lastPrice(100), "1 trigger 90", "2 trigger 110")
		s.want(s.lastPrice(105), "1 trigger 95")
		s.want(s.lastPrice(501), "1 trigger 491", "3 trigger 1", "2 triggered at 501", "2 canceled MARKET_REMAINDER, 1 left")
	})
	t.Run("the better of what is asked for and what the price gives", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.want(s.api(ask(1, 1, 0, trailing(10, 70)), bid(1, 1, 0, trailing(10, 130))), "3 accepted, trigger 90", "4 accepted, trigger 110")
		s.want(s.api(ask(1, 1, 0, trailing(10, 95)), bid(1, 1, 0, trailing(10, 105))), "5 accepted, trigger 95", "6 accepted, trigger 105")
	})
	t.Run("it follows within a cascade", func(t *testing.T) {
		t.Parallel()
		s := newStage(t)
		s.lastPrice(100)
		s.api(ask(1, 1, 110), ask(1, 1, 130), bid(1, 5, 60))        // 3 4 5
		s.api(bid(2, 1, 0, conditional(typeStop, 110)))             // 6: buys at 130
		s.api(ask(3, 1, 0, trailing(25, 0)))                        // 7
		s.api(ask(2, 1, 65, conditional(typeTakeProfitLimit, 130))) // 8: sells at 60
		s.want(s.api(bid(9, 1, 110)), "9 accepted", "trade 3+9 1@110", "7 trigger 85",
			"6 triggered at 110", "trade 4+6 1@130", "7 trigger 105",
			"8 triggered at 130", "8 rests 1/1")
		s.want(s.api(bid(9, 1, 65)), "10 accepted", "trade 8+10 1@65", "7 triggered at 65", "trade 5+7 1@60")
	})
}
