package store

import (
	"context"
	"errors"
	"fmt"

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
		st.Seq = cur.Pos
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
		st.TakeDepth()
		return nil
	}
	if primary {
		err = s.primaryView(ctx, read)
	} else {
		err = s.view(ctx, read)
	}
	return st, cur, err
}

func loadMarkets(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	const assets = `select name, scale from trade.assets where venue = $1`
	rows, err := tx.Query(ctx, assets, venue)
	if err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	var name string
	var scale int32
	if _, err := pgx.ForEachRow(rows, []any{&name, &scale}, func() error { st.PutAsset(name, uint32(scale)); return nil }); err != nil {
		return fmt.Errorf("reading assets: %w", err)
	}
	const markets = `select symbol, base, quote, tick, lot, maker_fee_ppm, taker_fee_ppm from trade.markets where venue = $1 order by symbol`
	rows, err = tx.Query(ctx, markets, venue)
	if err != nil {
		return fmt.Errorf("reading markets: %w", err)
	}
	var m market.Market
	if _, err := pgx.ForEachRow(rows, []any{&m.Symbol, &m.Base, &m.Quote, &m.Tick, &m.Lot, &m.MakerFeePPM, &m.TakerFeePPM},
		func() error { st.PutMarket(m); return nil }); err != nil {
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
	var asset string
	var b market.Balance
	if _, err := pgx.ForEachRow(rows, []any{&account, &asset, &b.Available, &b.Reserved},
		func() error { st.PutBalance(uint64(account), asset, b); return nil }); err != nil {
		return fmt.Errorf("reading balances: %w", err)
	}
	return nil
}

const tradeColumns = `trade_id, symbol, price_ticks, quantity_lots, taker_side, at_ms, event_seq`

func scanTrade(row pgx.CollectableRow) (market.Trade, error) {
	var t market.Trade
	var id, seq int64
	var side int16
	err := row.Scan(&id, &t.Symbol, &t.PriceTicks, &t.QuantityLots, &side, &t.AtMS, &seq)
	t.ID, t.TakerSide, t.EventSeq = uint64(id), ordersv1.Side(side), uint64(seq)
	return t, err
}

func loadTails(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	for _, m := range st.Markets() {
		const q = `select ` + tradeColumns + ` from trade.trades where venue = $1 and symbol = $2 order by trade_id desc limit $3`
		rows, err := tx.Query(ctx, q, venue, m.Symbol, market.MaxTail)
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
	}
	return nil
}

const orderColumns = `id, account, client_order_id, symbol, side, type, time_in_force, price_ticks, quantity_lots, filled_lots, status,
	reject_reason, cancel_reason, resting, created_ms, updated_ms, event_seq`

func scanOrder(row pgx.CollectableRow) (market.Order, error) {
	var o market.Order
	var id, account, seq int64
	var side, typ, tif, status, reject, cancel int16
	err := row.Scan(&id, &account, &o.ClientOrderID, &o.Symbol, &side, &typ, &tif, &o.PriceTicks, &o.QuantityLots, &o.FilledLots, &status,
		&reject, &cancel, &o.Resting, &o.CreatedMS, &o.UpdatedMS, &seq)
	o.ID, o.Account, o.EventSeq = uint64(id), uint64(account), uint64(seq)
	o.Side, o.Type, o.TimeInForce = ordersv1.Side(side), ordersv1.OrderType(typ), ordersv1.TimeInForce(tif)
	o.Status, o.RejectReason, o.CancelReason = ordersv1.OrderStatus(status), ordersv1.RejectReason(reject), ordersv1.CancelReason(cancel)
	return o, err
}

// recentOrders is how many ended orders are loaded beside the live ones.
const recentOrders = 1000

func loadOrders(ctx context.Context, tx *Tx, venue string, st *market.State) error {
	const q = `(select ` + orderColumns + ` from trade.orders where venue = $1 and status in (1, 2))
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
