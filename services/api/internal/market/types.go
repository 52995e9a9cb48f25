// Package market is the api's picture of one venue: markets, live orders,
// balances and depth, folded from the events of TRADES. It is pure: no clock,
// no I/O, no goroutine. The same fold makes the frames of live sockets and of
// replays, so that both are equal.
package market

import (
	"errors"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
)

// Market is a tradable pair and its units.
type Market struct {
	Symbol, Base, Quote      string
	Tick                     int64 // quote smallest units per whole base unit
	Lot                      int64 // base smallest units
	MakerFeePPM, TakerFeePPM int64
	BaseScale, QuoteScale    uint32
}

// Price writes ticks as a decimal of the quote asset.
func (m *Market) Price(ticks int64) string { return decimal.FormatSteps(ticks, m.Tick, m.QuoteScale) }

// Quantity writes lots as a decimal of the base asset.
func (m *Market) Quantity(lots int64) string { return decimal.FormatSteps(lots, m.Lot, m.BaseScale) }

// Fee writes an amount of the quote's smallest unit.
func (m *Market) Fee(n int64) string { return decimal.Format(n, m.QuoteScale) }

// Ticks reads a price. The reason is unset when the price is a whole number of
// ticks; err is decimal.ErrSyntax when the text is no number at all.
func (m *Market) Ticks(price string) (int64, ordersv1.RejectReason, error) {
	n, err := decimal.Steps(price, m.QuoteScale, m.Tick)
	return reason(n, err, ordersv1.RejectReason_REJECT_REASON_BAD_TICK)
}

// Lots reads a quantity, like Ticks.
func (m *Market) Lots(quantity string) (int64, ordersv1.RejectReason, error) {
	n, err := decimal.Steps(quantity, m.BaseScale, m.Lot)
	return reason(n, err, ordersv1.RejectReason_REJECT_REASON_BAD_LOT)
}

func reason(n int64, err error, step ordersv1.RejectReason) (int64, ordersv1.RejectReason, error) {
	switch {
	case err == nil:
		return n, 0, nil
	case errors.Is(err, decimal.ErrStep):
		return 0, step, nil
	case errors.Is(err, decimal.ErrRange):
		return 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW, nil
	}
	return 0, 0, err
}

// Order is an order as of one event. Fills are all that are known, oldest
// first, in the projection; only the new ones in a change.
type Order struct {
	ID, Account   uint64
	ClientOrderID string
	Symbol        string
	Side          ordersv1.Side
	Type          ordersv1.OrderType
	TimeInForce   ordersv1.TimeInForce
	PriceTicks    int64
	QuantityLots  int64
	FilledLots    int64
	Status        ordersv1.OrderStatus
	RejectReason  ordersv1.RejectReason
	CancelReason  ordersv1.CancelReason
	Resting       bool
	CreatedMS     int64
	UpdatedMS     int64
	EventSeq      uint64 // last event that changed it
	Fills         []Fill
}

// Open says whether the order can still be filled.
func (o *Order) Open() bool {
	return o.Status == ordersv1.OrderStatus_ORDER_STATUS_OPEN || o.Status == ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
}

// Fill is one trade from one order's side.
type Fill struct {
	TradeID      uint64
	PriceTicks   int64
	QuantityLots int64
	Fee          int64 // quote smallest units
}

// Trade is a fill as everybody may see it.
type Trade struct {
	ID           uint64
	Symbol       string
	PriceTicks   int64
	QuantityLots int64
	TakerSide    ordersv1.Side
	AtMS         int64
	EventSeq     uint64
}

// Balance is an account's holding of one asset, in its smallest unit.
type Balance struct{ Available, Reserved int64 }

// Level is a price and all that rests there; Lots 0 in an update = gone.
type Level struct{ PriceTicks, Lots int64 }

// Depth is the state of a book, or the levels of it that changed. Best first.
type Depth struct {
	Seq        uint64 // event_seq: shared by REST and WebSocket
	Symbol     string
	Bids, Asks []Level
}

// Change is what one event did; at most one of the pointers per kind is set.
type Change struct {
	Seq    uint64
	Orders []Order // copies with the new fill only
	Trade  *Trade
}

// At is the live order that o was when so many of its lots were filled.
func (o Order) At(filledLots int64) Order {
	o.FilledLots, o.Fills, o.CancelReason, o.Resting = filledLots, nil, 0, false
	o.Status = ordersv1.OrderStatus_ORDER_STATUS_OPEN
	if filledLots > 0 {
		o.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	}
	return o
}
