package shape

import (
	"math/big"

	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
)

// Top is the best level of each side; null = the side is empty.
type Top struct {
	Seq uint64     `json:"seq"`
	Bid *[2]string `json:"bid"`
	Ask *[2]string `json:"ask"`
}

// OfTop makes the shape.
func OfTop(t *market.Top, m *market.Market) Top {
	return Top{Seq: t.Seq, Bid: level(t.Bid, m), Ask: level(t.Ask, m)}
}

func level(l market.Level, m *market.Market) *[2]string {
	if l.Lots == 0 {
		return nil
	}
	return &[2]string{m.Price(l.PriceTicks), m.Quantity(l.Lots)}
}

// Ticker is a market's last 24 hours, in steps of a second. Prices are null
// where there is no trade to take them from, never 0. Open is the price 24
// hours ago: of the last trade before, else of the first within.
type Ticker struct {
	Seq           uint64     `json:"seq"`
	Symbol        string     `json:"symbol"`
	At            string     `json:"at,omitempty"` // the 24 hours end here: the order book's time
	Last          *string    `json:"last"`
	Bid           *[2]string `json:"bid"`
	Ask           *[2]string `json:"ask"`
	Open          *string    `json:"open"`
	Change        *string    `json:"change"`
	ChangePercent *string    `json:"change_percent"` // two decimals, rounded towards zero
	High          *string    `json:"high"`
	Low           *string    `json:"low"`
	Volume        string     `json:"volume"`
	QuoteVolume   string     `json:"quote_volume"`
	Trades        int64      `json:"trades"`
}

// OfTicker makes the shape.
func OfTicker(t *market.Ticker, m *market.Market) Ticker {
	out := Ticker{Seq: t.Seq, Symbol: m.Symbol, At: Millis(t.AtMS), Last: some(t.Last, m.Price), Bid: level(t.Bid, m), Ask: level(t.Ask, m),
		Open: some(t.Reference, m.Price), High: some(t.High, m.Price), Low: some(t.Low, m.Price), Volume: m.Quantity(t.VolumeLots),
		QuoteVolume: decimal.FormatBig(t.QuoteVolume, m.QuoteScale), Trades: t.Trades}
	if t.Reference != 0 && t.Last != 0 {
		out.Change = optional(m.Price(t.Last - t.Reference))
		change := new(big.Int).Mul(big.NewInt(t.Last-t.Reference), big.NewInt(10000))
		out.ChangePercent = optional(decimal.FormatBig(change.Quo(change, big.NewInt(t.Reference)), 2))
	}
	return out
}

// Candle is the trades of one interval.
type Candle struct {
	Symbol      string `json:"symbol"`
	Interval    string `json:"interval"`
	OpenAt      string `json:"open_at"`
	Open        string `json:"open"`
	High        string `json:"high"`
	Low         string `json:"low"`
	Close       string `json:"close"`
	Volume      string `json:"volume"`
	QuoteVolume string `json:"quote_volume"`
	Trades      int64  `json:"trades"`
}

// OfCandle makes the shape.
func OfCandle(c *market.Candle, m *market.Market) Candle {
	return Candle{Symbol: m.Symbol, Interval: market.IntervalName(c.IntervalMS), OpenAt: Millis(c.OpenMS), Open: m.Price(c.Open), High: m.Price(c.High), Low: m.Price(c.Low),
		Close: m.Price(c.Close), Volume: m.Quantity(c.VolumeLots), QuoteVolume: decimal.FormatBig(c.QuoteVolume.Big(), m.QuoteScale), Trades: c.Trades}
}

// Quote is what an order at market would trade for now.
type Quote struct {
	Seq      uint64  `json:"seq"`
	Symbol   string  `json:"symbol"`
	Side     string  `json:"side"`
	Quantity string  `json:"quantity"`
	Filled   string  `json:"filled"`
	Total    *string `json:"total"`   // of what would fill, without the fee
	Average  *string `json:"average"` // total / filled, rounded towards zero
	Worst    *string `json:"worst"`
	Fee      *string `json:"fee"`    // as taker
	Status   string  `json:"status"` // ok, or insufficient_liquidity: filled is less than quantity
}

// OfQuote makes the shape.
func OfQuote(q *market.Quote, side string, lots int64, m *market.Market) Quote {
	out := Quote{Seq: q.Seq, Symbol: m.Symbol, Side: side, Quantity: m.Quantity(lots), Filled: m.Quantity(q.FilledLots), Status: "ok"}
	if !q.Enough {
		out.Status = "insufficient_liquidity"
	}
	if q.FilledLots > 0 {
		out.Total, out.Fee = optional(decimal.FormatBig(q.Total, m.QuoteScale)), optional(decimal.FormatBig(q.Fee, m.QuoteScale))
		out.Worst = optional(m.Price(q.Worst))
		// total / (lots x lot / 10^scale(base)) in the quote's smallest unit
		n := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.BaseScale)), nil)
		n.Mul(n, q.Total).Quo(n, new(big.Int).Mul(big.NewInt(q.FilledLots), big.NewInt(m.Lot)))
		out.Average = optional(decimal.FormatBig(n, m.QuoteScale))
	}
	return out
}

// Indication is what an auction would do if it ended now.
type Indication struct {
	Seq       uint64  `json:"seq"`
	Price     *string `json:"price"` // null: nothing would trade
	Volume    string  `json:"volume"`
	Surplus   string  `json:"surplus"` // bought minus sold that would be left over
	Reference *string `json:"reference"`
}

// OfIndication makes the shape.
func OfIndication(i *market.Indication, m *market.Market) Indication {
	return Indication{Seq: i.Seq, Price: some(i.PriceTicks, m.Price), Volume: m.Quantity(i.VolumeLots), Surplus: m.Quantity(i.SurplusLots), Reference: some(i.ReferenceTicks, m.Price)}
}

// Place is an order's place in a queue of the book; remaining "0" = it left.
type Place struct {
	OrderID   uint64 `json:"order_id"`
	Account   uint64 `json:"account"`
	Side      string `json:"side"`
	Price     string `json:"price"`
	Remaining string `json:"remaining"` // hidden included
	Visible   string `json:"visible"`
	Queue     uint64 `json:"queue"` // of two orders at one price the lower one is first
}

// Queue is a book order by order, or the places of it that changed.
type Queue struct {
	Seq    uint64  `json:"seq"`
	Orders []Place `json:"orders"`
}

// OfQueue makes the shape.
func OfQueue(seq uint64, places []market.Place, m *market.Market) Queue {
	out := Queue{Seq: seq, Orders: make([]Place, len(places))}
	for i, p := range places {
		out.Orders[i] = Place{OrderID: p.OrderID, Account: p.Account, Side: Side(p.Side), Price: m.Price(p.PriceTicks), Remaining: m.Quantity(p.Remaining),
			Visible: m.Quantity(p.Visible), Queue: p.Queue}
	}
	return out
}
