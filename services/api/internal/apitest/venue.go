package apitest

import (
	"context"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	feedv1 "fondaco.dev/proto/feed/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Engine plays the order book of one venue, simple enough to be read: a limit
// order trades with the resting orders at exactly its price, else it rests; a
// market order trades with the oldest, else it is canceled; a stop waits. It
// answers packs, publishes TRADES, and writes Postgres as the writer would.
type Engine struct {
	DB    *DB
	Bus   *bus.Bus
	Venue string

	mu       sync.Mutex
	Mute     bool // no answers to gateways
	Idle     bool // packs are left in the stream
	Behind   bool // TRADES is published, Postgres is not written
	Parts    int  // cut outputs into messages of this many events; 0 = whole
	seq      uint64
	eventSeq uint64
	ids      uint64
	trades   uint64
	orders   map[uint64]*held
	cids     map[string]uint64
	pending  []pendingOutput
	created  int64
	applied  uint64 // ORDERS sequence
}

// held is an order of the engine.
type held struct {
	*ordersv1.NewOrder
	id, filled, left int64
	status           ordersv1.OrderStatus
	cancel           ordersv1.CancelReason
	reject           ordersv1.RejectReason
}

func (o *held) open() bool {
	return o != nil && (o.status == ordersv1.OrderStatus_ORDER_STATUS_OPEN || o.status == ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED || o.status == ordersv1.OrderStatus_ORDER_STATUS_WAITING)
}

func (o *held) resting() bool {
	return o.open() && o.status != ordersv1.OrderStatus_ORDER_STATUS_WAITING
}

func (o *held) outcome() *ordersv1.Outcome {
	return &ordersv1.Outcome{OrderId: uint64(o.id), Status: o.status, FilledLots: uint64(o.filled), RemainingLots: uint64(o.left), CancelReason: o.cancel, Reject: o.reject}
}

type pendingOutput struct {
	seq uint64
	out *tradesv1.Output
}

// NewEngine makes the venue's partition in the database at the streams'
// present beginning.
func NewEngine(t testing.TB, db *DB, b *bus.Bus, venue string) *Engine {
	t.Helper()
	st, err := b.Stream(context.Background(), tradesv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{DB: db, Bus: b, Venue: venue, orders: map[uint64]*held{}, cids: map[string]uint64{}, created: st.Created.UnixMilli()}
	db.Exec(t, `insert into ctl.cursors (build, partition, stream_created, seq, digest, pos, caught_up) values ('', $1, $2, 0, '', 0, true)`,
		feedv1.TradePartition(venue), e.created)
	return e
}

// Set changes a switch while the engine runs.
func (e *Engine) Set(fn func(*Engine)) { e.mu.Lock(); defer e.mu.Unlock(); fn(e) }

// Run takes packs until ctx ends.
func (e *Engine) Run(ctx context.Context, t testing.TB) {
	f := e.Bus.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects(e.Venue)}, 1)
	defer f.Close()
	for {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			return
		}
		for _, m := range msgs {
			pack := &ordersv1.Pack{}
			if err := proto.Unmarshal(m.Data, pack); err != nil {
				t.Error(err)
				return
			}
			e.mu.Lock()
			if !e.Idle {
				e.take(ctx, t, m.Seq, pack)
			}
			e.mu.Unlock()
		}
	}
}

func (e *Engine) take(ctx context.Context, t testing.TB, seq uint64, pack *ordersv1.Pack) {
	reply := &ordersv1.PackReply{PackNo: pack.GetPackNo(), InSeq: seq}
	events := []*tradesv1.Event{{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: seq, Gateway: pack.GetGateway(), PackNo: pack.GetPackNo()}}}}
	for _, c := range pack.GetCommands() {
		out, ev := e.command(c)
		reply.Outcomes = append(reply.Outcomes, out)
		events = append(events, ev...)
	}
	if !e.Mute {
		data, err := proto.Marshal(reply)
		if err != nil {
			t.Error(err)
		}
		_ = e.Bus.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.ReplySubject(pack.GetGateway()), Data: data, Header: nats.Header{"Fondaco-Reply": {"orders"}}})
	}
	e.publish(ctx, t, seq, events)
}

