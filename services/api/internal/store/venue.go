package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

// LoadVenue reads a venue's projection as of its cursor: markets, live orders
// with their fills, orders that ended lately, balances, the newest trades.
// With primary it reads there.
func (s *Store) LoadVenue(ctx context.Context, venue string, primary bool) (st *market.State, cur Cursor, err error) {
	read := func(tx *Tx) error {
		st = market.New()
		if cur, err = readCursor(ctx, tx, "", feedv1.TradePartition(venue)); err != nil {
			return err
		}
		st.Seq, st.Gone = cur.Pos, cur.Pos
		for _, load := range []func(context.Context, *Tx, string, *market.State) error{loadMarkets, loadBalances, loadTails, loadOrders} {
			if err := load(ctx, tx, venue, st); err != nil {
				return err
			}
		}
		const applied = `select last_in_seq from trade.journal where venue = $1 and seq <= $2 and last order by seq desc limit 1`
		var in int64
		if err := tx.QueryRow(ctx, applied, venue, int64(cur.Seq)).Scan(&in); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("reading the input position: %w", err)
		}
		st.InSeq = uint64(in)
		st.Take()
		return nil
	}
	if primary {
		err = s.primaryView(ctx, read)
	} else {
		err = s.view(ctx, read)
	}
	return st, cur, err
}

