package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	feedv1 "fondaco.dev/proto/feed/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/api/internal/market"
)

// journalBytes bounds what one page of a replay reads.
const journalBytes = 4 << 20

// Replay is a stretch of a venue's events: what changed in (after, UpTo].
type Replay struct {
	Cursor   Cursor
	Markets  *market.State // knows the markets
	Changes  []market.Change
	UpTo     uint64
	Complete bool // UpTo is the cursor's own position
}

// Journal replays a venue's events behind event_seq `after` from the verbatim
// copy of TRADES. With account = 0 only trades are of use; else the account's
// orders are as they were. A database below atLeast gives ErrBehind.
func (s *Store) Journal(ctx context.Context, venue string, account, after, atLeast uint64) (r Replay, err error) {
	err = s.viewNeed(ctx, feedv1.TradePartition(venue), Need{Pos: atLeast}, func(tx *Tx) error {
		r, err = replay(ctx, tx, venue, account, after)
		if err == nil && r.Cursor.Pos < atLeast {
			return ErrBehind
		}
		return err
	})
	return r, err
}

func replay(ctx context.Context, tx *Tx, venue string, account, after uint64) (Replay, error) {
	cur, err := readCursor(ctx, tx, "", feedv1.TradePartition(venue))
	if err != nil {
		return Replay{}, err
	}
	r := Replay{Cursor: cur, UpTo: max(after, cur.Pos), Complete: true, Markets: market.New()}
	if err := loadMarkets(ctx, tx, venue, r.Markets); err != nil {
		return Replay{}, err
	}
	if cur.Pos <= after {
		return r, nil
	}
	outputs, complete, err := readJournal(ctx, tx, venue, after, cur.Seq)
	if err != nil {
		return Replay{}, err
	}
	if account != 0 {
		if err := preload(ctx, tx, venue, account, after, outputs, r.Markets); err != nil {
			return Replay{}, err
		}
	}
	last := after
	for _, out := range outputs {
		for seq, e := range out.Events() {
			if seq <= after {
				continue
			}
			last = seq
			c, err := r.Markets.Apply(seq, e)
			if err != nil {
				return Replay{}, err
			}
			if c.Trade != nil || len(c.Orders) > 0 {
				r.Changes = append(r.Changes, c)
			}
		}
	}
	if r.Complete = complete; !complete {
		r.UpTo = last
	}
	return r, nil
}

// readJournal reads the outputs that hold events behind `after`, in order, up
// to about journalBytes.
func readJournal(ctx context.Context, tx *Tx, venue string, after, upToSeq uint64) (out []market.Output, complete bool, err error) {
	const q = `select data from trade.journal
		where venue = $1 and seq <= $3 and first_event_seq >= coalesce(
			(select max(first_event_seq) from trade.journal where venue = $1 and first_event_seq <= $2), 0)
		order by first_event_seq`
	rows, err := tx.Query(ctx, q, venue, int64(after)+1, int64(upToSeq))
	if err != nil {
		return nil, false, fmt.Errorf("reading the journal: %w", err)
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		if size >= journalBytes {
			return out, false, nil
		}
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, false, fmt.Errorf("reading the journal: %w", err)
		}
		size += len(data)
		o, ok := market.ReadOutput(data)
		if !ok {
			return nil, false, errors.New("reading the journal: a row is no output of the order book")
		}
		out = append(out, o)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("reading the journal: %w", err)
	}
	return out, true, nil
}

