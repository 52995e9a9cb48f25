package core

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// walk draws packs for a small crowded venue: two markets of different scale
// and fees, four funded accounts and a poor one, few prices, client ids that
// come again, times on both sides of every bound.
type walk struct {
	t     fataler
	pick  func(n int) int // 0..n-1
	v     *venue
	w     *twin
	no    uint64
	cid   int
	dep   int
	lasts []sent
	stats map[string]int
}

type sent struct {
	from string
	pack *ordersv1.Pack
}

func oneOf[T any](s *walk, of ...T) T { return of[s.pick(len(of))] }

func (s *walk) step() {
	from := oneOf(s, "api", "api", "api", "api", "api", "api", "api", "api", "api", "funds", "tick", "admin")
	pause := int64(s.pick(50))
	if s.pick(12) == 0 {
		pause = oneOf[int64](s, 4_999, 5_000, 30_000, 60_000, 60_001, 1_800_000, 3_600_000, 86_399_999, 86_400_000)
	}
	age := int64(0)
	if s.pick(12) == 0 {
		age = oneOf[int64](s, 5_000, 5_001, 60_000, 60_001, 3_600_000)
	}
	s.v.nowMs += pause
	s.no++
	p := &ordersv1.Pack{Gateway: oneOf(s, "g1", "g2") + from, PackNo: s.no, SentAtMs: s.v.nowMs - age}
	switch from {
	case "api":
		for range 1 + s.pick(6) {
			p.Commands = append(p.Commands, s.command())
		}
	case "funds":
		id := max(0, s.dep-s.pick(3))
		s.dep = max(s.dep, id+1)
		p.Commands = append(p.Commands, fund(uint64(1+s.pick(4)), oneOf(s, "USD", "WINE", "OIL"), int64(1+s.pick(20_000)), fmt.Sprint("d", id)))
	case "tick":
		p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}})
	case "admin":
		p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}})
	}
	if len(s.lasts) > 0 && s.pick(16) == 0 {
		again := s.lasts[len(s.lasts)-1-s.pick(min(8, len(s.lasts)))]
		from, p = again.from, again.pack
	}
	s.lasts = append(s.lasts, sent{from, p})
	s.compare(from, p)
}

// clientID is mostly new, and sometimes one of the last few.
func (s *walk) clientID() string {
	s.cid++
	if s.pick(5) == 0 {
		return fmt.Sprint("c", max(0, s.cid-s.pick(30)))
	}
	return fmt.Sprint("c", s.cid)
}

func (s *walk) command() *ordersv1.Command {
	account := uint64(1 + s.pick(5))
	if s.pick(5) == 0 {
		c := &ordersv1.CancelOrder{Account: account}
		if s.pick(2) == 0 {
			c.OrderId = uint64(max(1, int(s.w.lastID)+1-s.pick(40)))
		} else {
			c.ClientOrderId = fmt.Sprint("c", max(0, s.cid-s.pick(30)))
		}
		return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: c}}
	}
	if s.pick(20) == 0 && len(s.lasts) > 0 { // word for word, or nearly
		if old := s.lasts[len(s.lasts)-1-s.pick(min(8, len(s.lasts)))].pack; old.Commands[0].GetNewOrder() != nil {
			c := proto.Clone(old.Commands[0]).(*ordersv1.Command)
			switch o := c.GetNewOrder(); s.pick(4) {
			case 0:
				o.QuantityLots++
			case 1:
				o.PriceTicks++
			case 2:
				o.TimeInForce = ioc
			}
			return c
		}
	}
	o := &ordersv1.NewOrder{
		Account: account, Symbol: oneOf(s, "WINE-USD", "WINE-USD", "OIL-USD"), Side: oneOf(s, buy, sell),
		Type: oneOf[ordersv1.OrderType](s, 1, 1, 1, 1, 2), TimeInForce: oneOf(s, gtc, gtc, gtc, gtc, ioc, fok),
		QuantityLots: int64(1 + s.pick(25)), ClientOrderId: s.clientID(),
	}
	if o.Type == ordersv1.OrderType_ORDER_TYPE_LIMIT {
		o.PriceTicks = int64(95 + s.pick(11))
	}
	switch s.pick(60) {
	case 0:
		o.Symbol = "NONE"
	case 1:
		o.QuantityLots = oneOf[int64](s, 0, -1, 1<<62, 1<<58, 1<<63-1)
	case 2:
		o.PriceTicks = oneOf[int64](s, 0, -4, 1<<61, 7)
	case 3:
		o.Malformed = ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	}
	return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: o}}
}

