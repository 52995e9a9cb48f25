package journal

import (
	"context"
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"fondaco.dev/services/writer/internal/trade"
)

// whole is an integer for a numeric column.
func whole(v *big.Int) pgtype.Numeric { return pgtype.Numeric{Int: v, Valid: true} }

// trades copies the trades, and brings last prices, candles and tickers on.
func (j *Journal) trades(ctx context.Context, tx pgx.Tx, c *trade.Changes) error {
	if len(c.Trades) == 0 {
		return nil
	}
	rows := j.copyTrades(c.Trades)
	err := rows.Send(ctx, tx, "trade.trades")
	rows.Release()
	if err != nil {
		return err
	}
	candles := trade.Candles(c.Trades, func(market uint32) int64 { return j.units[market] })
	seconds := trade.Seconds(candles)
	// The windows are read before the candles of this batch are in the table.
	for market := range seconds {
		if err := j.window(ctx, tx, market); err != nil {
			return err
		}
	}
	batch := &pgx.Batch{}
	j.queueCandles(batch, candles)
	for market, s := range seconds {
		for _, one := range s {
			j.windows[market].Add(one)
		}
		t, _ := j.windows[market].Ticker()
		batch.Queue(`insert into trade.tickers (venue, market, at_ms, last_ticks, open_ticks, high_ticks, low_ticks, volume_lots, quote_volume, trades)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (venue, market) do update set at_ms = excluded.at_ms, last_ticks = excluded.last_ticks, open_ticks = excluded.open_ticks, high_ticks = excluded.high_ticks,
	low_ticks = excluded.low_ticks, volume_lots = excluded.volume_lots, quote_volume = excluded.quote_volume, trades = excluded.trades`,
			j.venue, int32(market), t.AtMs, t.Last, t.Open, t.High, t.Low, t.Lots, whole(t.Quote), t.Trades)
		batch.Queue(`update trade.markets set last_ticks = $3 where venue = $1 and market = $2`, j.venue, int32(market), t.Last)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing candles and tickers: %w", err)
	}
	return nil
}

func (j *Journal) queueCandles(batch *pgx.Batch, candles map[trade.CandleKey]*trade.Candle) {
	n := len(candles)
	markets, intervals, opens := make([]int32, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	open, high, low, last := make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n), make([]int64, 0, n)
	lots, quotes, trades := make([]int64, 0, n), make([]pgtype.Numeric, 0, n), make([]int64, 0, n)
	for key, c := range candles {
		markets, intervals, opens = append(markets, int32(key.Market)), append(intervals, key.IntervalMs), append(opens, key.OpenMs)
		open, high, low, last = append(open, c.Open), append(high, c.High), append(low, c.Low), append(last, c.Close)
		lots, quotes, trades = append(lots, c.Lots), append(quotes, whole(c.Quote)), append(trades, c.Trades)
	}
	const q = `
insert into trade.candles as c (venue, market, interval_ms, open_ms, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_volume, trades)
select $1, u.* from unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::numeric[], $11::bigint[]) as u
on conflict (venue, market, interval_ms, open_ms) do update set high_ticks = greatest(c.high_ticks, excluded.high_ticks),
	low_ticks = least(c.low_ticks, excluded.low_ticks), close_ticks = excluded.close_ticks, volume_lots = c.volume_lots + excluded.volume_lots,
	quote_volume = c.quote_volume + excluded.quote_volume, trades = c.trades + excluded.trades`
	batch.Queue(q, j.venue, markets, intervals, opens, open, high, low, last, lots, quotes, trades)
}

// window loads a market's last day of seconds, once in the partition's life.
func (j *Journal) window(ctx context.Context, tx pgx.Tx, market uint32) error {
	if j.windows[market] != nil {
		return nil
	}
	w := &trade.Window{}
	const q = `
with newest as (select max(open_ms) as at from trade.candles where venue = $1 and market = $2 and interval_ms = $3),
before as (select close_ticks from trade.candles, newest where venue = $1 and market = $2 and interval_ms = $3 and open_ms <= newest.at - $4 order by open_ms desc limit 1)
select open_ms, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_volume::text, trades, coalesce((select close_ticks from before), 0)
from trade.candles, newest where venue = $1 and market = $2 and interval_ms = $3 and open_ms > newest.at - $4 order by open_ms`
	rows, err := tx.Query(ctx, q, j.venue, int32(market), trade.Intervals[0], trade.Day)
	if err != nil {
		return fmt.Errorf("reading a day of candles: %w", err)
	}
	var s trade.Second
	var quote string
	var before int64
	if _, err = pgx.ForEachRow(rows, []any{&s.OpenMs, &s.Open, &s.High, &s.Low, &s.Close, &s.Lots, &quote, &s.Trades, &before}, func() error {
		n, ok := new(big.Int).SetString(quote, 10)
		if !ok {
			return fmt.Errorf("a candle's volume is %q", quote)
		}
		s.Quote = n
		w.Before(before)
		w.Add(s)
		return nil
	}); err != nil {
		return fmt.Errorf("reading a day of candles: %w", err)
	}
	j.windows[market] = w
	return nil
}
