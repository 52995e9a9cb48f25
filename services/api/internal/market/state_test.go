package market_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/api/internal/market"
)

const (
	buy  = ordersv1.Side_SIDE_BUY
	sell = ordersv1.Side_SIDE_SELL
)

// fold applies an event as it comes from the bus.
func fold(t testing.TB, s *market.State, e *tradesv1.Event) market.Change {
	t.Helper()
	raw, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Apply(s.Seq+1, raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newState() *market.State {
	s := market.New()
	s.PutAsset(1, "USD", 2)
	s.PutAsset(2, "WINE", 0)
	s.PutMarket(market.Market{ID: 1, Symbol: "W-U", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1})
	s.Take()
	return s
}

// TestDepthEqualsOrders folds random events and compares the book with the sum
// of what rests, and the updates with the book.
func TestDepthEqualsOrders(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	s := newState()
	type resting struct {
		side  ordersv1.Side
		price int64
		left  int64
	}
	live := map[uint64]*resting{}
	mirror := map[string]int64{}
	seq, ids := uint64(0), uint64(0)
	apply := func(e *tradesv1.Event) { seq++; fold(t, s, e) }
	for range 5000 {
		switch n := r.IntN(10); {
		case n < 5 || len(live) == 0:
			ids++
			o := &resting{side: buy, price: r.Int64N(50) + 1, left: r.Int64N(9) + 1}
			if r.IntN(2) == 0 {
				o.side = sell
			}
			apply(&tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: ids, Account: ids % 7, Market: 1, Kind: uint32(o.side) | 1<<8, PriceTicks: uint64(o.price), QuantityLots: uint64(o.left)}}})
			apply(&tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: ids, RemainingLots: uint64(o.left), VisibleLots: uint64(o.left)}}})
			live[ids] = o
		default:
			id := ids - r.Uint64N(min(ids, 40))
			o := live[id]
			if o == nil {
				continue
			}
			if n < 8 {
				lots := r.Int64N(o.left) + 1
				apply(&tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: seq, Market: 1, PriceTicks: uint64(o.price), QuantityLots: uint64(lots), MakerOrderId: id}}})
				o.left -= lots
			} else {
				apply(&tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: id, RemainingLots: uint64(o.left)}}})
				o.left = 0
			}
			if o.left == 0 {
				delete(live, id)
			}
		}
		if r.IntN(3) == 0 {
			for _, u := range s.Take() {
				d := u.Depth
				if d == nil {
					continue
				}
				if d.Seq != seq {
					t.Fatalf("update at %d, state at %d", d.Seq, seq)
				}
				for _, l := range d.Bids {
					set(mirror, buy, l)
				}
				for _, l := range d.Asks {
					set(mirror, sell, l)
				}
			}
		}
	}
	for _, u := range s.Take() {
		d := u.Depth
		if d == nil {
			continue
		}
		for _, l := range d.Bids {
			set(mirror, buy, l)
		}
		for _, l := range d.Asks {
			set(mirror, sell, l)
		}
	}
	want := map[string]int64{}
	for _, o := range live {
		want[fmt.Sprint(o.side, o.price)] += o.left
	}
	got := map[string]int64{}
	d := s.Depth(1, 0)
	for i, l := range d.Bids {
		set(got, buy, l)
		if i > 0 && l.PriceTicks >= d.Bids[i-1].PriceTicks {
			t.Error("bids are not best first")
		}
	}
	for i, l := range d.Asks {
		set(got, sell, l)
		if i > 0 && l.PriceTicks <= d.Asks[i-1].PriceTicks {
			t.Error("asks are not best first")
		}
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(mirror, want) {
		t.Errorf("book %v\nupdates %v\norders %v", got, mirror, want)
	}
}

func set(m map[string]int64, side ordersv1.Side, l market.Level) {
	if l.Lots == 0 {
		delete(m, fmt.Sprint(side, l.PriceTicks))
		return
	}
	m[fmt.Sprint(side, l.PriceTicks)] = l.Lots
}

