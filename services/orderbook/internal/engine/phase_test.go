package engine

import "testing"

func TestWhatPhasesTake(t *testing.T) {
	t.Parallel()
	market := func(c *Command) { c.Type, c.TIF, c.Price = typeMarket, tifNone, 0 }
	commands := map[string]func() *Command{
		"limit":      func() *Command { return bid(1, 1, 90) },
		"crossing":   func() *Command { return bid(1, 1, 110) },
		"post-only":  func() *Command { return bid(1, 1, 90, postOnly) },
		"minimum":    func() *Command { return bid(1, 1, 90, func(c *Command) { c.Ext.MinLots = 1 }) },
		"ioc":        func() *Command { return bid(1, 1, 90, inForce(tifIOC)) },
		"fok":        func() *Command { return bid(1, 1, 90, inForce(tifFOK)) },
		"market":     func() *Command { return ask(1, 1, 0, market) },
		"stop":       func() *Command { return bid(1, 1, 90, conditional(typeStopLimit, 500)) },
		"cancel":     func() *Command { return cancelOf(2, 1) },
		"amend":      func() *Command { return &Command{Op: OpAmend, Account: 2, OrderID: 1, Quantity: 1} },
		"cancel all": func() *Command { return &Command{Op: OpCancelAll, Account: 2, Market: 1} },
	}
	const taken = ""
	for phase, refused := range map[uint8]map[string]string{
		phaseContinuous: {},
		phaseHalted: {"limit": "PHASE", "crossing": "PHASE", "post-only": "PHASE", "minimum": "PHASE", "ioc": "PHASE", "fok": "PHASE",
			"market": "PHASE", "stop": "PHASE", "cancel": "PHASE", "amend": "PHASE", "cancel all": "PHASE"},
		phaseCancelOnly: {"limit": "PHASE", "crossing": "PHASE", "post-only": "PHASE", "minimum": "PHASE", "ioc": "PHASE", "fok": "PHASE",
			"market": "PHASE", "stop": "PHASE", "amend": "PHASE"},
		phasePostOnly: {"crossing": "WOULD_TAKE", "ioc": "PHASE", "fok": "PHASE", "market": "PHASE"},
		phaseAuction:  {"post-only": "PHASE", "minimum": "PHASE", "ioc": "PHASE", "fok": "PHASE", "market": "PHASE"},
	} {
		for name, command := range commands {
			s := newStage(t)
			s.api(ask(2, 5, 100), bid(3, 5, 50)) // 1 2
			s.admin(toPhase(phase, 0, 0))
			got := s.api(command())[0]
			want := refused[name]
			switch {
			case want == taken && (got[:2] == "3 " && got[2:10] == "rejected" || got[:7] == "refused"):
				t.Errorf("phase %d, %s: %s", phase, name, got)
			case want != taken && got != "3 rejected "+want && got != "refused "+want:
				t.Errorf("phase %d, %s: %s, want %s", phase, name, got, want)
			}
		}
	}
}

func TestSetPhaseRejects(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	other := toPhase(phaseHalted, 0, 0)
	other.Market = 2
	s.want(s.admin(other, toPhase(0, 0, 0), toPhase(phaseDelisted, 0, 0), toPhase(99, 0, 0), toPhase(phaseHalted, s.now+1, 0),
		toPhase(phaseHalted, 0, phaseContinuous), toPhase(phaseAuction, 0, phaseAuction), toPhase(phaseAuction, s.now+1, phaseDelisted),
		toPhase(phaseAuction, s.now, 0)),
		"refused UNKNOWN_MARKET", "refused BAD_COMMAND", "refused BAD_COMMAND", "refused BAD_COMMAND", "refused BAD_COMMAND",
		"refused BAD_COMMAND", "refused BAD_COMMAND", "refused BAD_COMMAND", "refused BAD_EXPIRY")
	s.want(s.api(toPhase(phaseHalted, 0, 0)), "refused NOT_ALLOWED")
}

func TestAuctionEndsAtItsDeadlineInTheNextPhase(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.want(s.admin(toPhase(phaseAuction, s.now+500, phasePostOnly)), "phase AUCTION until 1000500 then POST_ONLY")
	s.want(s.api(bid(1, 3, 101), ask(2, 2, 99)), "1 accepted", "1 rests 3/3", "2 accepted", "2 rests 2/2")
	// The end may be put off; that does not uncross.
	s.want(s.admin(toPhase(phaseAuction, s.now+900, 0)), "phase AUCTION until 1000900 then CONTINUOUS")
	s.want(s.at(s.now + 899).tick())
	s.want(s.at(s.now+1).tick(), "auctioned 2@99 surplus 1", "trade 1+2 2@99 auction", "phase CONTINUOUS")
	s.want(s.at(s.now + 1000).tick())
}

func TestLeavingAnAuctionByHandUncrosses(t *testing.T) {
	t.Parallel()
	for _, phase := range []uint8{phaseContinuous, phaseHalted, phaseCancelOnly, phasePostOnly} {
		s := newStage(t)
		s.admin(toPhase(phaseAuction, s.now+500, 0))
		s.api(bid(1, 2, 100), ask(2, 2, 100))
		got := s.admin(toPhase(phase, 0, 0))
		s.want(got[:2], "auctioned 2@100 surplus 0", "trade 1+2 2@100 auction")
		s.want(s.at(s.now + 1000).tick()) // its deadline went with it
	}
}

func TestIntoAnAuctionKeepsTheBook(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.api(bid(1, 2, 90), ask(1, 2, 110))
	s.want(s.admin(toPhase(phaseAuction, 0, 0)), "phase AUCTION then CONTINUOUS")
	s.want(s.api(ask(2, 1, 80)), "3 accepted", "3 rests 1/1")
	s.want(s.admin(toPhase(phaseContinuous, 0, 0)), "auctioned 1@80 surplus 1", "trade 1+3 1@80 auction", "phase CONTINUOUS")
}

func TestExpiryAndDeadManHoldInAHaltedMarket(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.api(bid(1, 1, 90, until(s.now+10)), bid(2, 1, 90), &Command{Op: OpKeepAlive, Account: 2, Admin: &Admin{TimeoutMs: 10}})
	s.admin(toPhase(phaseHalted, 0, 0))
	s.want(s.at(s.now+10).tick(), "1 canceled EXPIRED, 1 left", "alive 2 until 0", "2 canceled DEAD_MAN, 1 left")
}

func TestDelistCancelsEverythingForEver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.e.workBound = 2
	s.lastPrice(100)
	s.admin(toPhase(phaseAuction, s.now+1000, 0))
	s.api(bid(1, 1, 100), ask(2, 1, 100), bid(3, 1, 90, conditional(typeStopLimit, 110))) // 3 4 5
	delist := &Command{Op: OpDelist, Market: 1}
	s.want(s.admin(delist), "phase DELISTED", "3 canceled DELISTED, 1 left", "4 canceled DELISTED, 1 left", "work left 4..5")
	s.want(s.api(bid(1, 1, 100), cancelOf(3, 5)), "5 canceled DELISTED, 1 left", "6 rejected UNKNOWN_MARKET", "refused UNKNOWN_ORDER", "work left")
	s.want(s.admin(delist, toPhase(phaseContinuous, 0, 0)), "refused UNKNOWN_MARKET")
	s.want(s.at(s.now + 2000).tick())
	for asset := range uint32(2) {
		for account := range uint64(9) {
			if _, reserved := s.e.Balance(account+1, asset+1); reserved != 0 {
				t.Errorf("account %d has %d of asset %d reserved", account+1, reserved, asset+1)
			}
		}
	}
}
