package engine

import "testing"

func cancelAllOf(account uint64, market uint32, side uint8) *Command {
	return &Command{Op: OpCancelAll, Account: account, Market: market, Side: side}
}

func TestCancelAllByAccountMarketAndSide(t *testing.T) {
	t.Parallel()
	fill := func(t *testing.T) *stage {
		t.Helper()
		s := newStage(t)
		s.admin(&Command{Op: OpAddMarket, Admin: &Admin{Name: []byte("B-A"), Base: []byte("B"), Quote: []byte("A"), Tick: 1, Lot: 1}})
		second := bid(1, 1, 90)
		second.Market = 2
		s.api(bid(1, 1, 90), ask(1, 1, 110), bid(2, 1, 90), second, ask(1, 1, 80, conditional(typeStopLimit, 85))) // 1..5
		return s
	}
	for _, c := range []struct {
		name    string
		command *Command
		want    []string
	}{
		{"all", cancelAllOf(1, 0, 0), []string{"1 canceled REQUESTED, 1 left", "2 canceled REQUESTED, 1 left", "4 canceled REQUESTED, 1 left", "5 canceled REQUESTED, 1 left"}},
		{"market", cancelAllOf(1, 2, 0), []string{"4 canceled REQUESTED, 1 left"}},
		{"side", cancelAllOf(1, 0, sell), []string{"2 canceled REQUESTED, 1 left", "5 canceled REQUESTED, 1 left"}},
		{"market and side", cancelAllOf(1, 1, buy), []string{"1 canceled REQUESTED, 1 left"}},
		{"nothing there", cancelAllOf(3, 0, 0), nil},
		{"nobody there", cancelAllOf(77, 0, 0), nil},
		{"no such market", cancelAllOf(1, 3, 0), []string{"refused UNKNOWN_MARKET"}},
		{"no such side", cancelAllOf(1, 0, 3), []string{"refused BAD_COMMAND"}},
		{"no account", cancelAllOf(0, 0, 0), []string{"refused UNKNOWN_ACCOUNT"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := fill(t)
			s.want(s.api(c.command), c.want...)
		})
	}
	t.Run("everybody's by an administrator", func(t *testing.T) {
		t.Parallel()
		s := fill(t)
		s.want(s.admin(cancelAllOf(0, 1, buy)), "1 canceled BY_ADMIN, 1 left", "3 canceled BY_ADMIN, 1 left")
		s.want(s.admin(cancelAllOf(1, 0, 0)), "2 canceled BY_ADMIN, 1 left", "4 canceled BY_ADMIN, 1 left", "5 canceled BY_ADMIN, 1 left")
	})
}

func TestCancelAllLeavesHaltedMarketsToTheAdministrator(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.api(bid(1, 1, 90))
	s.admin(toPhase(phaseHalted, 0, 0))
	s.want(s.api(cancelAllOf(1, 1, 0), cancelAllOf(1, 0, 0)), "refused PHASE")
	s.want(s.admin(cancelAllOf(1, 1, 0)), "1 canceled BY_ADMIN, 1 left")
}

func TestMassCancelsAreBoundedAndGoOnByAge(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.e.workBound = 3
	for range 5 {
		s.api(bid(1, 1, 90), bid(2, 1, 90)) // 1 3 5 7 9 and 2 4 6 8 10
	}
	s.want(s.api(cancelAllOf(1, 0, 0), cancelAllOf(2, 0, 0), bid(1, 1, 91), ask(3, 1, 90)),
		"1 canceled REQUESTED, 1 left", "3 canceled REQUESTED, 1 left", "5 canceled REQUESTED, 1 left",
		"2 canceled REQUESTED, 1 left", "4 canceled REQUESTED, 1 left", "6 canceled REQUESTED, 1 left",
		"11 accepted", "11 rests 1/1", "12 accepted", "trade 11+12 1@91", "work left 5..10 6..10")
	if !s.e.Pending() {
		t.Error("nothing is pending")
	}
	// 7 is gone before its turn; a younger order stays.
	s.want(s.api(bid(1, 1, 91)), "7 canceled REQUESTED, 1 left", "9 canceled REQUESTED, 1 left", "8 canceled REQUESTED, 1 left",
		"13 accepted", "13 rests 1/1", "work left 8..10")
	s.want(s.api(cancelOf(2, 10)), "10 canceled REQUESTED, 1 left", "refused UNKNOWN_ORDER", "work left")
	if s.e.Pending() {
		t.Error("something is pending")
	}
	s.want(s.tick())
}

// The start of a pack has its own bound: dead-man cancels first, then what is
// left of older commands; expiries are not bounded.
func TestStartOfAPackIsBounded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.e.workBound = 2
	s.lastPrice(100)
	s.api(&Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: 10}})
	for range 3 {
		s.api(bid(1, 1, 90), bid(2, 1, 90), bid(3, 1, 90, until(s.now+10)), bid(4, 1, 50, conditional(typeStopLimit, 110)))
	} // 3 7 11, 4 8 12, 5 9 13, 6 10 14
	s.want(s.api(cancelAllOf(2, 0, 0)), "4 canceled REQUESTED, 1 left", "8 canceled REQUESTED, 1 left", "work left 8..14")
	s.want(s.at(s.now+10).tick(),
		"5 canceled EXPIRED, 1 left", "9 canceled EXPIRED, 1 left", "13 canceled EXPIRED, 1 left",
		"alive 1 until 0", "3 canceled DEAD_MAN, 1 left", "7 canceled DEAD_MAN, 1 left", "work left 8..14 7..14")
	s.want(s.tick(), "12 canceled REQUESTED, 1 left", "11 canceled DEAD_MAN, 1 left", "work left")
}
