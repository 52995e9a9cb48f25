package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// stage is a venue for short plays: accounts 1 to 9 are rich in both assets of
// market 1, whose tick, lot and unit are 1. After every pack the state is
// audited, and every pack is also applied to a clone, or to an engine restored
// from a snapshot, taken before it: both must say the same.
type stage struct {
	t    *testing.T
	e    *Engine
	seq  uint64
	now  int64
	refs uint64
	out  Batch
}

const rich = 1_000_000_000

func newStage(t *testing.T, mods ...func(*Command)) *stage {
	t.Helper()
	s := &stage{t: t, e: New(Options{}), now: 1_000_000}
	add := &Command{Op: OpAddMarket, Admin: &Admin{Name: []byte("A-B"), Base: []byte("A"), Quote: []byte("B"), Tick: 1, Lot: 1}}
	for _, mod := range mods {
		mod(add)
	}
	s.admin(&Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("A")}}, &Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("B")}}, add)
	var funds []*Command
	for a := range uint64(9) {
		for _, asset := range []string{"A", "B"} {
			funds = append(funds, &Command{Op: OpDeposit, Account: a + 1, Admin: &Admin{
				Name: []byte(asset), Amount: rich, ID: fmt.Append(nil, asset, a)}})
		}
	}
	s.pack(ordersv1.FromFunds, funds...)
	return s
}

func limits(l Limits) func(*Command) { return func(c *Command) { c.Admin.Limits = l } }

func (s *stage) api(commands ...*Command) []string {
	s.t.Helper()
	return s.pack(ordersv1.FromAPI, commands...)
}
func (s *stage) admin(commands ...*Command) []string {
	s.t.Helper()
	return s.pack(ordersv1.FromAdmin, commands...)
}
func (s *stage) tick() []string {
	s.t.Helper()
	return s.pack(ordersv1.FromTick, &Command{Op: OpTick})
}

// at moves the clock for the next pack.
func (s *stage) at(ms int64) *stage { s.now = ms; return s }

// pack applies commands and returns the events but the first and the balances.
func (s *stage) pack(from string, commands ...*Command) []string {
	s.t.Helper()
	for _, c := range commands {
		for _, c := range []*Command{c, c.Second} {
			if c != nil && (c.Op == OpNew || c.Op == OpPair) && c.Ref == 0 && c.ClientID == nil {
				s.refs++
				c.Ref = s.refs
			}
		}
	}
	twin := s.e.Clone()
	if s.seq%2 == 0 {
		var err error
		if twin, err = Restore(s.e.AppendSnapshot(nil)); err != nil {
			s.t.Fatal("restoring:", err)
		}
		twin.workBound = s.e.workBound
	}
	var other Batch
	s.seq++
	head := PackHead{Seq: s.seq, From: from, ServerMs: s.now, Gateway: "g", PackNo: s.seq, SentMs: s.now}
	s.out.Reset()
	for _, run := range []struct {
		e   *Engine
		out *Batch
	}{{twin, &other}, {s.e, &s.out}} {
		if !run.e.Begin(head, run.out, nil) {
			s.t.Fatal("the pack was skipped")
		}
		for _, c := range commands {
			run.e.Do(c)
			if err := run.e.Audit(); err != nil {
				s.t.Fatal(err)
			}
		}
		run.e.End()
	}
	if !bytes.Equal(other.Bytes(), s.out.Bytes()) || twin.Digest() != s.e.Digest() {
		s.t.Fatalf("a copy went on otherwise:\n%s\nthan\n%s",
			strings.Join(told(s.t, &other), "\n"), strings.Join(told(s.t, &s.out), "\n"))
	}
	return told(s.t, &s.out)
}

