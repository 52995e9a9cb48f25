package apitest

import (
	"context"
	"fmt"
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
// order trades with the one resting order at exactly its price, else it rests;
// a market order trades with the best of them, else it is canceled. It answers
// packs, publishes TRADES, and writes Postgres as the writer would.
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
	orders   map[uint64]*ordersv1.Order
	cids     map[string]uint64
	pending  []pendingOutput
	created  int64
	applied  uint64 // ORDERS sequence
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
	e := &Engine{DB: db, Bus: b, Venue: venue, orders: map[uint64]*ordersv1.Order{}, cids: map[string]uint64{}, created: st.Created.UnixMilli()}
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
		exec(`insert into trade.journal values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`, e.Venue, int64(p.seq), int64(p.out.GetFirstInSeq()), int64(p.out.GetLastInSeq()),
			int32(p.out.GetPart()), p.out.GetLast(), int64(p.out.GetFirstEventSeq()), int32(len(p.out.GetEvents())), data)
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
		exec(`insert into trade.assets values ($1,$2,$3)`, v, k.AssetAdded.GetName(), int32(k.AssetAdded.GetScale()))
	case *tradesv1.Event_MarketAdded:
		m := k.MarketAdded
		exec(`insert into trade.markets values ($1,$2,$3,$4,$5,$6,$7,$8)`, v, m.GetSymbol(), m.GetBase(), m.GetQuote(), m.GetTick(), m.GetLot(), m.GetMakerFeePpm(), m.GetTakerFeePpm())
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		exec(`insert into trade.balances values ($1,$2,$3,$4,$5,$6) on conflict (venue, account, asset) do update set available = excluded.available, reserved = excluded.reserved, event_seq = excluded.event_seq`,
			v, int64(b.GetAccount()), b.GetAsset(), b.GetAvailable(), b.GetReserved(), s)
	case *tradesv1.Event_OrderAccepted:
		o := k.OrderAccepted
		exec(`insert into trade.orders values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,1,0,0,false,$11,$11,$12)`, v, int64(o.GetOrderId()), int64(o.GetAccount()), o.GetClientOrderId(),
			o.GetSymbol(), int16(o.GetSide()), int16(o.GetType()), int16(o.GetTimeInForce()), o.GetPriceTicks(), o.GetQuantityLots(), o.GetAtMs(), s)
	case *tradesv1.Event_OrderRejected:
		o := k.OrderRejected
		exec(`insert into trade.orders values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,5,$13,0,false,$11,$11,$12)`, v, int64(o.GetOrderId()), int64(o.GetAccount()), o.GetClientOrderId(),
			o.GetSymbol(), int16(o.GetSide()), int16(o.GetType()), int16(o.GetTimeInForce()), o.GetPriceTicks(), o.GetQuantityLots(), o.GetAtMs(), s, int16(o.GetReason()))
	case *tradesv1.Event_OrderRested:
		exec(`update trade.orders set resting = true, event_seq = $3 where venue = $1 and id = $2`, v, int64(k.OrderRested.GetOrderId()), s)
	case *tradesv1.Event_Trade:
		t := k.Trade
		exec(`insert into trade.trades values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`, v, int64(t.GetTradeId()), t.GetSymbol(), t.GetPriceTicks(), t.GetQuantityLots(),
			int64(t.GetMakerOrderId()), int64(t.GetTakerOrderId()), int64(t.GetMakerAccount()), int64(t.GetTakerAccount()), int16(t.GetTakerSide()), t.GetMakerFee(), t.GetTakerFee(), t.GetAtMs(), s)
		exec(`update trade.orders set filled_lots = filled_lots + $3, status = case when filled_lots + $3 = quantity_lots then 3 else 2 end,
			resting = resting and filled_lots + $3 < quantity_lots, updated_ms = $4, event_seq = $5 where venue = $1 and id in ($2, $6)`,
			v, int64(t.GetMakerOrderId()), t.GetQuantityLots(), t.GetAtMs(), s, int64(t.GetTakerOrderId()))
	case *tradesv1.Event_OrderCanceled:
		c := k.OrderCanceled
		exec(`update trade.orders set status = 4, cancel_reason = $3, resting = false, updated_ms = $4, event_seq = $5 where venue = $1 and id = $2`,
			v, int64(c.GetOrderId()), int16(c.GetReason()), c.GetAtMs(), s)
	}
}

func cidKey(account uint64, cid string) string { return fmt.Sprint(account, "/", cid) }

// command carries out one command.
func (e *Engine) command(c *ordersv1.Command) (*ordersv1.Outcome, []*tradesv1.Event) {
	switch k := c.GetOp().(type) {
	case *ordersv1.Command_NewOrder:
		return e.place(k.NewOrder)
	case *ordersv1.Command_Cancel:
		o := e.orders[k.Cancel.GetOrderId()]
		if o == nil || o.GetAccount() != k.Cancel.GetAccount() {
			return &ordersv1.Outcome{Reject: ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER}, nil
		}
		if o.GetStatus() != ordersv1.OrderStatus_ORDER_STATUS_OPEN && o.GetStatus() != ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED {
			return &ordersv1.Outcome{Reject: ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE, Order: o}, nil
		}
		return &ordersv1.Outcome{Order: o}, []*tradesv1.Event{e.cancel(o, ordersv1.CancelReason_CANCEL_REASON_REQUESTED)}
	}
	return &ordersv1.Outcome{Reject: ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND}, nil
}

