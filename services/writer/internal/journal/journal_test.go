package journal_test

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

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

func (e *engine) publish(t testing.TB, change func(*tradesv1.Output), events ...*tradesv1.Event) uint64 {
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

func accepted(id, account uint64, side ordersv1.Side, lots uint64, terms *tradesv1.OrderTerms) *tradesv1.Event {
	kind := uint32(side) | uint32(ordersv1.OrderType_ORDER_TYPE_LIMIT)<<8 | uint32(ordersv1.TimeInForce_TIME_IN_FORCE_GTC)<<16
	if terms.GetTriggerTicks() > 0 {
		kind += uint32(ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT-ordersv1.OrderType_ORDER_TYPE_LIMIT) << 8
	}
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id, Account: account, Market: 1,
		Kind: kind, PriceTicks: 100, QuantityLots: lots, ClientOrderId: "c", AtMs: 1000, Terms: terms}}}
}

func rested(id, remaining, visible uint64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: id, RemainingLots: remaining, VisibleLots: visible}}}
}

func traded(id, maker, taker, lots uint64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: id, Market: 1, PriceTicks: 100, QuantityLots: lots,
		MakerOrderId: maker, TakerOrderId: taker, MakerAccount: 1, TakerAccount: 2, TakerSide: uint32(ordersv1.Side_SIDE_BUY), AtMs: 2000}}}
}

func canceled(id uint64, why ordersv1.CancelReason, at uint64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: id, Reason: uint32(why), AtMs: at}}}
}

func balance(account, available, reserved uint64) *tradesv1.Event {
	return &tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: account, Asset: 2, Available: available, Reserved: reserved}}}
}

// registry makes two assets and a market in which a lot at a tick is 3 of the
// quote's smallest unit.
func registry() []*tradesv1.Event {
	asset := func(id uint32, name string, scale uint32) *tradesv1.Event {
		return &tradesv1.Event{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Asset: id, Name: name, Scale: scale}}}
	}
	return []*tradesv1.Event{asset(1, "WINE18", 1), asset(2, "USD", 2), {Kind: &tradesv1.Event_MarketAdded{MarketAdded: &tradesv1.MarketAdded{Market: 1,
		Terms: &ordersv1.AddMarket{Symbol: "WINE18-USD", Base: "WINE18", Quote: "USD", Tick: 30, Lot: 1, Limits: &ordersv1.Limits{MaxLots: 9}}}}}}
}

func start(w *writertest.World, fault func(string) error) *writertest.Writer {
	m := w.Metrics()
	return w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, fault,
		func(p *partition.Partition) { p.MaxRows = 4 })
}

