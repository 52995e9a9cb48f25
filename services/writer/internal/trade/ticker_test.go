package trade

import (
	"math/big"
	"math/rand/v2"
	"testing"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// The window's sums and extremes are those of the trades in it, whatever the
// gaps between them and however they are cut into pieces.
func TestTickerEqualsItsTrades(t *testing.T) {
	t.Parallel()
	const unit = 3
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		var trades []Numbered[*tradesv1.Trade]
		var w Window
		at := uint64(1_700_000_000_000)
		for len(trades) < 400 {
			var piece []Numbered[*tradesv1.Trade]
			for range 1 + r.IntN(5) {
				switch r.IntN(6) {
				case 0:
					at += uint64(r.IntN(40_000_000))
				case 1:
					at += Day
				default:
					at += uint64(r.IntN(700))
				}
				piece = append(piece, Numbered[*tradesv1.Trade]{Event: &tradesv1.Trade{Market: 1, PriceTicks: 1 + r.Uint64N(1000), QuantityLots: 1 + r.Uint64N(9), AtMs: at}})
			}
			trades = append(trades, piece...)
			for _, s := range Seconds(Candles(piece, func(uint32) int64 { return unit }))[1] {
				w.Add(s)
			}
			got, ok := w.Ticker()
			want := recomputed(trades, unit)
			if !ok || got.AtMs != want.AtMs || got.Last != want.Last || got.Open != want.Open || got.High != want.High || got.Low != want.Low ||
				got.Lots != want.Lots || got.Trades != want.Trades || got.Quote.Cmp(want.Quote) != 0 {
				t.Fatalf("seed %d after %d trades:\ngot  %+v\nwant %+v", seed, len(trades), got, want)
			}
		}
	}
}

// recomputed is the ticker from nothing but the trades.
func recomputed(trades []Numbered[*tradesv1.Trade], unit int64) Ticker {
	last := trades[len(trades)-1].Event
	now := int64(last.GetAtMs()) / 1000 * 1000
	out := Ticker{AtMs: now, Last: int64(last.GetPriceTicks()), Quote: new(big.Int)}
	before := int64(0)
	for _, n := range trades {
		p, second := int64(n.Event.GetPriceTicks()), int64(n.Event.GetAtMs())/1000*1000
		if second <= now-Day {
			before = p
			continue
		}
		if out.Trades == 0 {
			out.Open, out.High, out.Low = p, p, p
		}
		out.High, out.Low = max(out.High, p), min(out.Low, p)
		out.Lots += int64(n.Event.GetQuantityLots())
		out.Trades++
		out.Quote.Add(out.Quote, notional(n.Event, unit))
	}
	if before != 0 {
		out.Open = before
	}
	return out
}

func TestNoTradesNoTicker(t *testing.T) {
	t.Parallel()
	var w Window
	if _, ok := w.Ticker(); ok {
		t.Error("a ticker without a trade")
	}
}