func (s *walk) compare(from string, p *ordersv1.Pack) {
	got := s.v.sendPack(from, p)
	events, reply := s.w.apply(s.v.seq, from, s.v.nowMs, p)
	if len(got.events) != len(events) {
		s.t.Fatalf("pack %d: %d events, the twin has %d\n%v\n%v", s.v.seq, len(got.events), len(events), got.events, events)
	}
	for i := range events {
		kind, _, _ := strings.Cut(text(got.events[i].ProtoReflect()), " ")
		s.stats[kind]++
		if !proto.Equal(got.events[i], events[i]) {
			s.t.Fatalf("pack %d event %d:\n engine %s\n   twin %s", s.v.seq, i, text(got.events[i].ProtoReflect()), text(events[i].ProtoReflect()))
		}
	}
	if !proto.Equal(got.reply, reply) {
		s.t.Fatalf("pack %d:\n engine answers %s\n   twin answers %s", s.v.seq, text(got.reply.ProtoReflect()), text(reply.ProtoReflect()))
	}
}

// TestTwin walks the engine and its naive twin through the same packs: events,
// answers and the audit must agree after every one.
func TestTwin(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 7))
			stats := walkTwin(t, rng.IntN, 250)
			for _, kind := range []string{"trade", "order_canceled", "order_rejected", "command_rejected", "order_rested"} {
				if stats[kind] < 20 {
					t.Errorf("the walk had only %d of %s", stats[kind], kind)
				}
			}
		})
	}
}

// TestTwinRapid is a shorter walk that shrinks what it finds; -rapid.checks=N
// for more of them.
func TestTwinRapid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, shrinking)
}

// FuzzTwin is the same walk steered by the fuzzer.
func FuzzTwin(f *testing.F) { f.Fuzz(rapid.MakeFuzz(shrinking)) }

func shrinking(t *rapid.T) {
	walkTwin(t, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }, rapid.IntRange(1, 40).Draw(t, "packs"))
}

// walkTwin walks for a number of packs, restores from a snapshot, and goes on.
// It returns the number of events of each kind.
func walkTwin(t fataler, pick func(int) int, packs int) map[string]int {
	s := &walk{t: t, pick: pick, v: newVenue(t), w: newTwin(), stats: map[string]int{}}
	s.v.e.maxDead = oneOf(s, MaxDeadIDs, 40, 1)
	s.w.maxDead = s.v.e.maxDead
	s.no++
	s.compare("admin", &ordersv1.Pack{Gateway: "g1admin", PackNo: s.no, SentAtMs: base, Commands: []*ordersv1.Command{
		assetOf("USD", 2), assetOf("WINE", 0), assetOf("OIL", 3),
		marketOf("WINE-USD", "WINE", "USD", 1, 1, 700, 2500), marketOf("OIL-USD", "OIL", "USD", 50, 100, 300_000, 100_000)}})
	start := &ordersv1.Pack{Gateway: "bank", PackNo: 1, SentAtMs: base}
	for a := uint64(1); a <= 4; a++ {
		start.Commands = append(start.Commands, fund(a, "USD", 40_000, fmt.Sprint("usd", a)), fund(a, "WINE", 400, fmt.Sprint("wine", a)),
			fund(a, "OIL", 40_000, fmt.Sprint("oil", a)))
	}
	s.compare("funds", start)
	for range packs {
		s.step()
	}
	b := s.v.e.AppendSnapshot(nil)
	again, err := Restore(b)
	if err != nil {
		t.Fatal(err)
	}
	again.maxDead = s.v.e.maxDead
	if string(again.AppendSnapshot(nil)) != string(b) {
		t.Fatal("the snapshot of a restored engine differs")
	}
	s.v.e = again
	for range 20 {
		s.step()
	}
	return s.stats
}