// preload gives the state the account's orders that the outputs change, as
// they were at event_seq `after`: what they are is in the orders' table, how
// far they were filled is the sum of their trades until then, and what an
// amend or a trigger changed since is undone.
func preload(ctx context.Context, tx *Tx, venue string, account, after uint64, outputs []market.Output, st *market.State) error {
	touched, accepted := map[uint64]bool{}, map[uint64]bool{}
	for _, out := range outputs {
		for seq, raw := range out.Events() {
			if seq <= after {
				continue
			}
			e := &tradesv1.Event{}
			if err := proto.Unmarshal(raw, e); err != nil {
				return fmt.Errorf("reading the journal: %w", err)
			}
			switch k := e.GetKind().(type) {
			case *tradesv1.Event_Trade:
				if k.Trade.GetMakerAccount() == account {
					touched[k.Trade.GetMakerOrderId()] = true
				}
				if k.Trade.GetTakerAccount() == account {
					touched[k.Trade.GetTakerOrderId()] = true
				}
			case *tradesv1.Event_OrderCanceled:
				touched[k.OrderCanceled.GetOrderId()] = true
			case *tradesv1.Event_OrderAmended:
				touched[k.OrderAmended.GetOrderId()] = true
			case *tradesv1.Event_OrderDecremented:
				touched[k.OrderDecremented.GetOrderId()] = true
			case *tradesv1.Event_OrderTriggered:
				touched[k.OrderTriggered.GetOrderId()] = true
			case *tradesv1.Event_TriggerMoved:
				touched[k.TriggerMoved.GetOrderId()] = true
			case *tradesv1.Event_OrderAccepted:
				accepted[k.OrderAccepted.GetOrderId()] = true
				if leg := k.OrderAccepted.GetTerms().GetOtherLeg(); leg != 0 {
					touched[leg] = true
				}
			}
		}
	}
	ids := make([]int64, 0, len(touched))
	for id := range touched {
		if !accepted[id] {
			ids = append(ids, int64(id))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	const q = `select ` + orderColumns + ` from trade.orders where venue = $1 and account = $2 and id = any($3) order by id`
	rows, err := tx.Query(ctx, q, venue, int64(account), ids)
	if err != nil {
		return fmt.Errorf("reading orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return fmt.Errorf("reading orders: %w", err)
	}
	filled, err := filledUntil(ctx, tx, venue, ids, after)
	if err != nil {
		return err
	}
	undo, err := changedSince(ctx, tx, venue, ids, after)
	if err != nil {
		return err
	}
	for _, o := range orders {
		st.PutOrder(o.Before(filled[o.ID], undo[o.ID]))
	}
	return nil
}

// changedSince is what orders were before their first change after eventSeq.
func changedSince(ctx context.Context, tx *Tx, venue string, ids []int64, eventSeq uint64) (map[uint64]*market.Undo, error) {
	const q = `select distinct on (id) id, price_ticks, quantity_lots, filled_lots, remaining_lots, trigger_ticks, triggered from trade.order_changes
		where venue = $1 and id = any($2) and event_seq > $3 order by id, event_seq`
	rows, err := tx.Query(ctx, q, venue, ids, int64(eventSeq))
	if err != nil {
		return nil, fmt.Errorf("reading changes of orders: %w", err)
	}
	out := map[uint64]*market.Undo{}
	var id int64
	var u market.Undo
	if _, err := pgx.ForEachRow(rows, []any{&id, &u.PriceTicks, &u.QuantityLots, &u.FilledLots, &u.RemainingLots, &u.TriggerTicks, &u.Triggered}, func() error {
		copied := u
		out[uint64(id)] = &copied
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reading changes of orders: %w", err)
	}
	return out, nil
}

func filledUntil(ctx context.Context, tx *Tx, venue string, ids []int64, eventSeq uint64) (map[uint64]int64, error) {
	const q = `select id, sum(quantity_lots)::bigint from (
			select maker_order_id as id, quantity_lots from trade.trades where venue = $1 and maker_order_id = any($2) and event_seq <= $3
			union all
			select taker_order_id, quantity_lots from trade.trades where venue = $1 and taker_order_id = any($2) and event_seq <= $3
		) fills group by id`
	rows, err := tx.Query(ctx, q, venue, ids, int64(eventSeq))
	if err != nil {
		return nil, fmt.Errorf("reading fills: %w", err)
	}
	out := map[uint64]int64{}
	var id, lots int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &lots}, func() error { out[uint64(id)] = lots; return nil }); err != nil {
		return nil, fmt.Errorf("reading fills: %w", err)
	}
	return out, nil
}
