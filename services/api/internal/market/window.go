package market

import "math/big"

// dayMS is the length of a ticker's window.
const dayMS = 24 * 60 * 60 * 1000

// Candle is the trades of one interval that begins at OpenMS.
type Candle struct {
	Market                 uint32
	IntervalMS, OpenMS     int64
	Open, High, Low, Close int64 // ticks
	VolumeLots             int64
	QuoteVolume            Wide // quote smallest units
	Trades                 int64
}

// add counts a trade that lies in the candle's interval.
func (c *Candle) add(ticks, lots int64, notional Wide) {
	if c.Trades == 0 {
		c.Open, c.High, c.Low = ticks, ticks, ticks
	}
	c.High, c.Low, c.Close = max(c.High, ticks), min(c.Low, ticks), ticks
	c.VolumeLots += lots
	c.QuoteVolume = c.QuoteVolume.Add(notional)
	c.Trades++
}

// Intervals of candles, in milliseconds, by the names that clients use.
var Intervals = []struct {
	Name string
	MS   int64
}{{"1s", 1000}, {"1m", 60_000}, {"5m", 300_000}, {"15m", 900_000}, {"1h", 3_600_000}, {"4h", 14_400_000}, {"1d", dayMS}}

// IntervalName is the name of an interval; "" when there is none.
func IntervalName(ms int64) string {
	for _, iv := range Intervals {
		if iv.MS == ms {
			return iv.Name
		}
	}
	return ""
}

// candles are a market's newest candle of each interval.
type candles struct {
	open    [7]Candle // by index of Intervals
	changed bool
}

func (c *candles) add(t *Trade, notional Wide) {
	for i, iv := range Intervals {
		at := t.AtMS - t.AtMS%iv.MS
		if k := &c.open[i]; k.Trades == 0 || k.OpenMS < at {
			*k = Candle{Market: t.Market, IntervalMS: iv.MS, OpenMS: at}
		}
		c.open[i].add(t.PriceTicks, t.QuantityLots, notional)
	}
	c.changed = true
}

// window is the rolling day of one market in steps of a second: the seconds
// with trades, oldest first, their sums, and the price that held when the
// window began. Highs and lows are kept as the seconds that can still become
// the extreme, so that every trade costs O(1) in the long run.
type window struct {
	seconds   []Candle // ring without a ring: the front moves on and is cut off now and then
	front     int
	reference int64 // close of the newest second that left; 0 = none
	volume    int64
	quote     Wide
	trades    int64
	highs     extreme
	lows      extreme
}

// extreme is a monotonic queue of (second, ticks).
type extreme struct {
	at    []int64
	ticks []int64
	front int
}

func (e *extreme) add(atMS, ticks int64, better func(a, b int64) bool) {
	for n := len(e.at); n > e.front && !better(e.ticks[n-1], ticks); n = len(e.at) {
		e.at, e.ticks = e.at[:n-1], e.ticks[:n-1]
	}
	e.at, e.ticks = append(e.at, atMS), append(e.ticks, ticks)
}

func (e *extreme) drop(beforeMS int64) {
	for e.front < len(e.at) && e.at[e.front] < beforeMS {
		e.front++
	}
	if e.front > 1024 && e.front > len(e.at)/2 {
		e.at, e.ticks, e.front = append(e.at[:0], e.at[e.front:]...), append(e.ticks[:0], e.ticks[e.front:]...), 0
	}
}

func above(a, b int64) bool { return a > b }
func below(a, b int64) bool { return a < b }

// addSecond counts a whole second, or one more trade of the newest.
func (w *window) addSecond(c Candle) {
	w.volume += c.VolumeLots
	w.quote = w.quote.Add(c.QuoteVolume)
	w.trades += c.Trades
	w.highs.add(c.OpenMS, c.High, above)
	w.lows.add(c.OpenMS, c.Low, below)
	if n := len(w.seconds); n > w.front && w.seconds[n-1].OpenMS == c.OpenMS {
		k := &w.seconds[n-1]
		k.High, k.Low, k.Close = max(k.High, c.High), min(k.Low, c.Low), c.Close
		k.VolumeLots += c.VolumeLots
		k.QuoteVolume = k.QuoteVolume.Add(c.QuoteVolume)
		k.Trades += c.Trades
		return
	}
	w.seconds = append(w.seconds, c)
}

