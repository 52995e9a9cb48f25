package journal

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/trade"
)

// write puts the changes down: a few statements a table, whatever their number.
func (j *Journal) write(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	if err := j.registry(ctx, tx, c); err != nil {
		return err
	}
	if err := j.orders(ctx, tx, c); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	j.queueBalances(batch, c)
	j.queueLiving(batch, c)
	for _, f := range c.Funds {
		batch.Queue(`insert into trade.funds (venue, id, account, asset, amount, event_seq) values ($1, $2, $3, $4, $5, $6)`,
			j.venue, f.Event.GetId(), int64(f.Event.GetAccount()), int32(f.Event.GetAsset()), f.Event.GetAmount(), int64(f.EventSeq))
	}
	for _, a := range c.Auctions {
		batch.Queue(`insert into trade.auctions (venue, market, event_seq, price_ticks, volume_lots, surplus_lots, reference_ticks, input_digest, began_ms, at_ms)
values ($1, $2, $3, nullif($4::bigint, 0), $5, $6, nullif($7::bigint, 0), $8, $9, $10)`,
			j.venue, int32(a.Event.GetMarket()), int64(a.EventSeq), a.Event.GetPriceTicks(), a.Event.GetVolumeLots(), a.Event.GetSurplusLots(),
			a.Event.GetReferenceTicks(), a.Event.GetInputDigest(), a.Event.GetBeganMs(), a.Event.GetAtMs())
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("writing the venue's rows: %w", err)
		}
	}
	return j.trades(ctx, tx, c)
}

// registry writes assets, markets and what changed of markets, and learns the
// markets' units.
func (j *Journal) registry(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	batch := &pgx.Batch{}
	for _, a := range c.Assets {
		batch.Queue(`insert into trade.assets (venue, asset, name, scale) values ($1, $2, $3, $4)`,
			j.venue, int32(a.GetAsset()), a.GetName(), int32(a.GetScale()))
	}
	for _, m := range c.Markets {
		t, l := m.GetTerms(), m.GetTerms().GetLimits()
		batch.Queue(`insert into trade.markets (venue, market, symbol, base, quote, tick, lot, unit, maker_fee_ppm, taker_fee_ppm, min_lots, max_lots,
	min_notional, max_notional, collar_ppm, pause_ppm, pause_ms, reference_ticks, day_ends_ms, one_side, phase, phase_ends_ms, then_phase)
select $1::text, $2::integer, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $6::bigint::numeric * $7::bigint / 10::numeric ^ a.scale, $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::bigint, $18::bigint, $19::boolean, $20::smallint, 0, 0
from trade.assets a where a.venue = $1 and a.name = $4`,
			j.venue, int32(m.GetMarket()), t.GetSymbol(), t.GetBase(), t.GetQuote(), t.GetTick(), t.GetLot(), t.GetMakerFeePpm(), t.GetTakerFeePpm(),
			l.GetMinLots(), l.GetMaxLots(), l.GetMinNotional(), l.GetMaxNotional(), l.GetCollarPpm(), l.GetPausePpm(), l.GetPauseMs(), l.GetReferenceTicks(),
			t.GetDayEndsMs(), t.GetOneSide(), int16(max(t.GetPhase(), 1)))
	}
	for id, p := range c.Phases {
		batch.Queue(`update trade.markets set phase = $3, phase_ends_ms = $4, then_phase = $5 where venue = $1 and market = $2`,
			j.venue, int32(id), int16(p.GetPhase()), p.GetEndsAtMs(), int16(p.GetThenPhase()))
	}
	for id, l := range c.Limits {
		batch.Queue(`update trade.markets set min_lots = $3, max_lots = $4, min_notional = $5, max_notional = $6, collar_ppm = $7, pause_ppm = $8,
	pause_ms = $9, reference_ticks = $10 where venue = $1 and market = $2`,
			j.venue, int32(id), l.GetMinLots(), l.GetMaxLots(), l.GetMinNotional(), l.GetMaxNotional(), l.GetCollarPpm(), l.GetPausePpm(), l.GetPauseMs(), l.GetReferenceTicks())
	}
	if batch.Len() > 0 {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("writing assets and markets: %w", err)
		}
	}
	for _, t := range c.Trades {
		if _, known := j.units[t.Event.GetMarket()]; !known {
			return j.learn(ctx, tx, c)
		}
	}
	return nil
}

// learn reads the markets; a trade in one that is not there contradicts them.
func (j *Journal) learn(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	rows, err := tx.Query(ctx, `select market, unit from trade.markets where venue = $1`, j.venue)
	if err != nil {
		return fmt.Errorf("reading markets: %w", err)
	}
	var id uint32
	var unit int64
	if _, err = pgx.ForEachRow(rows, []any{&id, &unit}, func() error {
		j.units[id] = unit
		return nil
	}); err != nil {
		return fmt.Errorf("reading markets: %w", err)
	}
	for _, t := range c.Trades {
		if _, known := j.units[t.Event.GetMarket()]; !known {
			return partition.Stopf("event %d trades in market %d, which does not exist. %s", t.EventSeq, t.Event.GetMarket(), j.recovery())
		}
	}
	return nil
}

func (j *Journal) queueBalances(batch *pgx.Batch, c *trade.Changes) {
	if len(c.Balances) == 0 {
		return
	}
	var accounts, available, reserved, seqs []int64
	var assets []int32
	for _, b := range c.Balances {
		accounts, assets = append(accounts, int64(b.Account)), append(assets, int32(b.Asset))
		available, reserved, seqs = append(available, b.Available), append(reserved, b.Reserved), append(seqs, int64(b.EventSeq))
	}
	const q = `
insert into trade.balances (venue, account, asset, available, reserved, event_seq)
select $1, u.* from unnest($2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[]) as u
on conflict (venue, account, asset) do update set available = excluded.available, reserved = excluded.reserved, event_seq = excluded.event_seq`
	batch.Queue(q, j.venue, accounts, assets, available, reserved, seqs)
}
