package engine

import "testing"

func TestGoodTillDateEndsBeforeTheLaterCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.api(bid(1, 5, 100, until(s.now+1000))), "1 accepted", "1 rests 5/5")
	if ms, waits := s.e.NextDeadline(); !waits || ms != s.now+1000 {
		t.Errorf("next deadline %d, %t", ms, waits)
	}
	s.want(s.at(s.now+999).api(ask(2, 1, 100)), "2 accepted", "trade 1+2 1@100")
	s.want(s.at(s.now+1).api(ask(2, 1, 100)), "1 canceled EXPIRED, 4 left", "3 accepted", "3 rests 1/1")
	if _, waits := s.e.NextDeadline(); waits {
		t.Error("a deadline is left")
	}
}

func TestGoodTillDateWaitingOrderExpires(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.lastPrice(100)
	s.want(s.api(bid(1, 5, 90, conditional(typeStopLimit, 110), until(s.now+10))), "3 accepted, trigger 110")
	s.want(s.at(s.now+10).tick(), "3 canceled EXPIRED, 5 left")
	s.want(s.lastPrice(120))
}

func TestGoodTillDateInThePastIsRejected(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.api(bid(1, 5, 100, until(s.now)), bid(1, 5, 100, inForce(tifGTD))), "1 rejected BAD_EXPIRY", "2 rejected BAD_EXPIRY")
}

func TestDayOrderEndsWithTheMarketsDay(t *testing.T) {
	t.Parallel()
	const evening = 22 * 3_600_000
	s := newStage(t, func(c *Command) { c.Admin.DayEndsMs = evening })
	start := s.now - s.now%dayMs
	s.at(start + evening - 20_000)
	s.want(s.api(bid(1, 5, 100, inForce(tifDay))), "1 accepted", "1 rests 5/5")
	s.want(s.at(start + evening - 1).tick())
	s.want(s.at(start+evening).api(bid(1, 5, 100, inForce(tifDay))), "1 canceled EXPIRED, 5 left", "2 accepted", "2 rests 5/5")
	if ms, _ := s.e.NextDeadline(); ms != start+evening+dayMs {
		t.Errorf("the second one ends at %d, want a day later", ms)
	}
}

// At one deadline orders expire by id, then dead-man timers by account, then
// auctions end by market; what is due earlier goes first.
func TestDueInOrderOfDeadlineKindAndID(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	due := s.now + 1000
	s.api(bid(3, 1, 90), bid(2, 1, 90)) // 1 2
	s.admin(toPhase(phaseAuction, due, 0))
	alive := func(account uint64, ms int64) *Command {
		return &Command{Op: OpKeepAlive, Account: account, Admin: &Admin{TimeoutMs: ms}}
	}
	s.want(s.api(alive(3, 1000), alive(2, 1000), alive(4, 999)),
		"alive 3 until 1001000", "alive 2 until 1001000", "alive 4 until 1000999")
	s.api(bid(5, 1, 90, until(due)), bid(4, 1, 90), bid(5, 1, 90, until(due)), bid(5, 1, 90, until(due-1)), ask(6, 1, 90)) // 3..7
	s.want(s.at(due).tick(),
		"6 canceled EXPIRED, 1 left", "alive 4 until 0", "4 canceled DEAD_MAN, 1 left",
		"3 canceled EXPIRED, 1 left", "5 canceled EXPIRED, 1 left",
		"alive 2 until 0", "2 canceled DEAD_MAN, 1 left", "alive 3 until 0", "1 canceled DEAD_MAN, 1 left",
		"auctioned 0@0 surplus 0", "phase CONTINUOUS")
}

func TestDeadManIsRenewedAndDisarmed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	alive := func(ms int64) *Command {
		return &Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: ms}}
	}
	s.api(bid(1, 1, 90), bid(2, 1, 90))
	s.want(s.api(alive(500)), "alive 1 until 1000500")
	s.want(s.at(s.now+400).api(alive(500)), "alive 1 until 1000900")
	s.want(s.at(s.now + 499).tick())
	s.want(s.api(alive(0)), "alive 1 until 0")
	s.want(s.at(s.now + 1000).tick())
	s.want(s.api(alive(500)), "alive 1 until 1002399")
	s.want(s.at(s.now+500).api(bid(1, 1, 91)), "alive 1 until 0", "1 canceled DEAD_MAN, 1 left", "3 accepted", "3 rests 1/1")
	s.want(s.at(s.now + 1000).tick())
}

func TestKeepAliveRejects(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.api(
		&Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: -1}},
		&Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: maxTimeoutMs + 1}},
		&Command{Op: OpKeepAlive, Account: 77, Admin: &Admin{TimeoutMs: 1}},
		&Command{Op: OpKeepAlive, Admin: &Admin{TimeoutMs: 1}},
	), "refused BAD_EXPIRY", "refused BAD_EXPIRY", "refused UNKNOWN_ACCOUNT", "refused UNKNOWN_ACCOUNT")
	s.want(s.admin(&Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: 1}}), "refused NOT_ALLOWED")
}

func TestOrdersThatEndTakeTheirTimersAlong(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.api(bid(1, 1, 90, until(s.now+10)), bid(1, 1, 91, until(s.now+10)))
	s.api(cancelOf(1, 1), ask(2, 1, 91))
	if _, waits := s.e.NextDeadline(); waits {
		t.Error("a timer is left of orders that ended")
	}
	s.want(s.at(s.now + 10).tick())
}