// want compares events with lines, one an event.
func (s *stage) want(got []string, lines ...string) {
	s.t.Helper()
	if !slices.Equal(got, lines) {
		s.t.Errorf("events:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
	}
}

func told(t *testing.T, b *Batch) []string {
	t.Helper()
	events, err := b.Events()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, ev := range events {
		if line := tellEvent(ev); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func tellEvent(ev *tradesv1.Event) string {
	phase := func(p ordersv1.Phase) string { return strings.TrimPrefix(p.String(), "PHASE_") }
	reject := func(r ordersv1.RejectReason) string { return strings.TrimPrefix(r.String(), "REJECT_REASON_") }
	switch k := ev.Kind.(type) {
	case *tradesv1.Event_PackApplied, *tradesv1.Event_BalanceChanged:
		return ""
	case *tradesv1.Event_OrderAccepted:
		line := fmt.Sprintf("%d accepted", k.OrderAccepted.OrderId)
		if t := k.OrderAccepted.Terms; t.GetTriggerTicks() != 0 {
			line += fmt.Sprintf(", trigger %d", t.TriggerTicks)
		}
		return line
	case *tradesv1.Event_OrderRejected:
		return fmt.Sprintf("%d rejected %s", k.OrderRejected.OrderId, reject(k.OrderRejected.Reason))
	case *tradesv1.Event_Trade:
		line := fmt.Sprintf("trade %d+%d %d@%d", k.Trade.MakerOrderId, k.Trade.TakerOrderId, k.Trade.QuantityLots, k.Trade.PriceTicks)
		if k.Trade.Auction {
			line += " auction"
		}
		return line
	case *tradesv1.Event_OrderCanceled:
		why := strings.TrimPrefix(ordersv1.CancelReason(k.OrderCanceled.Reason).String(), "CANCEL_REASON_")
		return fmt.Sprintf("%d canceled %s, %d left", k.OrderCanceled.OrderId, why, k.OrderCanceled.RemainingLots)
	case *tradesv1.Event_OrderRested:
		return fmt.Sprintf("%d rests %d/%d", k.OrderRested.OrderId, k.OrderRested.VisibleLots, k.OrderRested.RemainingLots)
	case *tradesv1.Event_OrderTriggered:
		return fmt.Sprintf("%d triggered at %d", k.OrderTriggered.OrderId, k.OrderTriggered.LastTicks)
	case *tradesv1.Event_TriggerMoved:
		return fmt.Sprintf("%d trigger %d", k.TriggerMoved.OrderId, k.TriggerMoved.TriggerTicks)
	case *tradesv1.Event_OrderDecremented:
		return fmt.Sprintf("%d decremented by %d to %d", k.OrderDecremented.OrderId, k.OrderDecremented.Lots, k.OrderDecremented.RemainingLots)
	case *tradesv1.Event_PhaseChanged:
		line := "phase " + phase(k.PhaseChanged.Phase)
		if k.PhaseChanged.EndsAtMs != 0 {
			line += fmt.Sprintf(" until %d", k.PhaseChanged.EndsAtMs)
		}
		if k.PhaseChanged.ThenPhase != 0 {
			line += " then " + phase(k.PhaseChanged.ThenPhase)
		}
		if k.PhaseChanged.Volatility {
			line += ", volatility"
		}
		return line
	case *tradesv1.Event_Auctioned:
		return fmt.Sprintf("auctioned %d@%d surplus %d", k.Auctioned.VolumeLots, k.Auctioned.PriceTicks, k.Auctioned.SurplusLots)
	case *tradesv1.Event_KeptAlive:
		return fmt.Sprintf("alive %d until %d", k.KeptAlive.Account, k.KeptAlive.DeadlineMs)
	case *tradesv1.Event_CommandRejected:
		return "refused " + reject(k.CommandRejected.Reason)
	case *tradesv1.Event_Activated:
		return fmt.Sprintf("version %d", k.Activated.Semantics)
	case *tradesv1.Event_WorkLeft:
		line := "work left"
		for _, c := range k.WorkLeft.MassCancels {
			line += fmt.Sprintf(" %d..%d", c.AfterOrderId, c.LastOrderId)
		}
		for _, c := range k.WorkLeft.Chases {
			line += fmt.Sprintf(" %s %d..%d", strings.TrimPrefix(c.Side.String(), "SIDE_"), c.LastTicks, c.LastOrderId)
		}
		return line
	}
	return fmt.Sprintf("%T", ev.Kind)
}

// Orders, GTC limit ones unless a mod says otherwise.

type mod func(*Command)

func limit(side uint8, account uint64, lots, price int64, mods ...mod) *Command {
	c := &Command{Op: OpNew, Market: 1, Account: account, Side: side, Type: typeLimit, TIF: tifGTC, Price: price, Quantity: lots, Ext: &Terms{}}
	for _, m := range mods {
		m(c)
	}
	return c
}

func bid(account uint64, lots, price int64, mods ...mod) *Command {
	return limit(buy, account, lots, price, mods...)
}

func ask(account uint64, lots, price int64, mods ...mod) *Command {
	return limit(sell, account, lots, price, mods...)
}

// conditional makes an order of a waiting type; buying market types get a wide
// protection.
func conditional(typ uint8, trigger int64) mod {
	return func(c *Command) {
		c.Type, c.Ext.Trigger = typ, trigger
		if !limitType(typ) {
			c.Price, c.TIF = 0, tifNone
			if c.Side == buy {
				c.Ext.Protection = 1000
			}
		}
	}
}

func trailing(trail, trigger int64) mod {
	return func(c *Command) {
		conditional(typeTrailingStop, trigger)(c)
		c.Ext.Trail = trail
	}
}

func inForce(tif uint8) mod    { return func(c *Command) { c.TIF = tif } }
func until(ms int64) mod       { return func(c *Command) { c.TIF, c.Ext.ExpiresMs = tifGTD, ms } }
func shows(lots int64) mod     { return func(c *Command) { c.Ext.Display = lots } }
func selfTrade(rule uint8) mod { return func(c *Command) { c.SelfTrade = rule } }
func postOnly(c *Command)      { c.PostOnly = true }
func protect(ticks int64) mod  { return func(c *Command) { c.Ext.Protection = ticks } }
func pair(first, second *Command) *Command {
	first.Op, first.Second = OpPair, second
	return first
}

func cancelOf(account, id uint64) *Command {
	return &Command{Op: OpCancel, Account: account, OrderID: id}
}

func toPhase(phase uint8, endsAt int64, then uint8) *Command {
	return &Command{Op: OpSetPhase, Market: 1, Admin: &Admin{Phase: phase, EndsAtMs: endsAt, ThenPhase: then}}
}
