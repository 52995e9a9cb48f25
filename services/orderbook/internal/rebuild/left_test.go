package rebuild

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// TestFoldKnowsTheWorkLeft: the events end in the middle of mass cancels that
// are larger than a pack may do; the state that is made of them goes on with
// them exactly as the one that computed.
func TestFoldKnowsTheWorkLeft(t *testing.T) {
	t.Parallel()
	const orders = 24_000 // a command may do 10,000
	v := newVenue(t, 1)
	var money []*ordersv1.Command
	for account := uint64(1); account <= 2; account++ {
		money = append(money, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: "USD", Amount: 1 << 50, DepositId: fmt.Sprint(account)}}})
	}
	v.pack(ordersv1.FromFunds, money...)
	for n := 0; n < orders; {
		var cmds []*ordersv1.Command
		for range ordersv1.MaxCommands {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: uint64(1 + n%2), Market: 1,
				Side: ordersv1.Side_SIDE_BUY, Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC,
				PriceTicks: int64(50 + n%40), QuantityLots: 1, ClientRef: uint64(n + 1)}}})
			n++
		}
		v.pack(ordersv1.FromAPI, cmds...)
	}
	v.flush()
	if live := v.e.Size().LiveOrders; live != orders {
		t.Fatalf("%d orders rest, want %d", live, orders)
	}
	all := func(account uint64) *ordersv1.Command {
		return &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: account}}}
	}
	v.pack(ordersv1.FromAPI, all(1), all(2))
	v.flush()
	left := 0
	for v.e.Pending() {
		v.same()
		folded, err := v.fold.Engine()
		if err != nil {
			t.Fatal(err)
		}
		if !folded.Pending() {
			t.Fatal("the fold has nothing left to do")
		}
		// A younger order stays, in both.
		tick, err := proto.Marshal(&ordersv1.Pack{Gateway: "t", PackNo: v.seq + 1, SentAtMs: v.nowMs, Commands: []*ordersv1.Command{
			{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: 1, Market: 1, Side: ordersv1.Side_SIDE_BUY, Type: ordersv1.OrderType_ORDER_TYPE_LIMIT,
				TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: 40, QuantityLots: 1, ClientRef: uint64(100_000 + left)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		v.seq++
		v.firstE, v.firstI = v.e.Events()+1, v.seq
		in := engine.Input{Seq: v.seq, From: ordersv1.FromAPI, ServerMs: v.nowMs, Data: tick}
		var out engine.Batch
		folded.Apply(in, &out, nil)
		v.e.Apply(in, &v.out, nil)
		if !bytes.Equal(folded.AppendSnapshot(nil), v.e.AppendSnapshot(nil)) || out.Len() != v.out.Len() {
			t.Fatalf("after %d packs the fold goes on otherwise: %d events, want %d", left+1, out.Len(), v.out.Len())
		}
		if err := folded.Audit(); err != nil {
			t.Fatal(err)
		}
		v.flush()
		left++
	}
	v.same()
	if left < 1 || v.e.Size().LiveOrders != left {
		t.Errorf("%d packs went on with the cancels, %d orders are left", left, v.e.Size().LiveOrders)
	}
}

// TestFoldKnowsTheChases: the events end while trailing stops have still a high
// to follow, and others came since.
func TestFoldKnowsTheChases(t *testing.T) {
	t.Parallel()
	const trails = 11_000 // a command may move 10,000
	v := newVenue(t, 1)
	v.pack(ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: 3}}})
	var money []*ordersv1.Command
	for account := uint64(1); account <= 2; account++ {
		for _, asset := range []string{"USD", "WINE"} {
			money = append(money, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset, Amount: 1 << 50, DepositId: fmt.Sprint(asset, account)}}})
		}
	}
	v.pack(ordersv1.FromFunds, money...)
	ref := uint64(0)
	order := func(account uint64, side ordersv1.Side, price, trail int64) *ordersv1.Command {
		ref++
		o := &ordersv1.NewOrder{Account: account, Market: 1, Side: side, PriceTicks: price, QuantityLots: 1, ClientRef: ref, TrailTicks: trail,
			Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC}
		if trail != 0 {
			o.Type, o.TimeInForce = ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP, 0
		}
		return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: o}}
	}
	const buy, sell = ordersv1.Side_SIDE_BUY, ordersv1.Side_SIDE_SELL
	at := func(price int64) []*ordersv1.Command {
		return []*ordersv1.Command{order(1, sell, price, 0), order(2, buy, price, 0)}
	}
	v.pack(ordersv1.FromAPI, at(100)...)
	for n := 0; n < trails; n += ordersv1.MaxCommands {
		var cmds []*ordersv1.Command
		for range ordersv1.MaxCommands {
			cmds = append(cmds, order(1, sell, 0, 50))
		}
		v.pack(ordersv1.FromAPI, cmds...)
	}
	v.pack(ordersv1.FromAPI, at(110)...)
	v.flush()
	if !v.e.Pending() {
		t.Fatal("all have followed at once")
	}
	v.same()
	folded, err := v.fold.Engine()
	if err != nil {
		t.Fatal(err)
	}
	if !folded.Pending() {
		t.Fatal("the fold has nothing left to do")
	}
	v.pack(ordersv1.FromTick, &ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}})
	v.flush()
	v.same()
	if v.e.Pending() {
		t.Error("a pack more, and some have still not followed")
	}
}
