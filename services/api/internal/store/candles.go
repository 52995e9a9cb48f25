package store

import (
	"context"
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/api/internal/market"
)

const candleColumns = `interval_ms, open_ms, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_volume::text, trades`

func scanCandle(id uint32) func(pgx.CollectableRow) (market.Candle, error) {
	return func(row pgx.CollectableRow) (market.Candle, error) {
		c := market.Candle{Market: id}
		var quote string
		if err := row.Scan(&c.IntervalMS, &c.OpenMS, &c.Open, &c.High, &c.Low, &c.Close, &c.VolumeLots, &quote, &c.Trades); err != nil {
			return c, err
		}
		n, ok := new(big.Int).SetString(quote, 10)
		if !ok || n.Sign() < 0 || n.BitLen() > 128 {
			return c, fmt.Errorf("the volume %.50q of a candle is no whole number", quote)
		}
		c.QuoteVolume = market.WideOf(n)
		return c, nil
	}
}

// loadCandles gives a market its last day in seconds, the second before it,
// and the newest candle of each interval. trades: the market's newest first.
func loadCandles(ctx context.Context, tx *Tx, venue string, id uint32, trades []market.Trade, st *market.State) error {
	if len(trades) == 0 {
		return nil
	}
	read := func(q string, args ...any) ([]market.Candle, error) {
		rows, err := tx.Query(ctx, q, args...)
		if err != nil {
			return nil, fmt.Errorf("reading candles: %w", err)
		}
		out, err := pgx.CollectRows(rows, scanCandle(id))
		if err != nil {
			return nil, fmt.Errorf("reading candles: %w", err)
		}
		return out, nil
	}
	const seconds = `select ` + candleColumns + ` from trade.candles where venue = $1 and market = $2 and interval_ms = 1000 and open_ms >= coalesce(
		(select max(open_ms) from trade.candles where venue = $1 and market = $2 and interval_ms = 1000 and open_ms < $3), 0) order by open_ms`
	day, err := read(seconds, venue, int32(id), market.WindowFrom(trades[0].AtMS))
	if err != nil {
		return err
	}
	for _, c := range day {
		st.PutSecond(c)
	}
	for _, iv := range market.Intervals {
		const newest = `select ` + candleColumns + ` from trade.candles where venue = $1 and market = $2 and interval_ms = $3 order by open_ms desc limit 1`
		last, err := read(newest, venue, int32(id), iv.MS)
		if err != nil {
			return err
		}
		for _, c := range last {
			st.PutCandle(c)
		}
	}
	return nil
}

// Candles lists a market's candles of an interval that open in [from, to),
// newest first.
func (s *Store) Candles(ctx context.Context, venue string, id uint32, intervalMS, from, to int64, limit int, need Need) (out []market.Candle, err error) {
	err = s.venueView(ctx, venue, need, func(tx *Tx) error {
		const q = `select ` + candleColumns + ` from trade.candles where venue = $1 and market = $2 and interval_ms = $3 and open_ms >= $4 and open_ms < $5
			order by open_ms desc limit $6`
		rows, err := tx.Query(ctx, q, venue, int32(id), intervalMS, from, to, limit)
		if err != nil {
			return fmt.Errorf("reading candles: %w", err)
		}
		if out, err = pgx.CollectRows(rows, scanCandle(id)); err != nil {
			return fmt.Errorf("reading candles: %w", err)
		}
		return nil
	})
	return out, err
}

// Auction is one auction's outcome. Price and reference are nil when there is
// none.
type Auction struct {
	EventSeq                uint64
	PriceTicks, Reference   *int64
	VolumeLots, SurplusLots int64
	InputDigest             []byte
	BeganMS, AtMS           int64
}

// Auctions lists a market's auctions with event_seq below `below` (0 = no
// bound), newest first.
func (s *Store) Auctions(ctx context.Context, venue string, id uint32, below uint64, limit int, need Need) (out []Auction, err error) {
	bound := int64(1<<63 - 1)
	if below > 0 {
		bound = int64(below)
	}
	err = s.venueView(ctx, venue, need, func(tx *Tx) error {
		const q = `select event_seq, price_ticks, reference_ticks, volume_lots, surplus_lots, input_digest, began_ms, at_ms from trade.auctions
			where venue = $1 and market = $2 and event_seq < $3 order by event_seq desc limit $4`
		rows, err := tx.Query(ctx, q, venue, int32(id), bound, limit)
		if err != nil {
			return fmt.Errorf("reading auctions: %w", err)
		}
		var a Auction
		var seq int64
		if _, err := pgx.ForEachRow(rows, []any{&seq, &a.PriceTicks, &a.Reference, &a.VolumeLots, &a.SurplusLots, &a.InputDigest, &a.BeganMS, &a.AtMS}, func() error {
			a.EventSeq = uint64(seq)
			out = append(out, a)
			a = Auction{}
			return nil
		}); err != nil {
			return fmt.Errorf("reading auctions: %w", err)
		}
		return nil
	})
	return out, err
}