// Emit publishes events that no pack asked for: assets, markets, balances.
func (e *Engine) Emit(t testing.TB, events ...*tradesv1.Event) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.publish(context.Background(), t, e.applied, events)
}

func (e *Engine) publish(ctx context.Context, t testing.TB, inSeq uint64, events []*tradesv1.Event) {
	e.applied = inSeq
	size := len(events)
	if e.Parts > 0 {
		size = e.Parts
	}
	for part := uint32(1); len(events) > 0; part++ {
		n := min(size, len(events))
		out := &tradesv1.Output{FirstInSeq: inSeq, LastInSeq: inSeq, Part: part, Last: n == len(events), FirstEventSeq: e.eventSeq + 1, Events: events[:n], PrevSeq: e.seq}
		events = events[n:]
		data, err := proto.Marshal(out)
		if err != nil {
			t.Error(err)
		}
		seq, err := e.Bus.PublishFenced(ctx, tradesv1.Stream, tradesv1.Subject(e.Venue), e.seq, data, nil)
		if err != nil {
			if ctx.Err() == nil {
				t.Error(err)
			}
			return
		}
		e.seq = seq
		e.eventSeq += uint64(n)
		e.pending = append(e.pending, pendingOutput{seq, out})
		if !e.Behind {
			e.flush(t)
		}
	}
}

// Flush writes to Postgres what is not there yet.
func (e *Engine) Flush(t testing.TB) { e.mu.Lock(); defer e.mu.Unlock(); e.flush(t) }

