package shape

import (
	"strconv"
	"strings"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/reject"
)

// Order is an order as its owner sees it. Price is null for market orders and
// where it was no whole number of ticks; quantity likewise, and of orders with
// a budget. Symbol is null when the market does not exist. What few orders
// have is left out of the others.
type Order struct {
	ID              uint64  `json:"id"`
	ClientOrderID   string  `json:"client_order_id"`
	ClientRef       uint64  `json:"client_ref,omitempty"`
	Symbol          *string `json:"symbol"`
	Side            string  `json:"side"`
	Type            string  `json:"type"`
	TimeInForce     string  `json:"time_in_force"`
	Price           *string `json:"price"`
	Quantity        *string `json:"quantity"`
	Filled          string  `json:"filled"`
	Remaining       *string `json:"remaining"`
	Status          string  `json:"status"`
	Reason          *string `json:"reason"`
	QuoteQuantity   string  `json:"quote_quantity,omitempty"`
	TriggerPrice    string  `json:"trigger_price,omitempty"`
	Trail           string  `json:"trail,omitempty"`
	ProtectionPrice string  `json:"protection_price,omitempty"`
	DisplayQuantity string  `json:"display_quantity,omitempty"`
	MinQuantity     string  `json:"min_quantity,omitempty"`
	PostOnly        bool    `json:"post_only,omitempty"`
	ExpiresAt       string  `json:"expires_at,omitempty"`
	SelfTrade       string  `json:"self_trade_prevention,omitempty"`
	OtherLeg        uint64  `json:"other_leg,omitempty"` // the other order of a pair
	Fills           []Fill  `json:"fills"`
	CreatedAt       string  `json:"created_at,omitempty"`
	UpdatedAt       string  `json:"updated_at,omitempty"`
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
	out := Order{ID: o.ID, ClientOrderID: o.ClientOrderID, ClientRef: o.ClientRef, Side: Side(o.Side), Type: OrderType(o.Type), TimeInForce: TimeInForce(o.TimeInForce),
		Filled: "0", Status: Status(o.Status), PostOnly: o.Terms.PostOnly, ExpiresAt: Millis(o.Terms.ExpiresAtMS), SelfTrade: SelfTrade(o.SelfTrade),
		OtherLeg: o.Terms.OtherLeg, Fills: []Fill{}, CreatedAt: Millis(o.CreatedMS), UpdatedAt: Millis(o.UpdatedMS)}
	switch {
	case o.RejectReason != 0:
		out.Reason = optional(reject.Of(o.RejectReason).Code)
	case o.CancelReason != 0:
		out.Reason = optional(CancelReason(o.CancelReason))
	}
	if m == nil {
		return out
	}
	out.Symbol = &m.Symbol
	if o.PriceTicks != 0 {
		out.Price = optional(m.Price(o.PriceTicks))
	}
	if o.QuantityLots != 0 {
		out.Quantity = optional(m.Quantity(o.QuantityLots))
		out.Remaining = optional(m.Quantity(o.RemainingLots))
	}
	out.Filled = m.Quantity(o.FilledLots)
	price := func(ticks int64) string {
		if ticks == 0 {
			return ""
		}
		return m.Price(ticks)
	}
	lots := func(n int64) string {
		if n == 0 {
			return ""
		}
		return m.Quantity(n)
	}
	t := &o.Terms
	out.TriggerPrice, out.Trail, out.ProtectionPrice = price(t.TriggerTicks), price(t.TrailTicks), price(t.ProtectionTicks)
	out.DisplayQuantity, out.MinQuantity = lots(t.DisplayLots), lots(t.MinLots)
	if t.QuoteBudget != 0 {
		out.QuoteQuantity = m.Fee(t.QuoteBudget)
	}
	for _, f := range o.Fills {
		out.Fills = append(out.Fills, Fill{Price: m.Price(f.PriceTicks), Quantity: m.Quantity(f.QuantityLots), Fee: m.Fee(f.Fee), TradeID: f.TradeID})
	}
	return out
}

// Words that clients read for the numbers of orders.v1.
var (
	sides    = lower(ordersv1.Side_name, "SIDE_")
	types    = lower(ordersv1.OrderType_name, "ORDER_TYPE_")
	forces   = words(ordersv1.TimeInForce_name, "TIME_IN_FORCE_", strings.ToUpper)
	statuses = lower(ordersv1.OrderStatus_name, "ORDER_STATUS_")
	cancels  = lower(ordersv1.CancelReason_name, "CANCEL_REASON_")
	selfs    = lower(ordersv1.SelfTrade_name, "SELF_TRADE_")
	phases   = lower(ordersv1.Phase_name, "PHASE_")
)

func lower(names map[int32]string, prefix string) map[int32]string {
	return words(names, prefix, strings.ToLower)
}

func words(names map[int32]string, prefix string, as func(string) string) map[int32]string {
	out := map[int32]string{}
	for n, s := range names {
		if n != 0 {
			out[n] = as(strings.TrimPrefix(s, prefix))
		}
	}
	return out
}

// Side is buy or sell.
func Side(s ordersv1.Side) string { return sides[int32(s)] }

// OrderType is limit, market, stop, ….
func OrderType(t ordersv1.OrderType) string { return types[int32(t)] }

// TimeInForce is GTC, IOC, FOK, GTD or DAY.
func TimeInForce(t ordersv1.TimeInForce) string { return forces[int32(t)] }

