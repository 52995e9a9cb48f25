package engine

import "testing"

// newBoundedStage is a venue in which moves of trailing stops are units of work,
// of which a command has few; its last price is 100, by orders 1 and 2.
func newBoundedStage(t *testing.T, bound int) *stage {
	t.Helper()
	s := newStage(t)
	s.want(s.admin(&Command{Op: OpActivate, Admin: &Admin{Semantics: boundedTrails}}), "version 3")
	s.e.workBound = bound
	s.lastPrice(100)
	return s
}

// TestMovesOfTrailsAreBoundedAndMissNoHigh: what is put off follows the high even
// though the price has fallen since, and who came after the high does not.
func TestMovesOfTrailsAreBoundedAndMissNoHigh(t *testing.T) {
	t.Parallel()
	s := newBoundedStage(t, 1)
	for range 5 {
		s.api(ask(1, 1, 0, trailing(30, 0))) // 3..7, at 70
	}
	s.want(s.lastPrice(120), "3 trigger 90", "work left SELL 120..9")
	if !s.e.Pending() {
		t.Error("four are behind and nothing is pending")
	}
	s.want(s.api(ask(8, 1, 110), bid(9, 1, 110)), "4 trigger 90", "10 accepted", "10 rests 1/1", "5 trigger 90", "11 accepted", "trade 10+11 1@110", "6 trigger 90")
	s.want(s.api(ask(2, 1, 0, trailing(30, 0))), "7 trigger 90", "12 accepted, trigger 80", "work left")
	if s.e.Pending() {
		t.Error("nothing is left and something is pending")
	}
	s.want(s.lastPrice(90)[:2], "3 triggered at 90", "3 canceled MARKET_REMAINDER, 1 left")
}

// TestTriggersWaitForTheMovesBeforeThem: a price that would let go what has moved
// comes before the others have; all act in the order of one that moved at once.
func TestTriggersWaitForTheMovesBeforeThem(t *testing.T) {
	t.Parallel()
	s := newBoundedStage(t, 1)
	s.api(ask(1, 1, 0, trailing(30, 0))) // 3
	s.api(ask(1, 1, 0, trailing(29, 0))) // 4: the nearer one, at 71
	s.api(ask(1, 1, 0, trailing(28, 0))) // 5
	s.api(ask(8, 1, 120), ask(8, 1, 130), bid(5, 9, 80))
	s.want(s.api(bid(9, 1, 120)), "9 accepted", "trade 6+9 1@120", "3 trigger 90", "work left SELL 120..9")
	s.want(s.api(ask(9, 1, 80)), "4 trigger 91", "10 accepted", "trade 8+10 1@80", "5 trigger 92", "work left")
	s.want(s.tick(), "5 triggered at 80", "trade 8+5 1@80")
	s.want(s.tick(), "4 triggered at 80", "trade 8+4 1@80")
	s.want(s.tick(), "3 triggered at 80", "trade 8+3 1@80")
	s.want(s.tick())
}

// TestLaterPricesOfAChase: a better price takes the place of the one before; one
// that is worse is owed only by those who came since.
func TestLaterPricesOfAChase(t *testing.T) {
	t.Parallel()
	s := newBoundedStage(t, 1)
	for range 6 {
		s.api(bid(1, 1, 0, trailing(30, 0))) // 3..8, at 130
	}
	s.api(bid(8, 9, 60), bid(8, 9, 90), bid(8, 9, 85)) // 9 10 11
	s.want(s.api(ask(9, 9, 90)), "12 accepted", "trade 10+12 9@90", "3 trigger 120", "work left BUY 90..12")
	s.want(s.api(ask(9, 9, 85)), "4 trigger 120", "13 accepted", "trade 11+13 9@85", "5 trigger 115", "work left BUY 85..13")
	s.api(ask(8, 1, 95), bid(9, 1, 95)) // 14 15
	s.e.workBound = 0
	s.want(s.api(bid(2, 1, 0, trailing(30, 0))), "16 accepted, trigger 125")
	s.api(ask(8, 1, 92), bid(9, 1, 92))
	s.e.workBound = 9
	// The furthest behind first; 16 came after 85 and owes what came since.
	s.want(s.tick(), "3 trigger 115", "4 trigger 115", "16 trigger 122", "work left")
}

// TestChaseEndsWithTheLastWhoOwes: what is canceled owes nothing; the chase leaves
// the list in the same pack, even when the cancels took all the work.
func TestChaseEndsWithTheLastWhoOwes(t *testing.T) {
	t.Parallel()
	s := newBoundedStage(t, 1)
	for range 3 {
		s.api(ask(1, 1, 0, trailing(30, 0))) // 3..5
	}
	s.want(s.lastPrice(120), "3 trigger 90", "work left SELL 120..7")
	s.want(s.api(cancelAllOf(1, 0, 0)), "4 trigger 90", "3 canceled REQUESTED, 1 left", "work left 3..7 SELL 120..7")
	s.want(s.tick(), "4 canceled REQUESTED, 1 left", "work left 4..7 SELL 120..7")
	s.want(s.tick(), "5 canceled REQUESTED, 1 left", "work left")
	if s.e.Pending() {
		t.Error("nothing is left and something is pending")
	}
	s.api(ask(1, 1, 0, trailing(30, 0))) // in the slot of one that owed
	if got := len(s.e.chases) + len(s.e.awaiting); got != 0 {
		t.Errorf("%d chases and orders that wait for them", got)
	}
}