// TestForgetsTheOldestEnded: memory is bounded, live orders stay.
func TestForgetsTheOldestEnded(t *testing.T) {
	t.Parallel()
	s := newState()
	accept := func(id uint64) {
		fold(t, s, &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id, Account: 1, Market: 1, Kind: uint32(buy) | 1<<8, PriceTicks: 1, QuantityLots: 1, ClientOrderId: fmt.Sprint(id)}}})
	}
	accept(1)
	const n = 2*market.MaxFinished + 10
	for id := uint64(2); id < n; id++ {
		accept(id)
		fold(t, s, &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: id}}})
	}
	if _, ok := s.Order(1, 1); !ok {
		t.Error("a live order is gone")
	}
	if _, ok := s.Order(1, 2); ok {
		t.Error("the oldest ended order is kept")
	}
	if _, ok := s.OrderByClientID(1, "2"); ok {
		t.Error("its client id is kept")
	}
	if _, ok := s.OrderByClientID(1, fmt.Sprint(n-1)); !ok {
		t.Error("the newest ended order is gone")
	}
	if _, ok := s.Order(2, 1); ok {
		t.Error("another account sees it")
	}
	if all := s.Orders(1, 0, func(*market.Order) bool { return true }); len(all) > 2*market.MaxFinished || all[0].ID != n-1 {
		t.Errorf("%d orders are kept", len(all))
	}
}

// TestDropForgets: what changed while nobody asked is not told later, and what
// changes afterwards is, also when a best price returns to what was told long ago.
func TestDropForgets(t *testing.T) {
	t.Parallel()
	s := newState()
	rest := func(id uint64, price int64) {
		fold(t, s, &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id, Account: 1, Market: 1, Kind: uint32(buy) | 1<<8, PriceTicks: uint64(price), QuantityLots: 5}}})
		fold(t, s, &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: id, RemainingLots: 5, VisibleLots: 5}}})
	}
	end := func(id uint64) market.Change {
		return fold(t, s, &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: id}}})
	}
	rest(1, 10)
	if u := s.Take(); len(u) != 1 || u[0].Top == nil || u[0].Top.Bid.PriceTicks != 10 {
		t.Fatalf("told %+v", u)
	}
	s.Quiet = true
	rest(2, 11)
	s.Drop()
	s.Quiet = false
	if u := s.Take(); len(u) != 0 {
		t.Errorf("told what was dropped: %+v", u)
	}
	c := end(2)
	u := s.Take()
	if len(c.Orders) != 1 || len(c.Places) != 1 || len(u) != 1 || u[0].Top == nil || u[0].Top.Bid.PriceTicks != 10 || len(u[0].Depth.Bids) != 1 {
		t.Errorf("the change is %+v, told %+v", c, u)
	}
}

// TestQuietFoldsTheSame: a quiet state tells nothing of orders and is the same.
func TestQuietFoldsTheSame(t *testing.T) {
	t.Parallel()
	loud, quiet := newState(), newState()
	quiet.Quiet = true
	for _, e := range []*tradesv1.Event{
		{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: 1, Account: 1, Market: 1, Kind: uint32(sell) | 1<<8, PriceTicks: 10, QuantityLots: 5}}},
		{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: 1, RemainingLots: 5, VisibleLots: 5}}},
		{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: 2, Account: 2, Market: 1, Kind: uint32(buy) | 1<<8, PriceTicks: 10, QuantityLots: 2}}},
		{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: 1, Market: 1, PriceTicks: 10, QuantityLots: 2, MakerOrderId: 1, TakerOrderId: 2, TakerSide: uint32(buy), AtMs: 5}}},
	} {
		if c := fold(t, loud, e); len(c.Orders) == 0 && e.GetOrderRested() == nil {
			t.Errorf("nothing is told of %v", e)
		}
		if c := fold(t, quiet, e); len(c.Orders)+len(c.Places) != 0 {
			t.Errorf("a quiet state tells %+v", c)
		}
	}
	if a, b := loud.Depth(1, 0), quiet.Depth(1, 0); !reflect.DeepEqual(a, b) || len(a.Asks) != 1 {
		t.Errorf("depth %+v and %+v", a, b)
	}
	for account := uint64(1); account <= 2; account++ {
		all := func(*market.Order) bool { return true }
		if a, b := loud.Orders(account, 0, all), quiet.Orders(account, 0, all); !reflect.DeepEqual(a, b) || len(a) != 1 {
			t.Errorf("orders %+v and %+v", a, b)
		}
	}
}
