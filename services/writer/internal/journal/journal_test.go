package journal_test

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/journal"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/writertest"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

const venue = "main"

type engine struct {
	w      *writertest.World
	prev   uint64
	digest []byte
	event  uint64
	in     uint64
}

func (e *engine) publish(t *testing.T, change func(*tradesv1.Output), events ...*tradesv1.Event) uint64 {
	t.Helper()
	e.in++
	out := &tradesv1.Output{FirstInSeq: e.in, LastInSeq: e.in, Part: 1, Last: true, FirstEventSeq: e.event + 1, Events: events, PrevSeq: e.prev, PrevDigest: e.digest}
	if change != nil {
		change(out)
	}
	data, err := proto.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := e.w.Bus.JetStream().Publish(context.Background(), tradesv1.Subject(venue), data)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	e.prev, e.digest = ack.Sequence, sum[:]
	e.event += uint64(len(events))
	return ack.Sequence
}

func accepted(id, account uint64, side ordersv1.Side, lots int64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id, Account: account, Symbol: "WINE18-USD",
		Side: side, Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: 100, QuantityLots: lots, ClientOrderId: "c", AtMs: 1000}}}
}

func rested(id uint64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: id}}}
}

func traded(id, maker, taker uint64, lots int64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: id, Symbol: "WINE18-USD", PriceTicks: 100, QuantityLots: lots,
		MakerOrderId: maker, TakerOrderId: taker, MakerAccount: 1, TakerAccount: 2, TakerSide: ordersv1.Side_SIDE_BUY, AtMs: 2000}}}
}

func canceled(id uint64, why ordersv1.CancelReason) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: id, Reason: why, AtMs: 3000}}}
}

func balance(account uint64, available, reserved int64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: account, Asset: "USD", Available: available, Reserved: reserved}}}
}

func start(w *writertest.World, fault func(string) error) *writertest.Writer {
	m := w.Metrics()
	return w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, fault,
		func(p *partition.Partition) { p.MaxRows = 4 })
}

// publishStory is a small market's life.
func publishStory(t *testing.T, e *engine) uint64 {
	e.publish(t, nil, &tradesv1.Event{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: "USD", Scale: 2}}},
		&tradesv1.Event{Kind: &tradesv1.Event_MarketAdded{MarketAdded: &tradesv1.MarketAdded{Symbol: "WINE18-USD", Base: "WINE18", Quote: "USD", Tick: 1, Lot: 1}}})
	e.publish(t, nil) // an output without events
	e.publish(t, nil, &tradesv1.Event{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: 3}}},
		&tradesv1.Event{Kind: &tradesv1.Event_Deposited{Deposited: &tradesv1.Deposited{Account: 1, Asset: "USD", Amount: 500, DepositId: "d1"}}}, balance(1, 500, 0))
	e.publish(t, nil, accepted(1, 1, ordersv1.Side_SIDE_SELL, 10), rested(1), accepted(2, 2, ordersv1.Side_SIDE_BUY, 4), traded(1, 1, 2, 4))
	e.publish(t, func(o *tradesv1.Output) { o.Last = false }, accepted(3, 2, ordersv1.Side_SIDE_BUY, 5), traded(2, 1, 3, 2), balance(1, 400, 100))
	e.publish(t, func(o *tradesv1.Output) { o.Part = 2 }, traded(3, 1, 3, 3), balance(1, 300, 100))
	e.publish(t, nil, canceled(1, ordersv1.CancelReason_CANCEL_REASON_REQUESTED),
		&tradesv1.Event{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{OrderId: 4, Account: 2, Symbol: "WINE18-USD", Reason: ordersv1.RejectReason_REJECT_REASON_BAD_TICK}}})
	return e.publish(t, nil, accepted(5, 1, ordersv1.Side_SIDE_SELL, 1), rested(5),
		&tradesv1.Event{Kind: &tradesv1.Event_OrderExpired{OrderExpired: &tradesv1.OrderExpired{OrderId: 5, AtMs: 9000}}})
}

const ordersQuery = `select string_agg(concat_ws(':', id, status, filled_lots, reject_reason, cancel_reason, resting, updated_ms, event_seq), ' ' order by id) from trade.orders`

const ordersWant = "1:4:9:0:1:f:3000:15 2:3:4:0:0:f:2000:9 3:3:5:0:0:f:2000:13 4:5:0:2:0:f:0:16 5:6:0:0:0:f:9000:19"

func TestEventsBecomeRows(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	e := &engine{w: w}
	last := publishStory(t, e)
	start(w, nil)
	c := w.Wait("", "trade."+venue, last)
	if c.Pos != e.event || !c.CaughtUp {
		t.Errorf("cursor %+v, want event %d", c, e.event)
	}
	check(t, w)
}

