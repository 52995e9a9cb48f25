package market

import (
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// venueOf is a state with one market: tick 5 cents, lot 2.
func venueOf() *State {
	s := New()
	s.PutAsset(1, "USD", 2)
	s.PutAsset(2, "WINE", 0)
	s.PutMarket(Market{ID: 1, Symbol: "W-U", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2, TakerFeePPM: 1000})
	return s
}

func event(kind any) *tradesv1.Event {
	switch k := kind.(type) {
	case *tradesv1.OrderAccepted:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: k}}
	case *tradesv1.OrderRested:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: k}}
	case *tradesv1.Trade:
		return &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: k}}
	case *tradesv1.OrderCanceled:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: k}}
	case *tradesv1.BalanceChanged:
		return &tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: k}}
	case *tradesv1.OrderAmended:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderAmended{OrderAmended: k}}
	case *tradesv1.OrderDecremented:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderDecremented{OrderDecremented: k}}
	case *tradesv1.OrderTriggered:
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderTriggered{OrderTriggered: k}}
	case *tradesv1.PhaseChanged:
		return &tradesv1.Event{Kind: &tradesv1.Event_PhaseChanged{PhaseChanged: k}}
	}
	panic("no such event")
}

func apply(t testing.TB, s *State, kinds ...any) (c Change) {
	t.Helper()
	for _, k := range kinds {
		raw, err := proto.Marshal(event(k))
		if err != nil {
			t.Fatal(err)
		}
		if c, err = s.Apply(s.Seq+1, raw); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestDecode: an event read by hand and one read by the generated code fold
// into the same.
func TestDecode(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	quick, slow := venueOf(), venueOf()
	for range 4000 {
		id := 1 + r.Uint64N(200)
		var k any
		switch r.IntN(5) {
		case 0:
			a := &tradesv1.OrderAccepted{OrderId: quick.Seq + 1000, Account: r.Uint64N(5), PriceTicks: r.Uint64N(99), QuantityLots: r.Uint64N(99), Reserved: r.Uint64(), Market: 1,
				Kind: r.Uint32() & 0x05070702, AtMs: r.Uint64() >> 20, ClientRef: r.Uint64N(3)}
			if r.IntN(2) == 0 {
				a.ClientOrderId, a.Terms = "abc", &tradesv1.OrderTerms{DisplayLots: 3, OtherLeg: id, PostOnly: true}
			}
			a.OrderId = id
			if quick.orders.get(id) != nil {
				continue
			}
			k = a
		case 1:
			k = &tradesv1.OrderRested{OrderId: id, RemainingLots: r.Uint64N(99), VisibleLots: r.Uint64N(50)}
		case 2:
			k = &tradesv1.Trade{TradeId: r.Uint64N(99), PriceTicks: r.Uint64N(99), QuantityLots: r.Uint64N(9), MakerOrderId: id, TakerOrderId: id + 1, MakerAccount: 1, TakerAccount: 2,
				MakerFee: r.Uint64(), TakerFee: r.Uint64(), AtMs: r.Uint64() >> 20, Market: 1, TakerSide: 1 + r.Uint32N(2), Auction: r.IntN(2) == 0}
		case 3:
			if o := quick.orders.get(id); o == nil || !o.Open() {
				continue
			}
			k = &tradesv1.OrderCanceled{OrderId: id, RemainingLots: r.Uint64(), AtMs: r.Uint64() >> 20, Reason: r.Uint32N(17)}
		default:
			k = &tradesv1.BalanceChanged{Account: r.Uint64N(5), Available: r.Uint64() >> 1, Reserved: r.Uint64() >> 1, Asset: 1 + r.Uint32N(2)}
		}
		got := apply(t, quick, k)
		slow.Seq++
		want := Change{Seq: slow.Seq}
		slow.fold(&want, event(k))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%T: %+v\nwant %+v", k, got, want)
		}
	}
	for id := range uint64(5) {
		if !reflect.DeepEqual(quick.Balances(id), slow.Balances(id)) {
			t.Errorf("account %d: %v, %v", id, quick.Balances(id), slow.Balances(id))
		}
	}
	if !reflect.DeepEqual(quick.Take(), slow.Take()) || quick.orders.count != slow.orders.count {
		t.Error("the states differ")
	}
}

const (
	gtc  = 1 << 16
	lim  = 1 << 8
	stop = 3 << 8
)

// TestIceberg: the book shows the visible part; an amend, a decrement and a
// refill change it.
func TestIceberg(t *testing.T) {
	t.Parallel()
	s := venueOf()
	ask := func() int64 {
		d := s.Depth(1, 0)
		if len(d.Asks) == 0 {
			return 0
		}
		return d.Asks[0].Lots
	}
	apply(t, s, &tradesv1.OrderAccepted{OrderId: 1, Account: 1, Market: 1, Kind: 2 | lim | gtc, PriceTicks: 10, QuantityLots: 100, Terms: &tradesv1.OrderTerms{DisplayLots: 20}},
		&tradesv1.OrderRested{OrderId: 1, RemainingLots: 100, VisibleLots: 20})
	trade := func(lots uint64, auction bool) {
		apply(t, s, &tradesv1.Trade{TradeId: s.Seq, Market: 1, PriceTicks: 10, QuantityLots: lots, MakerOrderId: 1, TakerSide: 1, Auction: auction, AtMs: 5000})
	}
	for i, step := range []struct {
		do   func()
		want int64
		left int64
	}{
		{func() {}, 20, 100},
		{func() { trade(5, false) }, 15, 95},
		{func() { trade(15, false) }, 0, 80},
		{func() { apply(t, s, &tradesv1.OrderRested{OrderId: 1, RemainingLots: 80, VisibleLots: 20}) }, 20, 80},
		{func() {
			apply(t, s, &tradesv1.OrderDecremented{OrderId: 1, Lots: 10, RemainingLots: 70, VisibleLots: 10})
		}, 10, 70},
		{func() { trade(40, true) }, 20, 30},
		{func() {
			apply(t, s, &tradesv1.OrderAmended{OrderId: 1, PriceTicks: 10, QuantityLots: 85, RemainingLots: 15, VisibleLots: 15, KeptPlace: true})
		}, 15, 15},
		{func() {
			apply(t, s, &tradesv1.OrderAmended{OrderId: 1, PriceTicks: 11, QuantityLots: 85, RemainingLots: 15})
		}, 0, 15},
		{func() { apply(t, s, &tradesv1.OrderRested{OrderId: 1, RemainingLots: 15, VisibleLots: 15}) }, 15, 15},
		{func() { trade(15, false) }, 0, 0},
	} {
		step.do()
		o, _ := s.Order(1, 1)
		if ask() != step.want || o.RemainingLots != step.left {
			t.Fatalf("step %d: the book shows %d, want %d; %d lots are left, want %d", i, ask(), step.want, o.RemainingLots, step.left)
		}
	}
	o, _ := s.Order(1, 1)
	if o.Status != ordersv1.OrderStatus_ORDER_STATUS_FILLED || o.FilledLots != 75 || o.Decremented != 10 || len(s.Queue(1)) != 0 {
		t.Errorf("%+v", o)
	}
}

// TestStatuses: what orders with a trigger, a budget, or an expiry become.
func TestStatuses(t *testing.T) {
	t.Parallel()
	s := venueOf()
	status := func(id uint64) ordersv1.OrderStatus { o, _ := s.Order(1, id); return o.Status }
	apply(t, s, &tradesv1.OrderAccepted{OrderId: 1, Account: 1, Market: 1, Kind: 2 | stop, QuantityLots: 5, Terms: &tradesv1.OrderTerms{TriggerTicks: 9}},
		&tradesv1.OrderAccepted{OrderId: 2, Account: 1, Market: 1, Kind: 1 | 2<<8, Terms: &tradesv1.OrderTerms{QuoteBudget: 99}},
		&tradesv1.OrderAccepted{OrderId: 3, Account: 1, Market: 1, Kind: 1 | lim, QuantityLots: 5, Terms: &tradesv1.OrderTerms{OtherLeg: 1}})
	if status(1) != ordersv1.OrderStatus_ORDER_STATUS_WAITING || status(2) != ordersv1.OrderStatus_ORDER_STATUS_OPEN {
		t.Errorf("%v %v", status(1), status(2))
	}
	if o, _ := s.Order(1, 1); o.Terms.OtherLeg != 3 {
		t.Errorf("%+v", o)
	}
	apply(t, s, &tradesv1.OrderTriggered{OrderId: 1}, &tradesv1.Trade{TradeId: 1, Market: 1, PriceTicks: 10, QuantityLots: 2, MakerOrderId: 9, TakerOrderId: 2},
		&tradesv1.OrderCanceled{OrderId: 2, Reason: uint32(ordersv1.CancelReason_CANCEL_REASON_BUDGET)},
		&tradesv1.OrderCanceled{OrderId: 3, Reason: uint32(ordersv1.CancelReason_CANCEL_REASON_EXPIRED)})
	for id, want := range map[uint64]ordersv1.OrderStatus{1: ordersv1.OrderStatus_ORDER_STATUS_OPEN, 2: ordersv1.OrderStatus_ORDER_STATUS_FILLED, 3: ordersv1.OrderStatus_ORDER_STATUS_EXPIRED} {
		if status(id) != want {
			t.Errorf("order %d is %v, want %v", id, status(id), want)
		}
	}
}

// TestQueue: orders stand in the order in which they came to rest.
func TestQueue(t *testing.T) {
	t.Parallel()
	s := venueOf()
	for id := uint64(1); id <= 3; id++ {
		apply(t, s, &tradesv1.OrderAccepted{OrderId: id, Account: id, Market: 1, Kind: 1 | lim | gtc, PriceTicks: 10, QuantityLots: 5}, &tradesv1.OrderRested{OrderId: id, RemainingLots: 5, VisibleLots: 5})
	}
	c := apply(t, s, &tradesv1.OrderAmended{OrderId: 1, PriceTicks: 10, QuantityLots: 7, RemainingLots: 7})
	if len(c.Places) != 1 || c.Places[0].Remaining != 0 {
		t.Errorf("%+v", c.Places)
	}
	c = apply(t, s, &tradesv1.OrderRested{OrderId: 1, RemainingLots: 7, VisibleLots: 7})
	if len(c.Places) != 1 || c.Places[0].Remaining != 7 || c.Places[0].Queue != s.Seq {
		t.Errorf("%+v", c.Places)
	}
	var ids []uint64
	for _, p := range s.Queue(1) {
		ids = append(ids, p.OrderID)
	}
	if !reflect.DeepEqual(ids, []uint64{2, 3, 1}) {
		t.Errorf("%v", ids)
	}
}

// TestWindow: after any trades with any gaps the ticker is what the trades of
// the last day give, to the second.
func TestWindow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 9))
		s := venueOf()
		now := int64(1_700_000_000_000)
		type fill struct{ at, price, lots int64 }
		var all []fill
		for i := range 400 {
			now += r.Int64N([]int64{10, 3000, 600_000, dayMS / 4, 2 * dayMS}[min(r.IntN(12), 4)]) // seldom days
			f := fill{now, 1 + r.Int64N(50), 1 + r.Int64N(9)}
			all = append(all, f)
			apply(t, s, &tradesv1.Trade{TradeId: uint64(i + 1), Market: 1, PriceTicks: uint64(f.price), QuantityLots: uint64(f.lots), AtMs: uint64(f.at)})
			if r.IntN(3) == 0 {
				s.Take()
			}
			from := begins(now)
			want := Ticker{Last: f.price}
			quote := int64(0)
			for _, x := range all {
				if x.at < from {
					want.Reference = x.price
					continue
				}
				if want.Trades == 0 {
					want.High, want.Low = x.price, x.price
					if want.Reference == 0 {
						want.Reference = x.price
					}
				}
				want.High, want.Low = max(want.High, x.price), min(want.Low, x.price)
				want.VolumeLots += x.lots
				want.Trades++
				quote += x.price * x.lots * 10
			}
			got, _ := s.Ticker(1)
			if got.Last != want.Last || got.Reference != want.Reference || got.High != want.High || got.Low != want.Low || got.VolumeLots != want.VolumeLots || got.Trades != want.Trades ||
				got.QuoteVolume.Cmp(big.NewInt(quote)) != 0 {
				t.Fatalf("seed %d after %d: %+v\nwant %+v %d", seed, i, got, want, quote)
			}
		}
	}
}