// Status is open, partially_filled, filled, canceled, rejected, expired or
// waiting.
func Status(s ordersv1.OrderStatus) string { return statuses[int32(s)] }

// CancelReason is requested, ioc_remainder, ….
func CancelReason(r ordersv1.CancelReason) string { return cancels[int32(r)] }

// SelfTrade is none, cancel_taker, …; "" when the order left it open.
func SelfTrade(s ordersv1.SelfTrade) string { return selfs[int32(s)] }

// Phase is continuous, auction, ….
func Phase(p ordersv1.Phase) string { return phases[int32(p)] }

// Trade is a fill as everybody sees it.
type Trade struct {
	TradeID   uint64 `json:"trade_id"`
	Symbol    string `json:"symbol"`
	Price     string `json:"price"`
	Quantity  string `json:"quantity"`
	TakerSide string `json:"taker_side"`
	Auction   bool   `json:"auction,omitempty"`
	At        string `json:"at"`
	Seq       uint64 `json:"seq"` // event_seq
}

// OfTrade makes the shape.
func OfTrade(t *market.Trade, m *market.Market) Trade {
	return Trade{TradeID: t.ID, Symbol: m.Symbol, Price: m.Price(t.PriceTicks), Quantity: m.Quantity(t.QuantityLots),
		TakerSide: Side(t.TakerSide), Auction: t.Auction, At: Millis(t.AtMS), Seq: t.EventSeq}
}

// Depth is a book, or the levels of it that changed with their new absolute
// quantities ("0" = gone). Seq is the id of this state of the book.
//
// Checksum is the CRC-32 (IEEE) of the whole book's best ten levels a side as
// of Seq, in ticks and lots without decimals: "price:quantity" of the best bid,
// of the best ask, of the second bid and so on, joined by ":"; a side that has
// fewer levels is passed over. A price in ticks is the price divided by the
// market's tick, a quantity in lots is divided by its lot.
type Depth struct {
	Seq      uint64      `json:"seq"`
	Bids     [][2]string `json:"bids"`
	Asks     [][2]string `json:"asks"`
	Checksum uint32      `json:"checksum"`
}

// OfDepth makes the shape.
func OfDepth(d *market.Depth, m *market.Market) Depth {
	return Depth{Seq: d.Seq, Bids: levels(d.Bids, m), Asks: levels(d.Asks, m), Checksum: d.Checksum}
}

func levels(in []market.Level, m *market.Market) [][2]string {
	out := make([][2]string, len(in))
	for i, l := range in {
		out[i] = [2]string{m.Price(l.PriceTicks), m.Quantity(l.Lots)}
	}
	return out
}

// Market is a tradable pair and its rules; a limit that is null does not exist.
type Market struct {
	Symbol      string  `json:"symbol"`
	Base        string  `json:"base"`
	Quote       string  `json:"quote"`
	Tick        string  `json:"tick"`
	Lot         string  `json:"lot"`
	MakerFeePPM int64   `json:"maker_fee_ppm"`
	TakerFeePPM int64   `json:"taker_fee_ppm"`
	Phase       string  `json:"phase"`
	PhaseEndsAt *string `json:"phase_ends_at"`
	OneSide     bool    `json:"one_side"`
	DayEndsMS   int64   `json:"day_ends_ms"` // after midnight UTC
	Limits      Limits  `json:"limits"`
}

// Limits of a market.
type Limits struct {
	MinQuantity    *string `json:"min_quantity"`
	MaxQuantity    *string `json:"max_quantity"`
	MinNotional    *string `json:"min_notional"`
	MaxNotional    *string `json:"max_notional"`
	CollarPPM      *int64  `json:"collar_ppm"`
	PausePPM       *int64  `json:"pause_ppm"`
	PauseMS        *int64  `json:"pause_ms"`
	ReferencePrice *string `json:"reference_price"`
}

// OfMarket makes the shape.
func OfMarket(m *market.Market) Market {
	l := &m.Limits
	out := Market{Symbol: m.Symbol, Base: m.Base, Quote: m.Quote, Tick: m.Price(1), Lot: m.Quantity(1), MakerFeePPM: m.MakerFeePPM, TakerFeePPM: m.TakerFeePPM,
		Phase: Phase(m.Phase), OneSide: m.OneSide, DayEndsMS: m.DayEndsMS,
		Limits: Limits{MinQuantity: some(l.MinLots, m.Quantity), MaxQuantity: some(l.MaxLots, m.Quantity), MinNotional: some(l.MinNotional, m.Fee),
			MaxNotional: some(l.MaxNotional, m.Fee), CollarPPM: whole(l.CollarPPM), PausePPM: whole(l.PausePPM), PauseMS: whole(l.PauseMS),
			ReferencePrice: some(l.ReferenceTicks, m.Price)}}
	if m.PhaseEndsMS != 0 {
		out.PhaseEndsAt = optional(Millis(m.PhaseEndsMS))
	}
	return out
}

// some is nil for 0.
func some(n int64, as func(int64) string) *string {
	if n == 0 {
		return nil
	}
	return optional(as(n))
}

func whole(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// Balance is an account's holding of one asset.
type Balance struct {
	Asset     string `json:"asset"`
	Available string `json:"available"`
	Reserved  string `json:"reserved"`
}

// OfBalance makes the shape.
func OfBalance(h market.Held) Balance {
	return Balance{Asset: h.Asset.Name, Available: decimal.Format(h.Available, h.Asset.Scale), Reserved: decimal.Format(h.Reserved, h.Asset.Scale)}
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