func check(t *testing.T, w *writertest.World) {
	t.Helper()
	for q, want := range map[string]string{
		ordersQuery: ordersWant,
		`select string_agg(concat_ws(':', trade_id, maker_order_id, taker_order_id, quantity_lots, event_seq), ' ' order by trade_id) from trade.trades`:           "1:1:2:4:9 2:1:3:2:11 3:1:3:3:13",
		`select string_agg(concat_ws(':', account, asset, available, reserved, event_seq), ' ') from trade.balances`:                                               "1:USD:300:100:14",
		`select string_agg(concat_ws(':', seq, first_in_seq, part, last, first_event_seq, events), ' ' order by seq) from trade.journal where seq in (2, 5, 6, 8)`: "2:2:1:t:3:0 5:5:1:f:10:3 6:6:2:t:13:2 8:8:1:t:17:3",
		`select concat_ws(':', deposit_id, amount, event_seq) from trade.deposits`:                                                                                 "d1:500:4",
		`select count(*)::text from trade.assets`:  "1",
		`select count(*)::text from trade.markets`: "1",
	} {
		if got := writertest.Value[string](w, q); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", q, got, want)
		}
	}
}

func TestKilledJournalIsExact(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	e := &engine{w: w}
	last := publishStory(t, e)
	for round := 0; w.Cursor("", "trade."+venue).Seq < last; round++ {
		var steps atomic.Int64
		die := int64(1 + round%9)
		r := start(w, func(string) error {
			if steps.Add(1) >= die {
				return writertest.ErrKilled
			}
			return nil
		})
		w.Until("a death or the end", func() bool { return steps.Load() >= die || w.Cursor("", "trade."+venue).Seq == last })
		r.Stop()
	}
	check(t, w)
	// The journal is the messages, byte by byte.
	for seq := uint64(1); seq <= last; seq++ {
		m, err := w.Bus.Get(context.Background(), tradesv1.Stream, seq)
		if err != nil || m == nil {
			t.Fatal(seq, err)
		}
		if got := writertest.Value[[]byte](w, `select data from trade.journal where seq = $1`, int64(seq)); string(got) != string(m.Data) {
			t.Errorf("message %d differs", seq)
		}
	}
}

func TestWhatDoesNotFitStopsTheVenue(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(t *testing.T, e *engine){
		"a gap in the events": func(t *testing.T, e *engine) {
			e.publish(t, func(o *tradesv1.Output) { o.FirstEventSeq += 2 }, balance(1, 1, 1))
		},
		"another predecessor": func(t *testing.T, e *engine) {
			e.publish(t, func(o *tradesv1.Output) { o.PrevDigest = make([]byte, 32) }, balance(1, 1, 1))
		},
		"an unknown order": func(t *testing.T, e *engine) { e.publish(t, nil, rested(77)) },
		"an unknown event": func(t *testing.T, e *engine) { e.publish(t, nil, &tradesv1.Event{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := writertest.New(t)
			e := &engine{w: w}
			good := publishStory(t, e)
			bad(t, e)
			r := start(w, nil)
			w.Until("a problem", func() bool { return w.Cursor("", "trade."+venue).Problem != "" })
			if c := w.Cursor("", "trade."+venue); c.Seq != good {
				t.Errorf("the cursor is at %d, the last good message is %d", c.Seq, good)
			}
			if r.Status.Err() == nil {
				t.Error("it says that it is ready")
			}
			check(t, w)
		})
	}
}

// A stream that comes back from a backup: shorter than the cursor the venue
// stands still, with the same messages again it goes on by itself, in a new
// epoch.
func TestAStreamThatComesBack(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	ctx := context.Background()
	e := &engine{w: w}
	last := publishStory(t, e)
	r := start(w, nil)
	before := w.Wait("", "trade."+venue, last)
	js := w.Bus.JetStream()
	var saved [][]byte
	for seq := uint64(1); seq <= last; seq++ {
		m, err := w.Bus.Get(ctx, tradesv1.Stream, seq)
		if err != nil {
			t.Fatal(err)
		}
		saved = append(saved, m.Data)
	}
	s, err := js.Stream(ctx, tradesv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	if err := js.DeleteStream(ctx, tradesv1.Stream); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	restore := func(messages [][]byte) {
		for _, data := range messages {
			if _, err := js.Publish(ctx, tradesv1.Subject(venue), data); err != nil {
				t.Fatal(err)
			}
		}
	}
	restore(saved[:5])
	w.Until("a problem", func() bool { return w.Cursor("", "trade."+venue).Problem != "" })
	check(t, w)
	restore(saved[5:])
	w.Until("the way on", func() bool { return w.Cursor("", "trade."+venue).Problem == "" })
	next := e.publish(t, nil, balance(9, 1, 1))
	after := w.Wait("", "trade."+venue, next)
	if after.Epoch() == before.Epoch() || after.SeekBacks != 0 || after.Pos != before.Pos+1 {
		t.Errorf("before %+v after %+v", before, after)
	}
	w.Until("readiness", func() bool { return r.Status.Err() == nil })
}