// publishStory is a small market's life.
func publishStory(t *testing.T, e *engine) uint64 {
	buy, sell := ordersv1.Side_SIDE_BUY, ordersv1.Side_SIDE_SELL
	e.publish(t, nil, registry()...) // events 1 to 3
	e.publish(t, nil)                // an output without events
	e.publish(t, nil, &tradesv1.Event{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: 3}}},
		&tradesv1.Event{Kind: &tradesv1.Event_FundsChanged{FundsChanged: &tradesv1.FundsChanged{Account: 1, Asset: 2, Amount: -500, Id: "w1"}}}, balance(1, 500, 0))
	e.publish(t, nil, accepted(1, 1, sell, 10, &tradesv1.OrderTerms{DisplayLots: 6}), rested(1, 10, 6), accepted(2, 2, buy, 4, nil), traded(1, 1, 2, 4)) // 7 to 10
	e.publish(t, func(o *tradesv1.Output) { o.Last = false }, accepted(3, 2, buy, 5, nil), traded(2, 1, 3, 2), balance(1, 400, 100))                     // 11 to 13
	e.publish(t, func(o *tradesv1.Output) { o.Part = 2 }, rested(1, 4, 4), traded(3, 1, 3, 3), balance(1, 300, 100))                                     // 14 to 16
	e.publish(t, nil, canceled(1, ordersv1.CancelReason_CANCEL_REASON_REQUESTED, 3000),
		&tradesv1.Event{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{OrderId: 4, Reason: ordersv1.RejectReason_REJECT_REASON_BAD_TICK,
			Order: &ordersv1.NewOrder{Account: 2, Market: 1, ClientRef: 1<<64 - 1}}}}) // 17, 18
	e.publish(t, nil, accepted(5, 1, sell, 1, &tradesv1.OrderTerms{TriggerTicks: 90}), accepted(6, 1, sell, 2, &tradesv1.OrderTerms{OtherLeg: 5}), rested(6, 2, 2), // 19 to 21
		&tradesv1.Event{Kind: &tradesv1.Event_TriggerMoved{TriggerMoved: &tradesv1.TriggerMoved{OrderId: 5, TriggerTicks: 95}}},
		&tradesv1.Event{Kind: &tradesv1.Event_OrderTriggered{OrderTriggered: &tradesv1.OrderTriggered{OrderId: 5, AtMs: 8000, LastTicks: 95}}},
		canceled(6, ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG, 8000), rested(5, 1, 1)) // 22 to 25
	e.publish(t, nil, &tradesv1.Event{Kind: &tradesv1.Event_OrderAmended{OrderAmended: &tradesv1.OrderAmended{OrderId: 5, PriceTicks: 101, QuantityLots: 7, RemainingLots: 7, AtMs: 8500}}},
		rested(5, 7, 7), &tradesv1.Event{Kind: &tradesv1.Event_OrderDecremented{OrderDecremented: &tradesv1.OrderDecremented{OrderId: 5, Lots: 1, RemainingLots: 6, VisibleLots: 6}}}) // 26 to 28
	return e.publish(t, nil, canceled(5, ordersv1.CancelReason_CANCEL_REASON_EXPIRED, 9000),
		&tradesv1.Event{Kind: &tradesv1.Event_PhaseChanged{PhaseChanged: &tradesv1.PhaseChanged{Market: 1, Phase: ordersv1.Phase_PHASE_AUCTION, EndsAtMs: 9500}}},
		&tradesv1.Event{Kind: &tradesv1.Event_LimitsChanged{LimitsChanged: &tradesv1.LimitsChanged{Market: 1, Limits: &ordersv1.Limits{MaxLots: 5, CollarPpm: 100}}}},
		&tradesv1.Event{Kind: &tradesv1.Event_Auctioned{Auctioned: &tradesv1.Auctioned{Market: 1, SurplusLots: -3, ReferenceTicks: 100, InputDigest: []byte{7}, BeganMs: 9000, AtMs: 9500}}}) // 29 to 32
}

const ordersQuery = `select string_agg(concat_ws(':', id, status, filled_lots, remaining_lots, visible_lots, reject_reason, cancel_reason, resting, triggered, queue_seq,
	other_leg, trigger_ticks, client_ref, updated_ms, event_seq), ' ' order by id) from trade.orders`

