package engine

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// TestFramesDecode: each event of fixed shape is what the generated code reads.
func TestFramesDecode(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	e.out = &Batch{}
	e.clock.nowMs, e.tradeID = 7, 8
	e.accounts = append(e.accounts, account{id: 21}, account{id: 22})
	e.orders = append(e.orders, order{id: 1, price: 2, remaining: 3, reserved: 4, acct: 1, market: 5, flags: flagSell, ref: 9,
		rest: rest{quantity: 6, typ: typeLimit, tif: tifGTC, self: selfNone}}, order{id: 2, acct: 2})
	m := &market{id: 5}
	e.emitOrderAccepted(1)
	e.emitTrade(m, 10, 11, &e.orders[1], &e.orders[2], 12, -13, false)
	e.emitTrade(m, 10, 11, &e.orders[1], &e.orders[2], 12, 13, true)
	e.emitOrderCanceled(1, causeFOK, 14)
	e.emitOrderAmended(1, 15, true)
	e.events++
	putBalance(newEvent[[36]byte](e.out), &balance{owner: 21, asset: 3, available: 16, reserved: 17})
	e.emitOrderRested(1, 18, 19)
	e.emitOrderTriggered(1, 20)
	e.emitTriggerMoved(1, 21)
	e.emitOrderDecremented(1, 22, 23, 24)
	want := []*tradesv1.Event{
		{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: 1, Account: 21, PriceTicks: 2, QuantityLots: 6, Reserved: 4, Market: 5,
			Kind: 2 | 1<<8 | 1<<16 | 1<<24, AtMs: 7, ClientRef: 9}}},
		{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: 8, PriceTicks: 10, QuantityLots: 11, MakerOrderId: 1, TakerOrderId: 2, MakerAccount: 21,
			TakerAccount: 22, MakerFee: 12, TakerFee: 1<<64 - 13, AtMs: 7, Market: 5, TakerSide: 1}}},
		{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: 8, PriceTicks: 10, QuantityLots: 11, MakerOrderId: 1, TakerOrderId: 2, MakerAccount: 21,
			TakerAccount: 22, MakerFee: 12, TakerFee: 13, AtMs: 7, Market: 5, TakerSide: 1, Auction: true}}},
		{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: 1, RemainingLots: 14, AtMs: 7, Reason: uint32(causeFOK)}}},
		{Kind: &tradesv1.Event_OrderAmended{OrderAmended: &tradesv1.OrderAmended{OrderId: 1, PriceTicks: 2, QuantityLots: 6, RemainingLots: 3, VisibleLots: 15,
			Reserved: 4, AtMs: 7, KeptPlace: true}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 21, Available: 16, Reserved: 17, Asset: 3}}},
		{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: 1, RemainingLots: 18, VisibleLots: 19}}},
		{Kind: &tradesv1.Event_OrderTriggered{OrderTriggered: &tradesv1.OrderTriggered{OrderId: 1, AtMs: 7, LastTicks: 20}}},
		{Kind: &tradesv1.Event_TriggerMoved{TriggerMoved: &tradesv1.TriggerMoved{OrderId: 1, TriggerTicks: 21}}},
		{Kind: &tradesv1.Event_OrderDecremented{OrderDecremented: &tradesv1.OrderDecremented{OrderId: 1, Lots: 22, RemainingLots: 23, VisibleLots: 24}}},
	}
	got, err := e.out.Events()
	if err != nil || len(got) != len(want) || e.out.Len() != len(want) || e.Events() != uint64(len(want)) {
		t.Fatalf("%d events, %d counted, want %d: %v", len(got), e.out.Len(), len(want), err)
	}
	for k := range want {
		if !proto.Equal(got[k], want[k]) {
			t.Errorf("event %d is %v, want %v", k, got[k], want[k])
		}
	}
}

// TestOutputParts cuts a batch at event borders, by size and by given counts.
func TestOutputParts(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	b := &Batch{}
	e.out = b
	for k := range uint64(100) {
		e.emitOrderRested(k+1, 1, 1)
	}
	for _, c := range []struct {
		max    int
		counts []int
		parts  int
	}{{1 << 20, nil, 1}, {headroom + 310, nil, 10}, {headroom + 1, nil, 100}, {1 << 20, []int{3, 40}, 3}, {1 << 20, []int{100}, 1}} {
		o := NewOutput(b, c.max, c.counts...)
		if o.Parts() != c.parts {
			t.Errorf("at most %d bytes, counts %v: %d parts, want %d", c.max, c.counts, o.Parts(), c.parts)
		}
		next := uint64(1)
		for k := range o.Parts() {
			var m tradesv1.Output
			if err := proto.Unmarshal(o.AppendPart(nil, k, 5, []byte("digest")), &m); err != nil {
				t.Fatal(err)
			}
			if m.Last != (k == o.Parts()-1) || m.Part != uint32(k+1) || m.FirstEventSeq != next-1 {
				t.Errorf("part %d says last %t, part %d, first %d", k, m.Last, m.Part, m.FirstEventSeq)
			}
			for _, ev := range m.Events {
				if got := ev.GetOrderRested().GetOrderId(); got != next {
					t.Fatalf("part %d: order %d, want %d", k, got, next)
				}
				next++
			}
		}
		if next != 101 {
			t.Errorf("parts hold %d events", next-1)
		}
	}
}

