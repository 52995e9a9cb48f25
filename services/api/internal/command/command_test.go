package command

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

func anyOrder(r *rand.Rand) (Order, *ordersv1.NewOrder) {
	n := func() int64 {
		if r.IntN(3) == 0 {
			return 0
		}
		return r.Int64() >> r.IntN(63)
	}
	o := Order{Market: &market.Market{ID: 1 + r.Uint32N(9)}, Side: ordersv1.Side(r.IntN(3)), Type: ordersv1.OrderType(r.IntN(8)), TimeInForce: ordersv1.TimeInForce(r.IntN(6)),
		SelfTrade: ordersv1.SelfTrade(r.IntN(6)), Malformed: ordersv1.RejectReason(r.IntN(29)), PostOnly: r.IntN(2) == 0, Price: n(), Protection: n(), Trigger: n(), Trail: n(),
		Quantity: n(), Display: n(), MinLots: n(), Budget: n(), ExpiresMS: n(), ClientID: []byte("some-id")[:r.IntN(8)], Ref: uint64(n())}
	return o, &ordersv1.NewOrder{Account: 7, Market: o.Market.ID, Side: o.Side, Type: o.Type, TimeInForce: o.TimeInForce, PriceTicks: o.Price, QuantityLots: o.Quantity,
		ClientOrderId: string(o.ClientID), Malformed: o.Malformed, QuoteBudget: o.Budget, ProtectionTicks: o.Protection, TriggerTicks: o.Trigger, TrailTicks: o.Trail,
		DisplayLots: o.Display, MinLots: o.MinLots, PostOnly: o.PostOnly, ExpiresAtMs: o.ExpiresMS, SelfTrade: o.SelfTrade, ClientRef: o.Ref}
}

// TestAppend: what is written by hand is what the generated code reads, field
// by field.
func TestAppend(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		first, wantFirst := anyOrder(r)
		second, wantSecond := anyOrder(r)
		c := Command{Op: Op(1 + r.IntN(int(KeepAlive))), First: first, Second: second, Market: first.Market, Price: r.Int64(), Quantity: r.Int64(),
			Malformed: ordersv1.RejectReason(r.IntN(29)), Side: ordersv1.Side(r.IntN(3)), TimeoutMS: r.Int64()}
		switch r.IntN(3) {
		case 0:
			c.Name.ID = r.Uint64() >> 1
		case 1:
			c.Name.ClientID = []byte("x y")
		default:
			c.Name.Ref = r.Uint64() >> 1
		}
		name := &ordersv1.CancelOrder{Account: 7, OrderId: c.Name.ID, ClientOrderId: string(c.Name.ClientID), ClientRef: c.Name.Ref}
		want := &ordersv1.Command{RequestId: "req"}
		switch c.Op {
		case Place:
			want.Op = &ordersv1.Command_NewOrder{NewOrder: wantFirst}
		case Cancel:
			want.Op = &ordersv1.Command_Cancel{Cancel: name}
		case Amend:
			want.Op = &ordersv1.Command_Amend{Amend: &ordersv1.AmendOrder{Account: 7, OrderId: name.OrderId, ClientOrderId: name.ClientOrderId, ClientRef: name.ClientRef,
				PriceTicks: c.Price, QuantityLots: c.Quantity, Malformed: c.Malformed}}
		case Replace:
			want.Op = &ordersv1.Command_Replace{Replace: &ordersv1.ReplaceOrder{Cancel: name, NewOrder: wantFirst}}
		case Pair:
			want.Op = &ordersv1.Command_NewPair{NewPair: &ordersv1.NewPair{First: wantFirst, Second: wantSecond}}
		case CancelAll:
			want.Op = &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: 7, Market: c.Market.ID, Side: c.Side}}
		case KeepAlive:
			want.Op = &ordersv1.Command_KeepAlive{KeepAlive: &ordersv1.KeepAlive{Account: 7, TimeoutMs: c.TimeoutMS}}
		}
		raw := AppendHead(nil, "gw", 3, 99)
		raw = c.Append(c.Append(raw, 7, "req"), 7, "req")
		got := &ordersv1.Pack{}
		if err := proto.Unmarshal(raw, got); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(got, &ordersv1.Pack{Gateway: "gw", PackNo: 3, SentAtMs: 99, Commands: []*ordersv1.Command{want, want}}) {
			t.Fatalf("op %d:\n%v\nwant twice\n%v", c.Op, got, want)
		}
	}
}

// TestReply: what the generated code writes is read back.
func TestReply(t *testing.T) {
	t.Parallel()
	want := &ordersv1.PackReply{PackNo: 5, InSeq: 6, NowMs: 7, Outcomes: []*ordersv1.Outcome{
		{OrderId: 1, Status: 2, FilledLots: 3, RemainingLots: 4, CancelReason: 5, RepeatedId: true, Canceled: 9, SecondOrderId: 2, Fills: []*ordersv1.Fill{
			{TradeId: 1, PriceTicks: 2, QuantityLots: 3, Fee: 4}, {TradeId: 9}}}, {}, {Reject: 7}}}
	raw, err := proto.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ReadReply(raw)
	if err != nil || r.PackNo != 5 || r.InSeq != 6 || r.NowMS != 7 || r.Count != 3 {
		t.Fatalf("%+v %v", r, err)
	}
	var o Outcome
	if !r.Next(&o) || o.OrderID != 1 || o.Status != 2 || o.Filled != 3 || o.Remaining != 4 || o.CancelReason != 5 || !o.Repeated || o.Canceled != 9 || o.SecondID != 2 ||
		len(o.Fills) != 2 || o.Fills[0] != (market.Fill{TradeID: 1, PriceTicks: 2, QuantityLots: 3, Fee: 4}) || o.Fills[1].TradeID != 9 {
		t.Errorf("%+v", o)
	}
	if !r.Next(&o) || o.OrderID != 0 || len(o.Fills) != 0 {
		t.Errorf("%+v", o)
	}
	if !r.Next(&o) || o.Reject != 7 || r.Next(&o) {
		t.Errorf("%+v", o)
	}
	for n := range raw {
		r, err := ReadReply(raw[:n])
		for err == nil && r.Next(&o) {
		}
	}
}

// FuzzReply: no bytes break the reader.
func FuzzReply(f *testing.F) {
	f.Add([]byte("\x08\x01\x1a\x0b\x11\x01\x00\x00\x00\x00\x00\x00\x00\x18\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ReadReply(raw)
		var o Outcome
		for n := 0; err == nil && n <= r.Count && r.Next(&o); n++ {
		}
	})
}
