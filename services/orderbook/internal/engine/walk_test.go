package engine

import (
	"math/rand/v2"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Random packs of everything that waits for a price or a time, with so little
// work per command that much is left over: after every command the audit holds,
// and an engine restored before any pack goes on alike.
func TestRandomWalkOfWaitingOrdersTimersAndPhases(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		s := newStage(t, limits(Limits{PausePPM: 400_000, PauseMs: 300, Reference: 100}))
		s.e.workBound = 1 + int(seed%4)
		r := rand.New(rand.NewPCG(seed, 7))
		for range 60 {
			s.now += r.Int64N(200)
			if r.IntN(8) == 0 {
				s.admin(randomAdmin(r, s.now))
				continue
			}
			commands := make([]*Command, 1+r.IntN(5))
			for k := range commands {
				commands[k] = randomCommand(r, s)
			}
			s.api(commands...)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func randomAdmin(r *rand.Rand, now int64) *Command {
	switch r.IntN(5) {
	case 0:
		return cancelAllOf(uint64(r.IntN(3)), uint32(r.IntN(2)), uint8(r.IntN(3)))
	case 1:
		return toPhase(phaseAuction, now+1+r.Int64N(300), uint8(r.IntN(5)))
	case 2:
		return toPhase(uint8(1+r.IntN(5)), 0, 0)
	}
	return toPhase(phaseContinuous, 0, 0)
}

func randomCommand(r *rand.Rand, s *stage) *Command {
	account := uint64(1 + r.IntN(4))
	switch r.IntN(12) {
	case 0:
		return cancelOf(account, s.e.orderID-min(s.e.orderID, r.Uint64N(20)))
	case 1:
		return &Command{Op: OpAmend, Account: account, OrderID: s.e.orderID - min(s.e.orderID, r.Uint64N(20)), Price: r.Int64N(3) * r.Int64N(60), Quantity: r.Int64N(8)}
	case 2:
		return &Command{Op: OpKeepAlive, Account: account, Admin: &Admin{TimeoutMs: r.Int64N(3) * 200}}
	case 3:
		return cancelAllOf(account, uint32(r.IntN(2)), uint8(r.IntN(3)))
	case 4:
		side := uint8(1 + r.IntN(2))
		return pair(randomOrder(r, s, account, side), randomOrder(r, s, account, side))
	}
	return randomOrder(r, s, account, uint8(1+r.IntN(2)))
}

func randomOrder(r *rand.Rand, s *stage, account uint64, side uint8) *Command {
	c := limit(side, account, 1+r.Int64N(8), 85+r.Int64N(30), selfTrade(uint8(r.IntN(6))))
	switch r.IntN(5) {
	case 0:
		conditional(typeStop+uint8(r.IntN(4)), 85+r.Int64N(30))(c)
	case 1:
		trailing(1+r.Int64N(15), r.Int64N(2)*(85+r.Int64N(30)))(c)
	case 2:
		shows(1 + r.Int64N(3))(c)
	}
	if limitType(c.Type) && r.IntN(3) == 0 {
		until(s.now + 1 + r.Int64N(400))(c)
	} else if limitType(c.Type) && r.IntN(6) == 0 {
		c.TIF = tifDay
	}
	if !limitType(c.Type) && side == buy && r.IntN(3) == 0 {
		c.Quantity, c.Ext.Budget, c.Ext.Protection = 0, 1+r.Int64N(2000), 0
	}
	return c
}

// TestLateWorkDoesNotAllocate: waiting orders, trails, timers, pairs, mass
// cancels and auctions reuse what they had.
func TestLateWorkDoesNotAllocate(t *testing.T) {
	s := newStage(t)
	var api []*Command
	for k := range int64(20) {
		api = append(api, bid(1, 5, 50+k, until(1<<60)), ask(2, 5, 150-k, conditional(typeTakeProfitLimit, 140+k)),
			ask(3, 1, 0, trailing(60+k, 0)), bid(4, 1, 0, trailing(60+k, 0)),
			pair(ask(5, 5, 170), ask(5, 5, 40, conditional(typeStopLimit, 30))))
	}
	api = append(api, ask(8, 1, 100), bid(9, 1, 100), ask(8, 1, 101), bid(9, 1, 101), ask(8, 1, 141), bid(9, 1, 141),
		&Command{Op: OpKeepAlive, Account: 1, Admin: &Admin{TimeoutMs: 5000}})
	for _, a := range []uint64{1, 2, 3, 4, 5} {
		api = append(api, cancelAllOf(a, 0, 0))
	}
	into, crossing, out := []*Command{toPhase(phaseAuction, 0, 0)}, []*Command{}, []*Command{toPhase(phaseContinuous, 0, 0)}
	for k := range int64(20) {
		crossing = append(crossing, bid(1, 3, 100+k), ask(2, 3, 90+k, shows(1)), ask(1, 1, 95, selfTrade(selfDecrement)))
	}
	crossing = append(crossing, cancelAllOf(1, 0, 0), cancelAllOf(2, 0, 0))
	refs := func(commands []*Command) {
		for _, c := range commands {
			for _, c := range []*Command{c, c.Second} {
				if c != nil && (c.Op == OpNew || c.Op == OpPair) {
					s.refs++
					c.Ref = s.refs
				}
			}
		}
	}
	var reply Reply
	run := func(from string, commands []*Command) {
		s.seq++
		s.now += 10
		s.out.Reset()
		if !s.e.Begin(PackHead{Seq: s.seq, From: from, ServerMs: s.now, Gateway: "g", PackNo: s.seq, SentMs: s.now}, &s.out, &reply) {
			t.Fatal("the pack was skipped")
		}
		for _, c := range commands {
			s.e.Do(c)
		}
		s.e.End()
	}
	round := func() {
		for _, commands := range [][]*Command{api, crossing} {
			refs(commands)
		}
		run(ordersv1.FromAPI, api)
		run(ordersv1.FromAdmin, into)
		run(ordersv1.FromAPI, crossing[:len(crossing)-2])
		s.e.Indicative(1)
		run(ordersv1.FromAdmin, out)
		run(ordersv1.FromAPI, crossing[len(crossing)-2:])
		s.e.Digest()
	}
	for range 3 {
		round()
	}
	if rejected := s.e.rejected; rejected != 0 {
		t.Fatalf("%d rejects", rejected)
	}
	if s.e.Size().LiveOrders != 0 {
		t.Fatalf("%d orders are left", s.e.Size().LiveOrders)
	}
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%.1f allocations a round", n)
	}
}
