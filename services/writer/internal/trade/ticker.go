package trade

import "math/big"

// Day is the ticker's window.
const Day = 86_400_000 // ms

// Second is a candle of one second with the time that it began.
type Second struct {
	OpenMs int64
	Candle
}

// Ticker is a row of trade.tickers: the last 24 hours of a market at its newest
// trade. The window is made of whole seconds: those that begin less than 24 hours
// before the second of that trade.
type Ticker struct {
	AtMs   int64 // the newest trade's second
	Last   int64 // ticks
	Open   int64 // price 24 hours ago: the last trade before the window, else the first within
	High   int64
	Low    int64
	Lots   int64
	Quote  *big.Int
	Trades int64
}

// Window keeps the seconds of a market's last day, and what they add up to.
// High and low come from queues whose first element is the best: a second that
// a later one beats can never be the best again.
type Window struct {
	seconds   []Second
	high, low []Second
	before    int64 // close of the newest second that left; 0 = none
	lots      int64
	quote     big.Int
	trades    int64
}

// Before tells the close of the last trade ahead of what is added first.
func (w *Window) Before(ticks int64) { w.before = ticks }

// Add joins a second, or a piece of the newest one. Seconds come in order.
func (w *Window) Add(s Second) {
	if n := len(w.seconds); n > 0 && w.seconds[n-1].OpenMs == s.OpenMs {
		newest := &w.seconds[n-1]
		w.count(newest, -1)
		newest.join(&s.Candle)
		s = *newest
		w.high, w.low = without(w.high, s.OpenMs), without(w.low, s.OpenMs)
	} else {
		own := Second{OpenMs: s.OpenMs}
		own.join(&s.Candle)
		s = own
		w.seconds = append(w.seconds, s)
	}
	w.count(&s, 1)
	for len(w.high) > 0 && w.high[len(w.high)-1].High <= s.High {
		w.high = w.high[:len(w.high)-1]
	}
	w.high = append(w.high, s)
	for len(w.low) > 0 && w.low[len(w.low)-1].Low >= s.Low {
		w.low = w.low[:len(w.low)-1]
	}
	w.low = append(w.low, s)
	for w.seconds[0].OpenMs <= s.OpenMs-Day {
		gone := w.seconds[0]
		w.count(&gone, -1)
		w.before = gone.Close
		w.seconds = w.seconds[1:]
		w.high, w.low = first(w.high, gone.OpenMs), first(w.low, gone.OpenMs)
	}
}

func (w *Window) count(s *Second, sign int64) {
	w.lots += sign * s.Lots
	w.trades += sign * s.Trades
	if sign > 0 {
		w.quote.Add(&w.quote, s.Quote)
	} else {
		w.quote.Sub(&w.quote, s.Quote)
	}
}

// without drops the newest element if it is of that second.
func without(q []Second, openMs int64) []Second {
	if n := len(q); n > 0 && q[n-1].OpenMs == openMs {
		return q[:n-1]
	}
	return q
}

// first drops the oldest element if it is of that second.
func first(q []Second, openMs int64) []Second {
	if len(q) > 0 && q[0].OpenMs == openMs {
		return q[1:]
	}
	return q
}

// Ticker is the window's row; false before the first trade.
func (w *Window) Ticker() (Ticker, bool) {
	n := len(w.seconds)
	if n == 0 {
		return Ticker{}, false
	}
	newest := &w.seconds[n-1]
	t := Ticker{AtMs: newest.OpenMs, Last: newest.Close, Open: w.seconds[0].Open, High: w.high[0].High, Low: w.low[0].Low,
		Lots: w.lots, Quote: new(big.Int).Set(&w.quote), Trades: w.trades}
	if w.before != 0 {
		t.Open = w.before
	}
	return t, true
}
