package shape

import (
	"strconv"
	"strings"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
)

// Order is an order as its owner sees it. Price is null for market orders and
// where it was no whole number of ticks; quantity likewise.
type Order struct {
	ID            uint64  `json:"id"`
	ClientOrderID string  `json:"client_order_id"`
	Symbol        string  `json:"symbol"`
	Side          string  `json:"side"`
	Type          string  `json:"type"`
	TimeInForce   string  `json:"time_in_force"`
	Price         *string `json:"price"`
	Quantity      *string `json:"quantity"`
	Filled        string  `json:"filled"`
	Status        string  `json:"status"`
	Reason        *string `json:"reason"`
	Fills         []Fill  `json:"fills"`
	CreatedAt     string  `json:"created_at,omitempty"`
	UpdatedAt     string  `json:"updated_at,omitempty"`
}

// Fill is one trade of an order.
type Fill struct {
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Fee      string `json:"fee"`
	TradeID  uint64 `json:"trade_id"`
}

// OfOrder makes the shape; m is nil when the order's market does not exist.
func OfOrder(o *market.Order, m *market.Market) Order {
	out := Order{ID: o.ID, ClientOrderID: o.ClientOrderID, Symbol: o.Symbol, Side: name(o.Side.String(), "SIDE_"),
		Type: name(o.Type.String(), "ORDER_TYPE_"), TimeInForce: strings.TrimPrefix(o.TimeInForce.String(), "TIME_IN_FORCE_"), Filled: "0",
		Status: name(o.Status.String(), "ORDER_STATUS_"), Fills: []Fill{}, CreatedAt: Millis(o.CreatedMS), UpdatedAt: Millis(o.UpdatedMS)}
	switch {
	case o.RejectReason != 0:
		out.Reason = optional(Reason(o.RejectReason))
	case o.CancelReason != 0:
		out.Reason = optional(name(o.CancelReason.String(), "CANCEL_REASON_"))
	}
	if m == nil {
		return out
	}
	if o.PriceTicks != 0 {
		out.Price = optional(m.Price(o.PriceTicks))
	}
	if o.QuantityLots != 0 {
		out.Quantity = optional(m.Quantity(o.QuantityLots))
	}
	out.Filled = m.Quantity(o.FilledLots)
	for _, f := range o.Fills {
		out.Fills = append(out.Fills, Fill{Price: m.Price(f.PriceTicks), Quantity: m.Quantity(f.QuantityLots), Fee: m.Fee(f.Fee), TradeID: f.TradeID})
	}
	return out
}

// OrderOf reads the engine's answer into the projection's form.
func OrderOf(o *ordersv1.Order) market.Order {
	out := market.Order{ID: o.GetId(), Account: o.GetAccount(), ClientOrderID: o.GetClientOrderId(), Symbol: o.GetSymbol(), Side: o.GetSide(),
		Type: o.GetType(), TimeInForce: o.GetTimeInForce(), PriceTicks: o.GetPriceTicks(), QuantityLots: o.GetQuantityLots(),
		FilledLots: o.GetFilledLots(), Status: o.GetStatus(), RejectReason: o.GetRejectReason(), CancelReason: o.GetCancelReason()}
	for _, f := range o.GetFills() {
		out.Fills = append(out.Fills, market.Fill{TradeID: f.GetTradeId(), PriceTicks: f.GetPriceTicks(), QuantityLots: f.GetQuantityLots(), Fee: f.GetFee()})
	}
	return out
}

// Reason is a reject reason as users read it (insufficient_balance).
func Reason(r ordersv1.RejectReason) string { return name(r.String(), "REJECT_REASON_") }

func name(enum, prefix string) string {
	s := strings.ToLower(strings.TrimPrefix(enum, prefix))
	if s == "unspecified" {
		return ""
	}
	return s
}

// Trade is a fill as everybody sees it.
type Trade struct {
	TradeID   uint64 `json:"trade_id"`
	Symbol    string `json:"symbol"`
	Price     string `json:"price"`
	Quantity  string `json:"quantity"`
	TakerSide string `json:"taker_side"`
	At        string `json:"at"`
	Seq       uint64 `json:"seq"` // event_seq
}

// OfTrade makes the shape.
func OfTrade(t *market.Trade, m *market.Market) Trade {
	return Trade{TradeID: t.ID, Symbol: t.Symbol, Price: m.Price(t.PriceTicks), Quantity: m.Quantity(t.QuantityLots),
		TakerSide: name(t.TakerSide.String(), "SIDE_"), At: Millis(t.AtMS), Seq: t.EventSeq}
}

// Depth is a book, or the levels of it that changed with their new absolute
// quantities ("0" = gone). Seq is the id of this state of the book.
type Depth struct {
	Seq  uint64      `json:"seq"`
	Bids [][2]string `json:"bids"`
	Asks [][2]string `json:"asks"`
}

// OfDepth makes the shape.
func OfDepth(d *market.Depth, m *market.Market) Depth {
	return Depth{Seq: d.Seq, Bids: levels(d.Bids, m), Asks: levels(d.Asks, m)}
}

func levels(in []market.Level, m *market.Market) [][2]string {
	out := make([][2]string, len(in))
	for i, l := range in {
		out[i] = [2]string{m.Price(l.PriceTicks), m.Quantity(l.Lots)}
	}
	return out
}

// Market is a tradable pair.
type Market struct {
	Symbol      string `json:"symbol"`
	Base        string `json:"base"`
	Quote       string `json:"quote"`
	Tick        string `json:"tick"`
	Lot         string `json:"lot"`
	MakerFeePPM int64  `json:"maker_fee_ppm"`
	TakerFeePPM int64  `json:"taker_fee_ppm"`
}

// OfMarket makes the shape.
func OfMarket(m *market.Market) Market {
	return Market{Symbol: m.Symbol, Base: m.Base, Quote: m.Quote, Tick: m.Price(1), Lot: m.Quantity(1), MakerFeePPM: m.MakerFeePPM, TakerFeePPM: m.TakerFeePPM}
}

// Balance is an account's holding of one asset.
type Balance struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Reserved  string `json:"reserved"`
}

// OfBalance makes the shape; scale is the asset's number of decimals.
func OfBalance(asset string, b market.Balance, scale uint32) Balance {
	return Balance{Asset: asset, Available: decimal.Format(b.Available, scale), Reserved: decimal.Format(b.Reserved, scale)}
}

// Millis writes Unix milliseconds as RFC 3339 in UTC; "" for 0.
func Millis(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// ID reads an engine id.
func ID(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n > 0
}
