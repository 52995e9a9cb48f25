package journal_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"fondaco.dev/services/writer/internal/trade"
	"fondaco.dev/services/writer/internal/writertest"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Candles and tickers are what the trades say, also when the writer dies again
// and again between them.
func TestMarketDataEqualsItsTrades(t *testing.T) {
	t.Parallel()
	w := writertest.New(t)
	e := &engine{w: w}
	e.publish(t, nil, registry()...)
	last := e.publish(t, nil, accepted(1, 1, ordersv1.Side_SIDE_SELL, 1<<40, nil), rested(1, 1<<40, 1<<40), accepted(2, 2, ordersv1.Side_SIDE_BUY, 1<<40, nil))
	r := rand.New(rand.NewPCG(5, 5))
	at, id := uint64(1_700_000_000_000), uint64(0)
	for range 60 {
		var events []*tradesv1.Event
		for range 1 + r.IntN(6) {
			switch r.IntN(8) {
			case 0:
				at += r.Uint64N(30_000_000)
			case 1:
				at += r.Uint64N(3 * trade.Day / 2)
			default:
				at += r.Uint64N(1500)
			}
			id++
			events = append(events, &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: id, Market: 1, PriceTicks: 1 + r.Uint64N(1000),
				QuantityLots: 1 + r.Uint64N(1<<30), MakerOrderId: 1, TakerOrderId: 2, MakerAccount: 1, TakerAccount: 2, TakerSide: 1, AtMs: at}}})
		}
		last = e.publish(t, nil, events...)
	}
	for round := 0; w.Cursor("", "trade."+venue).Seq < last; round++ {
		var steps atomic.Int64
		die := int64(4 + round%7)
		p := start(w, func(string) error {
			if steps.Add(1) >= die {
				return writertest.ErrKilled
			}
			return nil
		})
		w.Until("a death or the end", func() bool { return steps.Load() >= die || w.Cursor("", "trade."+venue).Seq == last })
		p.Stop()
	}
	const row = `concat_ws(':', open_ms, open_ticks, high_ticks, low_ticks, close_ticks, volume_lots, quote_volume, trades)`
	for _, iv := range trade.Intervals {
		got := writertest.Value[string](w, `select string_agg(`+row+`, ' ' order by open_ms) from trade.candles where interval_ms = $1`, iv)
		want := writertest.Value[string](w, `
select string_agg(`+row+`, ' ' order by open_ms) from (
	select at_ms / $1 * $1 as open_ms, (array_agg(price_ticks order by trade_id))[1] as open_ticks, max(price_ticks) as high_ticks, min(price_ticks) as low_ticks,
		(array_agg(price_ticks order by trade_id desc))[1] as close_ticks, sum(quantity_lots) as volume_lots,
		sum(price_ticks::numeric * quantity_lots * 3) as quote_volume, count(*) as trades
	from trade.trades group by 1) c`, iv)
		if got != want || got == "" {
			t.Errorf("candles of %d ms\ngot  %.300s\nwant %.300s", iv, got, want)
		}
	}
	got := writertest.Value[string](w, `select concat_ws(':', at_ms, last_ticks, open_ticks, high_ticks, low_ticks, volume_lots, quote_volume, trades) from trade.tickers`)
	want := writertest.Value[string](w, fmt.Sprintf(`
with n as (select max(at_ms) / 1000 * 1000 as at from trade.trades), x as (select t.*, at_ms / 1000 * 1000 > n.at - %d as within, n.at from trade.trades t, n)
select concat_ws(':', max(at), (array_agg(price_ticks order by trade_id desc))[1],
	coalesce((array_agg(price_ticks order by trade_id desc) filter (where not within))[1], (array_agg(price_ticks order by trade_id))[1]),
	max(price_ticks) filter (where within), min(price_ticks) filter (where within), sum(quantity_lots) filter (where within),
	sum(price_ticks::numeric * quantity_lots * 3) filter (where within), count(*) filter (where within)) from x`, trade.Day))
	if got != want {
		t.Errorf("ticker\ngot  %s\nwant %s", got, want)
	}
}