const ordersWant = "1:4:9:0:0:0:1:f:f:14:0:0:0:3000:17 2:3:4:0:0:0:0:f:f:0:0:0:0:2000:10 3:3:5:0:0:0:0:f:f:0:0:0:0:2000:15 " +
	"4:5:0:0:0:2:0:f:f:0:0:0:18446744073709551615:0:18 5:6:0:0:0:0:10:f:t:27:6:95:0:9000:29 6:4:0:0:0:0:7:f:f:21:5:0:0:8000:24"

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
		`select string_agg(concat_ws(':', trade_id, market, maker_order_id, taker_order_id, quantity_lots, event_seq), ' ' order by trade_id) from trade.trades`:                               "1:1:1:2:4:10 2:1:1:3:2:12 3:1:1:3:3:15",
		`select string_agg(concat_ws(':', account, asset, available, reserved, event_seq), ' ') from trade.balances`:                                                                           "1:2:300:100:16",
		`select string_agg(concat_ws(':', seq, first_in_seq, part, last, first_event_seq), ' ' order by seq) from trade.journal where seq in (2, 5, 6, 8)`:                                     "2:2:1:t:4 5:5:1:f:11 6:6:2:t:14 8:8:1:t:19",
		`select concat_ws(':', id, amount, event_seq) from trade.funds`:                                                                                                                        "w1:-500:5",
		`select string_agg(concat_ws(':', id, event_seq, price_ticks, quantity_lots, filled_lots, remaining_lots, trigger_ticks, triggered), ' ' order by event_seq) from trade.order_changes`: "5:22:100:1:0:1:90:f 5:23:100:1:0:1:95:f 5:26:100:1:0:1:95:t 5:28:101:7:0:7:95:t",
		`select string_agg(concat_ws(':', asset, name, scale), ' ' order by asset) from trade.assets`:                                                                                          "1:WINE18:1 2:USD:2",
		`select concat_ws(':', market, symbol, base, quote, unit, max_lots, collar_ppm, phase, phase_ends_ms, last_ticks) from trade.markets`:                                                  "1:WINE18-USD:WINE18:USD:3:5:100:5:9500:100",
		`select concat_ws(':', market, event_seq, coalesce(price_ticks::text, '-'), surplus_lots, reference_ticks, encode(input_digest, 'hex'), at_ms - began_ms) from trade.auctions`:         "1:32:-:-3:100:07:500",
		`select concat_ws(':', at_ms, last_ticks, open_ticks, high_ticks, low_ticks, volume_lots, quote_volume, trades) from trade.tickers`:                                                    "2000:100:100:100:100:9:2700:3",
	} {
		if got := writertest.Value[string](w, q); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", q, got, want)
		}
	}
}

// TestTransactionsAreSpaced: many small messages at the end of the stream share
// few transactions.
func TestTransactionsAreSpaced(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	e := &engine{w: w}
	first := e.publish(t, nil, registry()...)
	const every = 100 * time.Millisecond
	m := w.Metrics()
	var commits atomic.Int64
	count := func(step string) error {
		if step == "committed" {
			commits.Add(1)
		}
		return nil
	}
	w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, count, func(p *partition.Partition) { p.Every = every })
	w.Wait("", "trade."+venue, first)
	began := time.Now()
	last := first
	for range 100 {
		last = e.publish(t, nil, balance(1, last, 0))
	}
	w.Wait("", "trade."+venue, last)
	took := time.Since(began)
	// One for the registry, one at once, and one each time that is over.
	if n, most := commits.Load(), 3+int64(took/every); n > most {
		t.Errorf("100 messages took %d transactions in %v, want at most %d", n, took, most)
	}
}

// TestBehindItYields: a partition that yields takes small transactions while
// much stands behind them.
func TestBehindItYields(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	e := &engine{w: w}
	last := e.publish(t, nil, registry()...)
	many := make([]*tradesv1.Event, 200)
	for i := range many {
		many[i] = balance(1, uint64(i), 0)
	}
	for range 80 {
		last = e.publish(t, nil, many...)
	}
	m := w.Metrics()
	w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, nil, func(p *partition.Partition) { p.Yields = func() bool { return true } })
	w.Wait("", "trade."+venue, last)
	// 2,000 rows of 201 a message, and the small first one; the last few messages
	// are not behind any more.
	const q = `select max(n) from (select count(*) as n from trade.journal group by xmin) as transactions`
	if n := writertest.Value[int64](w, q); n > 11 {
		t.Errorf("a transaction took %d messages, want at most 11", n)
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
		"an unknown order": func(t *testing.T, e *engine) { e.publish(t, nil, rested(77, 1, 1)) },
		"an unknown market": func(t *testing.T, e *engine) {
			e.publish(t, nil, accepted(8, 1, ordersv1.Side_SIDE_BUY, 1, nil), accepted(9, 2, ordersv1.Side_SIDE_SELL, 1, nil), &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{
				TradeId: 9, Market: 2, PriceTicks: 1, QuantityLots: 1, MakerOrderId: 8, TakerOrderId: 9}}})
		},
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