const atMS = 1700000000123

func (e *Engine) cancel(o *ordersv1.Order, why ordersv1.CancelReason) *tradesv1.Event {
	o.Status, o.CancelReason = ordersv1.OrderStatus_ORDER_STATUS_CANCELED, why
	return &tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: o.GetId(), Reason: why,
		RemainingLots: o.GetQuantityLots() - o.GetFilledLots(), AtMs: atMS}}}
}

func (e *Engine) place(n *ordersv1.NewOrder) (*ordersv1.Outcome, []*tradesv1.Event) {
	if id, ok := e.cids[cidKey(n.GetAccount(), n.GetClientOrderId())]; ok {
		o := e.orders[id]
		if o.GetPriceTicks() == n.GetPriceTicks() && o.GetQuantityLots() == n.GetQuantityLots() && o.GetSide() == n.GetSide() {
			return &ordersv1.Outcome{Order: o, RepeatedId: true}, nil
		}
		return &ordersv1.Outcome{Reject: ordersv1.RejectReason_REJECT_REASON_CONFLICT}, nil
	}
	e.ids++
	o := &ordersv1.Order{Id: e.ids, ClientOrderId: n.GetClientOrderId(), Account: n.GetAccount(), Symbol: n.GetSymbol(), Side: n.GetSide(), Type: n.GetType(),
		TimeInForce: n.GetTimeInForce(), PriceTicks: n.GetPriceTicks(), QuantityLots: n.GetQuantityLots(), Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN}
	e.orders[o.Id] = o
	e.cids[cidKey(n.GetAccount(), n.GetClientOrderId())] = o.Id
	why := n.GetMalformed()
	if why == 0 && n.GetQuantityLots() <= 0 {
		why = ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if why != 0 {
		o.Status, o.RejectReason = ordersv1.OrderStatus_ORDER_STATUS_REJECTED, why
		return &ordersv1.Outcome{Reject: why, Order: o}, []*tradesv1.Event{{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{OrderId: o.Id,
			Account: o.Account, Symbol: o.Symbol, Side: o.Side, Type: o.Type, TimeInForce: o.TimeInForce, PriceTicks: o.PriceTicks, QuantityLots: o.QuantityLots,
			ClientOrderId: o.ClientOrderId, AtMs: atMS, Reason: why}}}}
	}
	events := []*tradesv1.Event{{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: o.Id, Account: o.Account, Symbol: o.Symbol, Side: o.Side,
		Type: o.Type, TimeInForce: o.TimeInForce, PriceTicks: o.PriceTicks, QuantityLots: o.QuantityLots, ClientOrderId: o.ClientOrderId, AtMs: atMS}}}}
	for id := uint64(1); id < o.Id && o.FilledLots < o.QuantityLots; id++ {
		m := e.orders[id]
		resting := m.GetStatus() == ordersv1.OrderStatus_ORDER_STATUS_OPEN || m.GetStatus() == ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
		if !resting || m.Symbol != o.Symbol || m.Side == o.Side || m.Account == o.Account || (o.Type == ordersv1.OrderType_ORDER_TYPE_LIMIT && m.PriceTicks != o.PriceTicks) {
			continue
		}
		lots := min(o.QuantityLots-o.FilledLots, m.QuantityLots-m.FilledLots)
		e.trades++
		for _, x := range []*ordersv1.Order{m, o} {
			x.FilledLots += lots
			x.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
			if x.FilledLots == x.QuantityLots {
				x.Status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
			}
		}
		o.Fills = append(o.Fills, &ordersv1.Fill{TradeId: e.trades, PriceTicks: m.PriceTicks, QuantityLots: lots, Fee: 2})
		events = append(events, &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: e.trades, Symbol: o.Symbol, PriceTicks: m.PriceTicks, QuantityLots: lots,
			MakerOrderId: m.Id, TakerOrderId: o.Id, MakerAccount: m.Account, TakerAccount: o.Account, TakerSide: o.Side, MakerFee: 1, TakerFee: 2, AtMs: atMS}}})
	}
	switch {
	case o.FilledLots == o.QuantityLots:
	case o.Type == ordersv1.OrderType_ORDER_TYPE_MARKET || o.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_GTC:
		events = append(events, e.cancel(o, ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER))
	default:
		events = append(events, &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: o.Id, RemainingLots: o.QuantityLots - o.FilledLots}}})
	}
	answer := proto.Clone(o).(*ordersv1.Order)
	o.Fills = nil
	return &ordersv1.Outcome{Order: answer}, events
}

// Setup are the events that make the test market and give accounts 1 and 2 money.
func Setup() []*tradesv1.Event {
	return []*tradesv1.Event{
		{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: "USD", Scale: 2}}},
		{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: "WINE18", Scale: 0}}},
		{Kind: &tradesv1.Event_MarketAdded{MarketAdded: &tradesv1.MarketAdded{Symbol: "WINE18-USD", Base: "WINE18", Quote: "USD", Tick: 5, Lot: 2}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 1, Asset: "USD", Available: 100000, Reserved: 50}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 2, Asset: "WINE18", Available: 500}}},
	}
}
