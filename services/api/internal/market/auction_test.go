package market

import (
	"math/rand/v2"
	"testing"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// TestIndicationFollowsTheBook: whatever happens to orders, hidden parts among
// them, the levels give the price that the orders themselves give.
func TestIndicationFollowsTheBook(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	s := venueOf()
	m := s.Market("W-U")
	some, hidden := 0, 0
	for id := uint64(1); id < 3000; id++ {
		lots := 1 + r.Uint64N(20)
		visible := 1 + r.Uint64N(lots)
		apply(t, s, &tradesv1.OrderAccepted{OrderId: id, Account: 1, Market: 1, Kind: 1 + r.Uint32N(2) | lim | gtc, PriceTicks: 1 + r.Uint64N(30), QuantityLots: lots,
			Terms: &tradesv1.OrderTerms{DisplayLots: int64(visible)}}, &tradesv1.OrderRested{OrderId: id, RemainingLots: lots, VisibleLots: visible})
		o := s.order(1 + r.Uint64N(id))
		switch left := uint64(o.RemainingLots); {
		case !o.Open():
		case r.IntN(4) == 0:
			apply(t, s, &tradesv1.OrderCanceled{OrderId: o.ID, RemainingLots: left})
		case r.IntN(3) == 0:
			apply(t, s, &tradesv1.Trade{TradeId: id, Market: 1, PriceTicks: uint64(o.PriceTicks), QuantityLots: 1 + r.Uint64N(left), MakerOrderId: o.ID, Auction: r.IntN(2) == 0})
		case r.IntN(2) == 0:
			apply(t, s, &tradesv1.OrderAmended{OrderId: o.ID, PriceTicks: 1 + r.Uint64N(30), QuantityLots: uint64(o.QuantityLots), RemainingLots: left, VisibleLots: 1, KeptPlace: r.IntN(2) == 0})
		case left > 1:
			apply(t, s, &tradesv1.OrderDecremented{OrderId: o.ID, RemainingLots: left - 1, VisibleLots: 1, Lots: 1})
		}
		var all []wish
		for p := range int64(32) {
			w := wish{price: p}
			for o := range s.orders.all() {
				if o.Resting && o.PriceTicks == p && o.side() == buy {
					w.bought += o.RemainingLots
				} else if o.Resting && o.PriceTicks == p {
					w.sold += o.RemainingLots
				}
			}
			if w.bought+w.sold > 0 || p == s.Last(1) {
				all = append(all, w)
			}
		}
		want := indicate(Indication{Seq: s.Seq, ReferenceTicks: s.Last(1)}, all)
		if got := s.Indicate(m); got != want {
			t.Fatalf("after order %d: %+v, want %+v", id, got, want)
		}
		if again := s.Indicate(m); again != want {
			t.Fatalf("asked again: %+v, want %+v", again, want)
		}
		if want.VolumeLots > 0 {
			some++
		}
		hidden = max(hidden, len(s.trading(1).book.hiddenBids))
		if id%500 == 0 { // begin with a small book again
			for o := range s.orders.all() {
				if o.Open() {
					apply(t, s, &tradesv1.OrderCanceled{OrderId: o.ID, RemainingLots: uint64(o.RemainingLots)})
				}
			}
			if b := &s.trading(1).book; len(b.bids)+len(b.asks)+len(b.hiddenBids)+len(b.hiddenAsks) > 0 {
				t.Fatalf("an empty book has levels: %+v", b)
			}
		}
	}
	if some < 1000 || hidden == 0 {
		t.Errorf("%d auctions had a price, %d levels hid something: the test tests nothing", some, hidden)
	}
}
