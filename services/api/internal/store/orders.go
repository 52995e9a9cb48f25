package store

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/jackc/pgx/v5"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/market"
)

// Order finds an account's order by id.
func (s *Store) Order(ctx context.Context, venue string, account, id uint64, need Need) (market.Order, error) {
	const q = `select ` + orderColumns + ` from trade.orders where venue = $1 and account = $2 and id = $3`
	return s.oneOrder(ctx, venue, need, q, venue, int64(account), int64(id))
}

// OrderByClientID finds the newest order that a client order id named; an
// order that was refused because the id was taken does not count.
func (s *Store) OrderByClientID(ctx context.Context, venue string, account uint64, clientID string, need Need) (market.Order, error) {
	const q = `select ` + orderColumns + ` from trade.orders where venue = $1 and account = $2 and client_order_id = $3 and reject_reason <> $4
		order by id desc limit 1`
	return s.oneOrder(ctx, venue, need, q, venue, int64(account), clientID, int16(ordersv1.RejectReason_REJECT_REASON_CONFLICT))
}

func (s *Store) oneOrder(ctx context.Context, venue string, need Need, q string, args ...any) (o market.Order, err error) {
	err = s.venueView(ctx, venue, need, func(tx *Tx) error {
		rows, err := tx.Query(ctx, q, args...)
		if err != nil {
			return fmt.Errorf("reading order: %w", err)
		}
		orders, err := pgx.CollectRows(rows, scanOrder)
		if err != nil {
			return fmt.Errorf("reading order: %w", err)
		}
		if len(orders) == 0 {
			return ErrNotFound
		}
		if err := withFills(ctx, tx, venue, orders); err != nil {
			return err
		}
		o = orders[0]
		return nil
	})
	return o, err
}

// ofAccount are an account's orders below an id, newest first: $1 venue, $2 account,
// $3 the id. It goes from list to list and so reads no more of them than a limit
// wants; asked for in order, all of an account's lists may be read and sorted.
func ofAccount(where string) string {
	return `with recursive l as (
			(select first_id, ids from trade.order_lists where account = $2 and venue = $1 and first_id < $3 order by first_id desc limit 1)
			union all
			select n.first_id, n.ids from l cross join lateral (select first_id, ids from trade.order_lists
				where account = $2 and venue = $1 and first_id < l.first_id order by first_id desc limit 1) n)
		select ` + orderColumns + ` from l cross join lateral (select o.* from unnest(l.ids) as u(listed) join trade.orders o on o.venue = $1 and o.id = u.listed
			where u.listed < $3 and ` + where + ` order by u.listed desc) o`
}

// Orders lists an account's orders with ids below `below` (0 = no bound),
// newest first; statuses empty = all. Those in known are left out.
func (s *Store) Orders(ctx context.Context, venue string, account, below uint64, statuses []ordersv1.OrderStatus, known []int64, limit int, need Need) (out []market.Order, err error) {
	bound := int64(math.MaxInt64)
	if below > 0 {
		bound = int64(below)
	}
	wanted := make([]int16, len(statuses))
	for i, st := range statuses {
		wanted[i] = int16(st)
	}
	err = s.venueView(ctx, venue, need, func(tx *Tx) error {
		q := ofAccount(`(cardinality($4::smallint[]) = 0 or status = any($4)) and id <> all($5::bigint[])`) + ` limit $6`
		rows, err := tx.Query(ctx, q, venue, int64(account), bound, wanted, known, limit)
		if err != nil {
			return fmt.Errorf("reading orders: %w", err)
		}
		if out, err = pgx.CollectRows(rows, scanOrder); err != nil {
			return fmt.Errorf("reading orders: %w", err)
		}
		return withFills(ctx, tx, venue, out)
	})
	return out, err
}

// OrderByRef finds the newest order that a client_ref named.
func (s *Store) OrderByRef(ctx context.Context, venue string, account, ref uint64, need Need) (market.Order, error) {
	q := ofAccount(`client_ref = $4::text::numeric and reject_reason <> $5`) + ` limit 1`
	return s.oneOrder(ctx, venue, need, q, venue, int64(account), int64(math.MaxInt64), strconv.FormatUint(ref, 10), int16(ordersv1.RejectReason_REJECT_REASON_DUPLICATE))
}

// Trades lists a market's trades with ids below `below` (0 = no bound), newest
// first.
func (s *Store) Trades(ctx context.Context, venue string, id uint32, below uint64, limit int, need Need) (out []market.Trade, err error) {
	bound := int64(math.MaxInt64)
	if below > 0 {
		bound = int64(below)
	}
	err = s.venueView(ctx, venue, need, func(tx *Tx) error {
		const q = `select ` + tradeColumns + ` from trade.trades where venue = $1 and market = $2 and trade_id < $3 order by trade_id desc limit $4`
		rows, err := tx.Query(ctx, q, venue, int32(id), bound, limit)
		if err != nil {
			return fmt.Errorf("reading trades: %w", err)
		}
		if out, err = pgx.CollectRows(rows, scanTrade); err != nil {
			return fmt.Errorf("reading trades: %w", err)
		}
		return nil
	})
	return out, err
}