func (e *Engine) flush(t testing.TB) {
	ctx := context.Background()
	for _, p := range e.pending {
		data, _ := proto.Marshal(p.out)
		tx, err := e.DB.Super.Begin(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		exec := func(q string, args ...any) {
			if _, err := tx.Exec(ctx, q, args...); err != nil {
				t.Errorf("%v: %s", err, q)
			}
		}
		last := p.out.GetFirstEventSeq() + uint64(len(p.out.GetEvents())) - 1
		exec(`insert into trade.journal (venue, seq, first_in_seq, last_in_seq, part, last, first_event_seq, data) values ($1,$2,$3,$4,$5,$6,$7,$8)`, e.Venue, int64(p.seq), int64(p.out.GetFirstInSeq()), int64(p.out.GetLastInSeq()),
			int32(p.out.GetPart()), p.out.GetLast(), int64(p.out.GetFirstEventSeq()), data)
		for i, ev := range p.out.GetEvents() {
			e.row(exec, p.out.GetFirstEventSeq()+uint64(i), ev)
		}
		exec(`update ctl.cursors set seq = $1, pos = $2 where build = '' and partition = $3`, int64(p.seq), int64(last), feedv1.TradePartition(e.Venue))
		if err := tx.Commit(ctx); err != nil {
			t.Error(err)
		}
	}
	e.pending = nil
}

// row writes what the writer's projection of one event is.
func (e *Engine) row(exec func(string, ...any), seq uint64, ev *tradesv1.Event) {
	v, s := e.Venue, int64(seq)
	switch k := ev.GetKind().(type) {
	case *tradesv1.Event_AssetAdded:
		exec(`insert into trade.assets (venue, asset, name, scale) values ($1,$2,$3,$4)`, v, int32(k.AssetAdded.GetAsset()), k.AssetAdded.GetName(), int32(k.AssetAdded.GetScale()))
	case *tradesv1.Event_MarketAdded:
		m, l := k.MarketAdded.GetTerms(), k.MarketAdded.GetTerms().GetLimits()
		exec(`insert into trade.markets (venue, market, symbol, base, quote, tick, lot, unit, maker_fee_ppm, taker_fee_ppm, min_lots, max_lots, min_notional, max_notional, collar_ppm,
			pause_ppm, pause_ms, reference_ticks, day_ends_ms, one_side, phase, phase_ends_ms, then_phase) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,1,0,0)`,
			v, int32(k.MarketAdded.GetMarket()), m.GetSymbol(), m.GetBase(), m.GetQuote(), m.GetTick(), m.GetLot(), m.GetTick()*m.GetLot(), m.GetMakerFeePpm(), m.GetTakerFeePpm(), l.GetMinLots(), l.GetMaxLots(),
			l.GetMinNotional(), l.GetMaxNotional(), l.GetCollarPpm(), l.GetPausePpm(), l.GetPauseMs(), l.GetReferenceTicks(), m.GetDayEndsMs(), m.GetOneSide())
	case *tradesv1.Event_PhaseChanged:
		exec(`update trade.markets set phase = $3, phase_ends_ms = $4 where venue = $1 and market = $2`, v, int32(k.PhaseChanged.GetMarket()), int16(k.PhaseChanged.GetPhase()), k.PhaseChanged.GetEndsAtMs())
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		exec(`insert into trade.balances (venue, account, asset, available, reserved, event_seq) values ($1,$2,$3,$4,$5,$6)
			on conflict (venue, account, asset) do update set available = excluded.available, reserved = excluded.reserved, event_seq = excluded.event_seq`,
			v, int64(b.GetAccount()), int32(b.GetAsset()), int64(b.GetAvailable()), int64(b.GetReserved()), s)
	case *tradesv1.Event_OrderAccepted:
		o := k.OrderAccepted
		n := e.orders[o.GetOrderId()].NewOrder
		status := 1
		if n.GetTriggerTicks() != 0 {
			status = 7
		}
		e.insert(exec, int64(o.GetOrderId()), int64(o.GetQuantityLots()), status, 0, int64(o.GetAtMs()), s, n)
	case *tradesv1.Event_OrderRejected:
		o := k.OrderRejected
		e.insert(exec, int64(o.GetOrderId()), 0, 5, int(o.GetReason()), o.GetAtMs(), s, o.GetOrder())
	case *tradesv1.Event_OrderRested:
		exec(`update trade.orders set resting = true, visible_lots = $4, queue_seq = $3, event_seq = $3 where venue = $1 and id = $2`, v, int64(k.OrderRested.GetOrderId()), s, int64(k.OrderRested.GetVisibleLots()))
	case *tradesv1.Event_Trade:
		t := k.Trade
		exec(`insert into trade.trades (venue, trade_id, market, price_ticks, quantity_lots, maker_order_id, taker_order_id, maker_account, taker_account, taker_side, maker_fee, taker_fee, auction, at_ms, event_seq)
			values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`, v, int64(t.GetTradeId()), int32(t.GetMarket()), int64(t.GetPriceTicks()), int64(t.GetQuantityLots()),
			int64(t.GetMakerOrderId()), int64(t.GetTakerOrderId()), int64(t.GetMakerAccount()), int64(t.GetTakerAccount()), int16(t.GetTakerSide()), int64(t.GetMakerFee()), int64(t.GetTakerFee()),
			t.GetAuction(), int64(t.GetAtMs()), s)
		exec(`update trade.orders set filled_lots = filled_lots + $3, remaining_lots = remaining_lots - $3, visible_lots = greatest(0, visible_lots - $3), status = case when remaining_lots = $3 then 3 else 2 end,
			resting = resting and remaining_lots > $3, updated_ms = $4, event_seq = $5 where venue = $1 and id in ($2, $6)`,
			v, int64(t.GetMakerOrderId()), int64(t.GetQuantityLots()), int64(t.GetAtMs()), s, int64(t.GetTakerOrderId()))
		exec(`update trade.markets set last_ticks = $3 where venue = $1 and market = $2`, v, int32(t.GetMarket()), int64(t.GetPriceTicks()))
		for _, ms := range []int64{1000, 60000, 300000, 900000, 3600000, 14400000, 86400000} {
			exec(`insert into trade.candles (venue, market, interval_ms, open_ms, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_volume, trades) values ($1,$2,$3,$4,$5,$5,$5,$5,$6,$7::bigint,1)
				on conflict (venue, market, interval_ms, open_ms) do update set high_ticks = greatest(candles.high_ticks, excluded.high_ticks), low_ticks = least(candles.low_ticks, excluded.low_ticks),
				close_ticks = excluded.close_ticks, volume_lots = candles.volume_lots + excluded.volume_lots, quote_volume = candles.quote_volume + excluded.quote_volume, trades = candles.trades + 1`,
				v, int32(t.GetMarket()), ms, int64(t.GetAtMs())-int64(t.GetAtMs())%ms, int64(t.GetPriceTicks()), int64(t.GetQuantityLots()), int64(t.GetPriceTicks()*t.GetQuantityLots())*10)
		}
	case *tradesv1.Event_OrderCanceled:
		c := k.OrderCanceled
		exec(`update trade.orders set status = 4, cancel_reason = $3, resting = false, remaining_lots = 0, visible_lots = 0, updated_ms = $4, event_seq = $5 where venue = $1 and id = $2`,
			v, int64(c.GetOrderId()), int16(c.GetReason()), int64(c.GetAtMs()), s)
	case *tradesv1.Event_OrderTriggered:
		e.before(exec, int64(k.OrderTriggered.GetOrderId()), s)
		exec(`update trade.orders set triggered = true, status = 1, event_seq = $3 where venue = $1 and id = $2`, v, int64(k.OrderTriggered.GetOrderId()), s)
	case *tradesv1.Event_OrderAmended:
		c := k.OrderAmended
		e.before(exec, int64(c.GetOrderId()), s)
		exec(`update trade.orders set price_ticks = $3, quantity_lots = $4, remaining_lots = $5, visible_lots = $6, resting = resting and $7, updated_ms = $8, event_seq = $9 where venue = $1 and id = $2`,
			v, int64(c.GetOrderId()), int64(c.GetPriceTicks()), int64(c.GetQuantityLots()), int64(c.GetRemainingLots()), int64(c.GetVisibleLots()), c.GetKeptPlace(), int64(c.GetAtMs()), s)
	case *tradesv1.Event_Auctioned:
		a := k.Auctioned
		exec(`insert into trade.auctions (venue, market, event_seq, price_ticks, volume_lots, surplus_lots, reference_ticks, input_digest, began_ms, at_ms) values ($1,$2,$3,nullif($4::bigint,0),$5,$6,nullif($7::bigint,0),$8,$9,$10)`,
			v, int32(a.GetMarket()), s, a.GetPriceTicks(), a.GetVolumeLots(), a.GetSurplusLots(), a.GetReferenceTicks(), a.GetInputDigest(), a.GetBeganMs(), a.GetAtMs())
	}
}

// before keeps what an order was before a change.
func (e *Engine) before(exec func(string, ...any), id, seq int64) {
	exec(`insert into trade.order_changes (venue, id, event_seq, price_ticks, quantity_lots, filled_lots, remaining_lots, trigger_ticks, triggered)
		select venue, id, $3, price_ticks, quantity_lots, filled_lots, remaining_lots, trigger_ticks, triggered from trade.orders where venue = $1 and id = $2`, e.Venue, id, seq)
}

func (e *Engine) insert(exec func(string, ...any), id, left int64, status, reject int, atMS, seq int64, n *ordersv1.NewOrder) {
	exec(`insert into trade.orders (venue, id, account, client_order_id, client_ref, market, side, type, time_in_force, self_trade, price_ticks, quantity_lots, filled_lots, remaining_lots, visible_lots, decremented_lots,
		status, reject_reason, cancel_reason, resting, triggered, queue_seq, quote_budget, protection_ticks, trigger_ticks, trail_ticks, display_lots, min_lots, post_only, expires_at_ms, other_leg,
		created_ms, updated_ms, event_seq) values ($1,$2,$3,$4,$5::bigint,$6,$7,$8,$9,$10,$11,$12,0,$13,0,0,$14,$15,0,false,false,0,$16,$17,$18,$19,$20,$21,$22,$23,0,$24,$24,$25)`,
		e.Venue, id, int64(n.GetAccount()), n.GetClientOrderId(), int64(n.GetClientRef()), int32(n.GetMarket()), int16(n.GetSide()), int16(n.GetType()), int16(n.GetTimeInForce()), int16(n.GetSelfTrade()),
		n.GetPriceTicks(), n.GetQuantityLots(), left, status, reject, n.GetQuoteBudget(), n.GetProtectionTicks(), n.GetTriggerTicks(), n.GetTrailTicks(), n.GetDisplayLots(), n.GetMinLots(),
		n.GetPostOnly(), n.GetExpiresAtMs(), atMS, seq)
	exec(`insert into trade.order_lists (account, first_id, venue, ids) values ($1, $2, $3, array[$2::bigint])`, int64(n.GetAccount()), id, e.Venue)
	exec(`insert into trade.live_orders (venue, first_id, last_id, orders) values ($1, $2, $2, 1)`, e.Venue, id)
}
