package trade

import (
	"cmp"
	"math/big"
	"slices"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Intervals of candles, in milliseconds: 1s, 1m, 5m, 15m, 1h, 4h, 1d. Each begins
// at a multiple of itself since 1970.
var Intervals = [...]int64{1_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000}

// CandleKey names a candle of a venue.
type CandleKey struct {
	Market     uint32
	IntervalMs int64
	OpenMs     int64
}

// Candle is what was traded in an interval; one without trades does not exist.
type Candle struct {
	Open, High, Low, Close int64 // ticks
	Lots                   int64
	Quote                  *big.Int // quote's smallest unit
	Trades                 int64
}

// join adds a later piece of the same interval.
func (c *Candle) join(later *Candle) {
	if c.Trades == 0 {
		c.Open, c.High, c.Low, c.Quote = later.Open, later.High, later.Low, new(big.Int)
	}
	c.High, c.Low, c.Close = max(c.High, later.High), min(c.Low, later.Low), later.Close
	c.Lots += later.Lots
	c.Quote.Add(c.Quote, later.Quote)
	c.Trades += later.Trades
}

// notional is the trade's quote amount; unit is that of one lot at one tick.
func notional(t *tradesv1.Trade, unit int64) *big.Int {
	n := new(big.Int).Mul(big.NewInt(int64(t.GetPriceTicks())), big.NewInt(int64(t.GetQuantityLots())))
	return n.Mul(n, big.NewInt(unit))
}

// Candles are the pieces that some trades add to the candles of their markets.
// Stream time only rises, so a piece is never older than what it is joined to.
func Candles(trades []Numbered[*tradesv1.Trade], unit func(market uint32) int64) map[CandleKey]*Candle {
	out := map[CandleKey]*Candle{}
	for _, n := range trades {
		t := n.Event
		price := int64(t.GetPriceTicks())
		one := Candle{Open: price, High: price, Low: price, Close: price, Lots: int64(t.GetQuantityLots()),
			Quote: notional(t, unit(t.GetMarket())), Trades: 1}
		for _, iv := range Intervals {
			key := CandleKey{t.GetMarket(), iv, int64(t.GetAtMs()) / iv * iv}
			c := out[key]
			if c == nil {
				c = &Candle{}
				out[key] = c
			}
			c.join(&one)
		}
	}
	return out
}

// Seconds are the candles of one second by market, in order.
func Seconds(candles map[CandleKey]*Candle) map[uint32][]Second {
	out := map[uint32][]Second{}
	for key, c := range candles {
		if key.IntervalMs == Intervals[0] {
			out[key.Market] = append(out[key.Market], Second{key.OpenMs, *c})
		}
	}
	for _, s := range out {
		slices.SortFunc(s, func(a, b Second) int { return cmp.Compare(a.OpenMs, b.OpenMs) })
	}
	return out
}