// TestNoTrades: nothing is known, and nothing is 0.
func TestNoTrades(t *testing.T) {
	t.Parallel()
	s := venueOf()
	got, ok := s.Ticker(1)
	if !ok || got.Last != 0 || got.Reference != 0 || got.High != 0 || got.Trades != 0 || len(s.Newest(1)) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestIndicate compares with a search over all prices.
func TestIndicate(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 2000 {
		s := venueOf()
		m := s.Market("W-U")
		if r.IntN(2) == 0 {
			s.PutLast(1, 1+r.Int64N(20))
		}
		type order struct{ side, price, lots int64 }
		var orders []order
		for id := range 1 + r.IntN(8) {
			o := order{1 + r.Int64N(2), 1 + r.Int64N(20), 1 + r.Int64N(5)}
			orders = append(orders, o)
			apply(t, s, &tradesv1.OrderAccepted{OrderId: uint64(id + 1), Account: 1, Market: 1, Kind: uint32(o.side) | lim | gtc, PriceTicks: uint64(o.price), QuantityLots: uint64(o.lots)},
				&tradesv1.OrderRested{OrderId: uint64(id + 1), RemainingLots: uint64(o.lots), VisibleLots: 1})
		}
		last := s.Last(1)
		highestBid, lowestAsk := int64(0), int64(1000)
		candidates := map[int64]bool{}
		for _, o := range orders {
			candidates[o.price] = true
			if o.side == 1 {
				highestBid = max(highestBid, o.price)
			} else {
				lowestAsk = min(lowestAsk, o.price)
			}
		}
		if last >= lowestAsk && last <= highestBid {
			candidates[last] = true
		}
		var want Indication
		for p := int64(1); p <= 20; p++ {
			bought, sold := int64(0), int64(0)
			for _, o := range orders {
				if o.side == 1 && o.price >= p {
					bought += o.lots
				}
				if o.side == 2 && o.price <= p {
					sold += o.lots
				}
			}
			v, sur := min(bought, sold), bought-sold
			if !candidates[p] || v == 0 || v < want.VolumeLots {
				continue
			}
			better := v > want.VolumeLots || abs(sur) < abs(want.SurplusLots) ||
				(abs(sur) == abs(want.SurplusLots) && last > 0 && abs(p-last) < abs(want.PriceTicks-last))
			if better {
				want.PriceTicks, want.VolumeLots, want.SurplusLots = p, v, sur
			}
		}
		got := s.Indicate(m)
		if got.PriceTicks != want.PriceTicks || got.VolumeLots != want.VolumeLots || got.SurplusLots != want.SurplusLots {
			t.Fatalf("round %d: %+v, last %d: %+v\nwant %+v", round, orders, last, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	s := venueOf()
	for id, o := range [][2]uint64{{20, 3}, {21, 4}} {
		apply(t, s, &tradesv1.OrderAccepted{OrderId: uint64(id + 1), Account: 1, Market: 1, Kind: 2 | lim | gtc, PriceTicks: o[0], QuantityLots: o[1]},
			&tradesv1.OrderRested{OrderId: uint64(id + 1), RemainingLots: o[1], VisibleLots: o[1]})
	}
	m := s.Market("W-U")
	// unit 10: 3 x 20 x 10 + 2 x 21 x 10 = 1020 cents; fee 0.1% rounded up
	if q := s.Quote(m, 1, 5); !q.Enough || q.FilledLots != 5 || q.Worst != 21 || q.Total.Int64() != 1020 || q.Fee.Int64() != 2 {
		t.Errorf("%+v", q)
	}
	if q := s.Quote(m, 1, 8); q.Enough || q.FilledLots != 7 {
		t.Errorf("%+v", q)
	}
	if q := s.Quote(m, 2, 1); q.Enough || q.FilledLots != 0 || q.Worst != 0 {
		t.Errorf("%+v", q)
	}
}

func BenchmarkApply(b *testing.B) {
	s := venueOf()
	var raws [][]byte
	for id := uint64(1); id <= 1000; id++ {
		for _, k := range []any{&tradesv1.OrderAccepted{OrderId: id, Account: id % 50, Market: 1, Kind: 1 | lim | gtc, PriceTicks: 100 + id%50, QuantityLots: 5, ClientRef: id, AtMs: 1},
			&tradesv1.OrderRested{OrderId: id, RemainingLots: 5, VisibleLots: 5}, &tradesv1.BalanceChanged{Account: id % 50, Available: 1, Asset: 1}, &tradesv1.OrderCanceled{OrderId: id, RemainingLots: 5}} {
			raw, _ := proto.Marshal(event(k))
			raws = append(raws, raw)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Apply(s.Seq+1, raws[i%len(raws)]); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 0 {
			s.Take()
		}
	}
}
