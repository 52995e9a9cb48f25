package journal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/trade"
)

// load reads the orders that the plan changes without having made them.
func (j *Journal) load(ctx context.Context, tx pgx.Tx) (map[uint64]*trade.Order, error) {
	var ids []int64
	for _, m := range j.plan {
		for _, e := range m.out.GetEvents() {
			for _, id := range trade.Touched(e) {
				ids = append(ids, int64(id))
			}
		}
	}
	known := map[uint64]*trade.Order{}
	if len(ids) == 0 {
		return known, nil
	}
	const q = `
select id, account, client_order_id, symbol, side, type, time_in_force, price_ticks, quantity_lots, filled_lots, status,
	reject_reason, cancel_reason, resting, created_ms, updated_ms, event_seq
from trade.orders where venue = $1 and id = any($2)`
	rows, err := tx.Query(ctx, q, j.venue, ids)
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	var o trade.Order
	_, err = pgx.ForEachRow(rows, []any{&o.ID, &o.Account, &o.ClientOrderID, &o.Symbol, &o.Side, &o.Type, &o.TimeInForce, &o.PriceTicks,
		&o.QuantityLots, &o.FilledLots, &o.Status, &o.RejectReason, &o.CancelReason, &o.Resting, &o.CreatedMs, &o.UpdatedMs, &o.EventSeq}, func() error {
		copied := o
		known[o.ID] = &copied
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading orders: %w", err)
	}
	return known, nil
}

// write puts the changes down: one statement a table, whatever their number.
func (j *Journal) write(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	batch := &pgx.Batch{}
	for _, a := range c.Assets {
		batch.Queue(`insert into trade.assets (venue, name, scale) values ($1, $2, $3) on conflict (venue, name) do nothing`,
			j.venue, a.GetName(), int32(a.GetScale()))
	}
	for _, m := range c.Markets {
		batch.Queue(`insert into trade.markets (venue, symbol, base, quote, tick, lot, maker_fee_ppm, taker_fee_ppm)
values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (venue, symbol) do nothing`,
			j.venue, m.GetSymbol(), m.GetBase(), m.GetQuote(), m.GetTick(), m.GetLot(), m.GetMakerFeePpm(), m.GetTakerFeePpm())
	}
	for _, d := range c.Deposits {
		batch.Queue(`insert into trade.deposits (venue, deposit_id, account, asset, amount, event_seq) values ($1, $2, $3, $4, $5, $6)`,
			j.venue, d.Event.GetDepositId(), int64(d.Event.GetAccount()), d.Event.GetAsset(), d.Event.GetAmount(), int64(d.EventSeq))
	}
	j.queueOrders(batch, c)
	j.queueBalances(batch, c)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing the venue's rows: %w", err)
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"trade", "trades"},
		[]string{"venue", "trade_id", "symbol", "price_ticks", "quantity_lots", "maker_order_id", "taker_order_id",
			"maker_account", "taker_account", "taker_side", "maker_fee", "taker_fee", "at_ms", "event_seq"},
		pgx.CopyFromSlice(len(c.Trades), func(i int) ([]any, error) {
			t := c.Trades[i].Event
			return []any{j.venue, int64(t.GetTradeId()), t.GetSymbol(), t.GetPriceTicks(), t.GetQuantityLots(), int64(t.GetMakerOrderId()),
				int64(t.GetTakerOrderId()), int64(t.GetMakerAccount()), int64(t.GetTakerAccount()), int16(t.GetTakerSide()),
				t.GetMakerFee(), t.GetTakerFee(), t.GetAtMs(), int64(c.Trades[i].EventSeq)}, nil
		}))
	if err != nil {
		return fmt.Errorf("copying trades: %w", err)
	}
	return nil
}

func (j *Journal) queueOrders(batch *pgx.Batch, c *trade.Changes) {
	if len(c.Orders) == 0 {
		return
	}
	n := len(c.Orders)
	ids, accounts, clients, symbols := make([]int64, 0, n), make([]int64, 0, n), make([]string, 0, n), make([]string, 0, n)
	sides, types, tifs := make([]int16, 0, n), make([]int16, 0, n), make([]int16, 0, n)
	prices, quantities, filled := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	statuses, rejects, cancels, resting := make([]int16, 0, n), make([]int16, 0, n), make([]int16, 0, n), make([]bool, 0, n)
	created, updated, seqs := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	for _, o := range c.Orders {
		ids, accounts, clients, symbols = append(ids, int64(o.ID)), append(accounts, int64(o.Account)), append(clients, o.ClientOrderID), append(symbols, o.Symbol)
		sides, types, tifs = append(sides, int16(o.Side)), append(types, int16(o.Type)), append(tifs, int16(o.TimeInForce))
		prices, quantities, filled = append(prices, o.PriceTicks), append(quantities, o.QuantityLots), append(filled, o.FilledLots)
		statuses, rejects, cancels = append(statuses, int16(o.Status)), append(rejects, int16(o.RejectReason)), append(cancels, int16(o.CancelReason))
		resting = append(resting, o.Resting)
		created, updated, seqs = append(created, o.CreatedMs), append(updated, o.UpdatedMs), append(seqs, int64(o.EventSeq))
	}
	const q = `
insert into trade.orders (venue, id, account, client_order_id, symbol, side, type, time_in_force, price_ticks, quantity_lots, filled_lots,
	status, reject_reason, cancel_reason, resting, created_ms, updated_ms, event_seq)
select $1, u.* from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::smallint[], $8::smallint[], $9::bigint[],
	$10::bigint[], $11::bigint[], $12::smallint[], $13::smallint[], $14::smallint[], $15::boolean[], $16::bigint[], $17::bigint[], $18::bigint[]) as u
on conflict (venue, id) do update set filled_lots = excluded.filled_lots, status = excluded.status, reject_reason = excluded.reject_reason,
	cancel_reason = excluded.cancel_reason, resting = excluded.resting, updated_ms = excluded.updated_ms, event_seq = excluded.event_seq`
	batch.Queue(q, j.venue, ids, accounts, clients, symbols, sides, types, tifs, prices, quantities, filled,
		statuses, rejects, cancels, resting, created, updated, seqs)
}

func (j *Journal) queueBalances(batch *pgx.Batch, c *trade.Changes) {
	if len(c.Balances) == 0 {
		return
	}
	var accounts, available, reserved, seqs []int64
	var assets []string
	for _, b := range c.Balances {
		accounts, assets = append(accounts, int64(b.Account)), append(assets, b.Asset)
		available, reserved, seqs = append(available, b.Available), append(reserved, b.Reserved), append(seqs, int64(b.EventSeq))
	}
	const q = `
insert into trade.balances (venue, account, asset, available, reserved, event_seq)
select $1, u.* from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as u
on conflict (venue, account, asset) do update set available = excluded.available, reserved = excluded.reserved, event_seq = excluded.event_seq`
	batch.Queue(q, j.venue, accounts, assets, available, reserved, seqs)
}