// TestDecodeAsGenerated: the hand decoder reads what the generated code wrote.
func TestDecodeAsGenerated(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	rapid.Check(t, func(t *rapid.T) {
		n64, s := rapid.Int64(), rapid.StringMatching(`[ -~]{0,70}`)
		n := &ordersv1.NewOrder{
			Account: rapid.Uint64().Draw(t, "account"), Market: rapid.Uint32().Draw(t, "market"), Side: ordersv1.Side(rapid.Int32Range(0, 300).Draw(t, "side")),
			Type: ordersv1.OrderType(rapid.Int32Range(-1, 9).Draw(t, "type")), TimeInForce: ordersv1.TimeInForce(rapid.Int32Range(0, 9).Draw(t, "tif")),
			PriceTicks: n64.Draw(t, "price"), QuantityLots: n64.Draw(t, "lots"), ClientOrderId: s.Draw(t, "id"), ClientRef: rapid.Uint64().Draw(t, "ref"),
			Malformed: ordersv1.RejectReason(rapid.Int32Range(0, 40).Draw(t, "malformed")), PostOnly: rapid.Bool().Draw(t, "post"),
			SelfTrade: ordersv1.SelfTrade(rapid.Int32Range(0, 9).Draw(t, "self")), QuoteBudget: n64.Draw(t, "budget"), ProtectionTicks: n64.Draw(t, "protection"),
			TriggerTicks: n64.Draw(t, "trigger"), TrailTicks: n64.Draw(t, "trail"), DisplayLots: n64.Draw(t, "display"), MinLots: n64.Draw(t, "min"),
			ExpiresAtMs: n64.Draw(t, "expires"),
		}
		old := &ordersv1.CancelOrder{Account: rapid.Uint64().Draw(t, "owner"), OrderId: rapid.Uint64().Draw(t, "order"), ClientOrderId: s.Draw(t, "old id"), ClientRef: 3}
		data, err := proto.Marshal(&ordersv1.Command{RequestId: s.Draw(t, "request"), Op: &ordersv1.Command_Replace{Replace: &ordersv1.ReplaceOrder{Cancel: old, NewOrder: n}}})
		if err != nil {
			t.Skip(err)
		}
		e.spare.reset()
		var cmd Command
		e.decode(&cmd, data)
		c := cmd.Second
		if cmd.Op != OpReplace || cmd.Account != old.Account || cmd.OrderID != old.OrderId || string(cmd.ClientID) != old.ClientOrderId || cmd.Ref != 3 {
			t.Fatalf("cancel read as %+v", cmd)
		}
		terms := Terms{n.QuoteBudget, n.ProtectionTicks, n.TriggerTicks, n.TrailTicks, n.DisplayLots, n.MinLots, n.ExpiresAtMs}
		if c.Account != n.Account || c.Market != n.Market || c.Side != enum(uint64(n.Side)) || c.Type != enum(uint64(n.Type)) || c.TIF != enum(uint64(n.TimeInForce)) ||
			c.Price != n.PriceTicks || c.Quantity != n.QuantityLots || string(c.ClientID) != n.ClientOrderId || c.Ref != n.ClientRef ||
			c.Malformed != enum(uint64(n.Malformed)) || c.PostOnly != n.PostOnly || c.SelfTrade != enum(uint64(n.SelfTrade)) || *c.terms() != terms {
			t.Fatalf("order %v read as %+v", n, *c)
		}
	})
}

// FuzzPack: no bytes make the engine panic or lose what it keeps by increments.
func FuzzPack(f *testing.F) {
	data, _ := proto.Marshal(&ordersv1.Pack{Gateway: "g", PackNo: 1, SentAtMs: 1, Commands: []*ordersv1.Command{
		{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: 1, Market: 1, Side: 1, Type: 1, TimeInForce: 1, PriceTicks: 5, QuantityLots: 5, ClientRef: 1}}},
		{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}},
		{Op: &ordersv1.Command_AddMarket{AddMarket: &ordersv1.AddMarket{Symbol: "S", Limits: &ordersv1.Limits{MinLots: 1}}}},
	}})
	f.Add(data, uint8(0))
	f.Add(data, uint8(1))
	f.Add([]byte{}, uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, from uint8) {
		e := New(Options{})
		var out Batch
		var reply Reply
		e.Apply(Input{Seq: 1, From: [...]string{"api", "funds", "admin", "tick"}[from%4], ServerMs: 1, Data: data}, &out, &reply)
		if err := e.Audit(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Events(); err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(reply.Bytes(), &ordersv1.PackReply{}); err != nil {
			t.Fatal(err)
		}
	})
}