// venueView runs fn in a view that meets the need.
func (s *Store) venueView(ctx context.Context, venue string, need Need, fn func(*Tx) error) error {
	partition := feedv1.TradePartition(venue)
	return s.viewNeed(ctx, partition, need, func(tx *Tx) error {
		if !need.None() {
			cur, err := readCursor(ctx, tx, "", partition)
			if err != nil {
				return err
			}
			at := At{Cursor: cur, Partition: partition}
			if err := at.meets(need); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

func loadMarkets(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	const assets = `select asset, name, scale from trade.assets where venue = $1 order by asset`
	rows, err := tx.Query(ctx, assets, venue)
	if err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	var id, scale int32
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name, &scale}, func() error { st.PutAsset(uint32(id), name, uint32(scale)); return nil }); err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	const markets = `select market, symbol, base, quote, tick, lot, maker_fee_ppm, taker_fee_ppm, min_lots, max_lots, min_notional, max_notional,
		collar_ppm, pause_ppm, pause_ms, reference_ticks, day_ends_ms, one_side, phase, phase_ends_ms, then_phase, coalesce(last_ticks, 0)
		from trade.markets where venue = $1 order by market`
	rows, err = tx.Query(ctx, markets, venue)
	if err != nil {
		return fmt.Errorf("reading markets: %w", err)
	}
	var m market.Market
	var phase, then int16
	var last int64
	l := &m.Limits
	if _, err := pgx.ForEachRow(rows, []any{&id, &m.Symbol, &m.Base, &m.Quote, &m.Tick, &m.Lot, &m.MakerFeePPM, &m.TakerFeePPM, &l.MinLots, &l.MaxLots,
		&l.MinNotional, &l.MaxNotional, &l.CollarPPM, &l.PausePPM, &l.PauseMS, &l.ReferenceTicks, &m.DayEndsMS, &m.OneSide, &phase, &m.PhaseEndsMS, &then, &last},
		func() error {
			m.ID, m.Phase, m.ThenPhase = uint32(id), ordersv1.Phase(phase), ordersv1.Phase(then)
			st.PutMarket(m)
			st.PutLast(m.ID, last)
			return nil
		}); err != nil {
		return fmt.Errorf("reading markets: %w", err)
	}
	return nil
}

func loadBalances(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	const q = `select account, asset, available, reserved from trade.balances where venue = $1`
	rows, err := tx.Query(ctx, q, venue)
	if err != nil {
		return fmt.Errorf("reading balances: %w", err)
	}
	var account int64
	var asset int32
	var b market.Balance
	if _, err := pgx.ForEachRow(rows, []any{&account, &asset, &b.Available, &b.Reserved},
		func() error { st.PutBalance(uint64(account), uint32(asset), b); return nil }); err != nil {
		return fmt.Errorf("reading balances: %w", err)
	}
	return nil
}

const tradeColumns = `trade_id, market, price_ticks, quantity_lots, taker_side, auction, at_ms, event_seq`

func scanTrade(row pgx.CollectableRow) (market.Trade, error) {
	var t market.Trade
	var id, seq int64
	var side int16
	var m int32
	err := row.Scan(&id, &m, &t.PriceTicks, &t.QuantityLots, &side, &t.Auction, &t.AtMS, &seq)
	t.ID, t.Market, t.TakerSide, t.EventSeq = uint64(id), uint32(m), ordersv1.Side(side), uint64(seq)
	return t, err
}

func loadTails(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	for _, m := range st.Directory().Markets() {
		const q = `select ` + tradeColumns + ` from trade.trades where venue = $1 and market = $2 order by trade_id desc limit $3`
		rows, err := tx.Query(ctx, q, venue, int32(m.ID), market.MaxTail)
		if err != nil {
			return fmt.Errorf("reading trades: %w", err)
		}
		trades, err := pgx.CollectRows(rows, scanTrade)
		if err != nil {
			return fmt.Errorf("reading trades: %w", err)
		}
		for i := len(trades) - 1; i >= 0; i-- {
			st.PutTrade(trades[i])
		}
		if err := loadCandles(ctx, tx, venue, m.ID, trades, st); err != nil {
			return err
		}
	}
	return nil
}

// orderColumns are scanned by scanOrder.
const orderColumns = `id, account, client_order_id, client_ref::text, market, side, type, time_in_force, self_trade, price_ticks, quantity_lots, filled_lots,
	remaining_lots, visible_lots, decremented_lots, status, reject_reason, cancel_reason, resting, triggered, queue_seq, quote_budget, protection_ticks, trigger_ticks, trail_ticks,
	display_lots, min_lots, post_only, expires_at_ms, other_leg, created_ms, updated_ms, event_seq`

func scanOrder(row pgx.CollectableRow) (market.Order, error) {
	var o market.Order
	var id, account, queue, other, seq int64
	var m int32
	var side, typ, tif, self, status, reject, cancel int16
	var ref string
	t := &o.Terms
	err := row.Scan(&id, &account, &o.ClientOrderID, &ref, &m, &side, &typ, &tif, &self, &o.PriceTicks, &o.QuantityLots, &o.FilledLots,
		&o.RemainingLots, &o.VisibleLots, &o.Decremented, &status, &reject, &cancel, &o.Resting, &o.Triggered, &queue, &t.QuoteBudget, &t.ProtectionTicks, &t.TriggerTicks, &t.TrailTicks,
		&t.DisplayLots, &t.MinLots, &t.PostOnly, &t.ExpiresAtMS, &other, &o.CreatedMS, &o.UpdatedMS, &seq)
	if err != nil {
		return o, err
	}
	if o.ClientRef, err = strconv.ParseUint(ref, 10, 64); err != nil {
		return o, fmt.Errorf("reading the client_ref of order %d: %w", id, err)
	}
	o.ID, o.Account, o.Market, o.QueueSeq, o.EventSeq, t.OtherLeg = uint64(id), uint64(account), uint32(m), uint64(queue), uint64(seq), uint64(other)
	o.Side, o.Type, o.TimeInForce, o.SelfTrade = ordersv1.Side(side), ordersv1.OrderType(typ), ordersv1.TimeInForce(tif), ordersv1.SelfTrade(self)
	o.Status, o.RejectReason, o.CancelReason = ordersv1.OrderStatus(status), ordersv1.RejectReason(reject), ordersv1.CancelReason(cancel)
	return o, nil
}

// recentOrders is how many ended orders are loaded beside the live ones.
const recentOrders = 1000

func loadOrders(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	const q = `(select ` + orderColumns + ` from (select first_id, last_id from trade.live_orders where venue = $1 and orders > 0) l
			join trade.orders o on o.venue = $1 and o.id between l.first_id and l.last_id where status in (1, 2, 7))
		union
		(select ` + orderColumns + ` from trade.orders where venue = $1 order by id desc limit $2) order by id`
	rows, err := tx.Query(ctx, q, venue, recentOrders)
	if err != nil {
		return fmt.Errorf("reading orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err != nil {
		return fmt.Errorf("reading orders: %w", err)
	}
	if err := withFills(ctx, tx, venue, orders); err != nil {
		return err
	}
	for _, o := range orders {
		st.PutOrder(o)
	}
	return nil
}

// withFills adds their fills to the orders that have some, oldest first.
func withFills(ctx context.Context, tx *Tx, venue string, orders []market.Order) error {
	at := map[uint64]*market.Order{}
	var ids []int64
	for i := range orders {
		if orders[i].FilledLots > 0 {
			at[orders[i].ID] = &orders[i]
			ids = append(ids, int64(orders[i].ID))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	const q = `select maker_order_id, trade_id, price_ticks, quantity_lots, maker_fee from trade.trades where venue = $1 and maker_order_id = any($2)
		union all
		select taker_order_id, trade_id, price_ticks, quantity_lots, taker_fee from trade.trades where venue = $1 and taker_order_id = any($2)
		order by 2`
	rows, err := tx.Query(ctx, q, venue, ids)
	if err != nil {
		return fmt.Errorf("reading fills: %w", err)
	}
	var order, trade int64
	var f market.Fill
	if _, err := pgx.ForEachRow(rows, []any{&order, &trade, &f.PriceTicks, &f.QuantityLots, &f.Fee}, func() error {
		f.TradeID = uint64(trade)
		o := at[uint64(order)]
		o.Fills = append(o.Fills, f)
		return nil
	}); err != nil {
		return fmt.Errorf("reading fills: %w", err)
	}
	return nil
}
