package shape

import (
	"math/rand/v2"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

// TestAppendOrder: the short way writes what the shape's own encoding does.
func TestAppendOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	n := func() int64 {
		if r.IntN(2) == 0 {
			return 0
		}
		return r.Int64N(1 << 40)
	}
	for range 3000 {
		m := &market.Market{ID: 1, Symbol: "W-U", Tick: 5, Lot: 2, BaseScale: r.Uint32N(9), QuoteScale: r.Uint32N(9)}
		if r.IntN(9) == 0 {
			m = nil
		}
		o := market.Order{ID: r.Uint64(), ClientOrderID: []string{"", "a b", `"\`, "é<"}[r.IntN(4)], ClientRef: uint64(n()), Side: ordersv1.Side(r.IntN(3)), Type: ordersv1.OrderType(r.IntN(8)),
			TimeInForce: ordersv1.TimeInForce(r.IntN(6)), SelfTrade: ordersv1.SelfTrade(r.IntN(6)), PriceTicks: n(), QuantityLots: n(), FilledLots: n(), RemainingLots: n(),
			Status: ordersv1.OrderStatus(r.IntN(8)), RejectReason: ordersv1.RejectReason(r.IntN(3)), CancelReason: ordersv1.CancelReason(r.IntN(17)), CreatedMS: n(), UpdatedMS: n()}
		if r.IntN(2) == 0 {
			o.Terms = market.Terms{QuoteBudget: n(), ProtectionTicks: n(), TriggerTicks: n(), TrailTicks: n(), DisplayLots: n(), MinLots: n(), PostOnly: r.IntN(2) == 0, ExpiresAtMS: n(), OtherLeg: uint64(n())}
		}
		for range r.IntN(3) {
			o.Fills = append(o.Fills, market.Fill{TradeID: r.Uint64(), PriceTicks: n(), QuantityLots: n(), Fee: n()})
		}
		if got, want := string(AppendOrder(nil, &o, m)), string(Encode(OfOrder(&o, m))); got != want {
			t.Fatalf("%s\nwant\n%s", got, want)
		}
	}
}

// TestAppendDepth: as TestAppendOrder.
func TestAppendDepth(t *testing.T) {
	t.Parallel()
	m := &market.Market{Tick: 5, Lot: 2, QuoteScale: 2, BaseScale: 3}
	for _, d := range []market.Depth{
		{}, {Seq: 7, Checksum: 1<<32 - 1, Bids: []market.Level{{PriceTicks: 200, Lots: 1}, {PriceTicks: 199, Lots: 1 << 62}}},
		{Seq: 1<<64 - 1, Asks: []market.Level{{PriceTicks: 1, Lots: 3}}, Bids: []market.Level{{PriceTicks: 1 << 61, Lots: 12345}}},
	} {
		if got, want := string(AppendDepth(nil, &d, m)), string(Encode(OfDepth(&d, m))); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