// move lets the seconds that are older than a day leave.
func (w *window) move(nowMS int64) {
	from := begins(nowMS)
	for w.front < len(w.seconds) && w.seconds[w.front].OpenMS < from {
		k := &w.seconds[w.front]
		w.volume -= k.VolumeLots
		w.quote = w.quote.Sub(k.QuoteVolume)
		w.trades -= k.Trades
		w.reference = k.Close
		w.front++
	}
	if w.front > 1024 && w.front > len(w.seconds)/2 {
		w.seconds, w.front = append(w.seconds[:0], w.seconds[w.front:]...), 0
	}
	w.highs.drop(from)
	w.lows.drop(from)
}

// begins is the first second of the day that ends now.
func begins(nowMS int64) int64 {
	at := nowMS - dayMS
	return at - at%1000 + 1000
}

// WindowFrom is where the day before nowMS begins, for who loads it.
func WindowFrom(nowMS int64) int64 { return begins(nowMS) }

// Ticker is a market's last day. Zero prices mean that there is none.
type Ticker struct {
	Seq         uint64
	Market      uint32
	AtMS        int64 // the day ends here: stream time
	Last        int64 // newest trade's price, however old
	Bid, Ask    Level
	Reference   int64 // price a day ago: of the last trade before the window, else the first in it
	High, Low   int64
	VolumeLots  int64
	QuoteVolume *big.Int
	Trades      int64
}

// count adds a trade to the market's windows.
func (t *trading) count(e *Trade, m *Market) {
	var notional Wide
	if m != nil {
		notional = m.Notional(e.PriceTicks, e.QuantityLots)
	}
	second := Candle{Market: e.Market, IntervalMS: 1000, OpenMS: e.AtMS - e.AtMS%1000}
	second.add(e.PriceTicks, e.QuantityLots, notional)
	t.window.addSecond(second)
	t.candles.add(e, notional)
}

// PutSecond adds a loaded second of the last day, ascending; one from before
// the window is its reference.
func (s *State) PutSecond(c Candle) {
	if t := s.trading(c.Market); t != nil {
		t.window.addSecond(c)
	}
}

// PutCandle sets a loaded newest candle of its interval.
func (s *State) PutCandle(c Candle) {
	t := s.trading(c.Market)
	for i, iv := range Intervals {
		if t != nil && iv.MS == c.IntervalMS {
			t.candles.open[i] = c
		}
	}
}

// Ticker is a market's last day as of the stream's time.
func (s *State) Ticker(market uint32) (Ticker, bool) {
	t := s.trading(market)
	if t == nil {
		return Ticker{}, false
	}
	return s.ticker(t), true
}

func (s *State) ticker(t *trading) Ticker {
	w := &t.window
	now := s.NowMS
	if n := len(t.tail); n > 0 {
		now = max(now, t.tail[n-1].AtMS)
	}
	// Only who holds the write lock may move the window: what left meanwhile is
	// taken off a copy of the sums.
	out := Ticker{Seq: s.Seq, Market: t.id, AtMS: now, Last: t.last, Bid: best(t.book.bids), Ask: best(t.book.asks),
		Reference: w.reference, VolumeLots: w.volume, Trades: w.trades}
	quote, from, first := w.quote, begins(now), w.front
	for ; first < len(w.seconds) && w.seconds[first].OpenMS < from; first++ {
		k := &w.seconds[first]
		out.Reference, out.VolumeLots, out.Trades = k.Close, out.VolumeLots-k.VolumeLots, out.Trades-k.Trades
		quote = quote.Sub(k.QuoteVolume)
	}
	out.QuoteVolume = quote.Big()
	if out.Reference == 0 && first < len(w.seconds) {
		out.Reference = w.seconds[first].Open
	}
	if first < len(w.seconds) {
		out.High, out.Low = w.highs.from(from), w.lows.from(from)
	}
	return out
}

// from is the extreme of the seconds from atMS on.
func (e *extreme) from(atMS int64) int64 {
	for i := e.front; i < len(e.at); i++ {
		if e.at[i] >= atMS {
			return e.ticks[i]
		}
	}
	return 0
}
