// Package market is the api's picture of one venue: markets, live orders,
// balances and depth, folded from the events of TRADES. It is pure: no clock,
// no I/O, no goroutine. The same fold makes the frames of live sockets and of
// replays, so that both are equal.
package market

import (
	"errors"
	"math/bits"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/decimal"
)

// Market is a tradable pair, its units and its rules. It is never changed:
// a new phase or new limits make a new one.
type Market struct {
	ID                       uint32 // dense per venue, from 1
	Symbol, Base, Quote      string
	BaseID, QuoteID          uint32
	Tick                     int64 // quote smallest units per whole base unit
	Lot                      int64 // base smallest units
	MakerFeePPM, TakerFeePPM int64
	BaseScale, QuoteScale    uint32
	OneSide                  bool
	DayEndsMS                int64 // after midnight UTC
	Limits                   Limits
	Phase                    ordersv1.Phase
	PhaseEndsMS              int64 // of an auction; 0 = when it is ended
	ThenPhase                ordersv1.Phase
}

// Limits are orders.v1.Limits; 0 = no limit.
type Limits struct {
	MinLots, MaxLots         int64
	MinNotional, MaxNotional int64 // quote smallest units
	CollarPPM                int64
	PausePPM, PauseMS        int64
	ReferenceTicks           int64 // before the first trade
}

// LimitsOf reads the message; nil gives none.
func LimitsOf(l *ordersv1.Limits) Limits {
	return Limits{MinLots: l.GetMinLots(), MaxLots: l.GetMaxLots(), MinNotional: l.GetMinNotional(), MaxNotional: l.GetMaxNotional(),
		CollarPPM: l.GetCollarPpm(), PausePPM: l.GetPausePpm(), PauseMS: l.GetPauseMs(), ReferenceTicks: l.GetReferenceTicks()}
}

// Notional of lots at a price, in the quote's smallest unit, as a 128-bit
// number: exact whenever it fits, as tick x lot is whole.
func (m *Market) Notional(ticks, lots int64) Wide { return wideProduct(ticks, lots, m.unit()) }

// unit is what one lot at one tick costs: tick x lot / 10^scale(base).
func (m *Market) unit() int64 {
	hi, lo := bits.Mul64(uint64(m.Tick), uint64(m.Lot))
	p := uint64(1)
	for range m.BaseScale {
		p *= 10
	}
	if hi >= p {
		return 0 // such a market is refused when it is added
	}
	q, _ := bits.Div64(hi, lo, p)
	return int64(q)
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

// Budget reads an amount of the quote, in its smallest unit.
func (m *Market) Budget(amount string) (int64, ordersv1.RejectReason, error) {
	n, err := decimal.Steps(amount, m.QuoteScale, 1)
	return reason(n, err, ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY)
}

// Order is an order as of one event. Fills are all that are known, oldest
// first, in the projection; only the new ones in a change.
type Order struct {
	ID, Account   uint64
	ClientOrderID string
	ClientRef     uint64
	Market        uint32 // 0 = none: such an order was rejected
	Side          ordersv1.Side
	Type          ordersv1.OrderType
	TimeInForce   ordersv1.TimeInForce
	SelfTrade     ordersv1.SelfTrade
	PriceTicks    int64
	QuantityLots  int64 // 0 with a budget
	FilledLots    int64
	RemainingLots int64 // hidden included; 0 with a budget and after the end
	Decremented   int64 // lots that self-trade prevention took away
	VisibleLots   int64 // while resting
	Status        ordersv1.OrderStatus
	RejectReason  ordersv1.RejectReason
	CancelReason  ordersv1.CancelReason
	Resting       bool
	Triggered     bool // a stop or take-profit that is no longer waiting
	QueueSeq      uint64
	Terms         Terms
	CreatedMS     int64
	UpdatedMS     int64
	EventSeq      uint64 // last event that changed it
	Fills         []Fill
}

// Terms are what few orders have; see orders.v1.NewOrder.
type Terms struct {
	QuoteBudget     int64
	ProtectionTicks int64
	TriggerTicks    int64
	TrailTicks      int64
	DisplayLots     int64
	MinLots         int64
	PostOnly        bool
	ExpiresAtMS     int64
	OtherLeg        uint64 // each leg of a pair names the other
}

// Open says whether the order can still be filled: one that waits for its
// trigger is.
func (o *Order) Open() bool { return open(o.Status) }

func open(s ordersv1.OrderStatus) bool {
	switch s {
	case ordersv1.OrderStatus_ORDER_STATUS_OPEN, ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED, ordersv1.OrderStatus_ORDER_STATUS_WAITING:
		return true
	}
	return false
}

// live is the status of an order that did not end.
func live(t ordersv1.OrderType, triggered bool, filledLots int64) ordersv1.OrderStatus {
	switch {
	case Waits(t) && !triggered:
		return ordersv1.OrderStatus_ORDER_STATUS_WAITING
	case filledLots > 0:
		return ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	}
	return ordersv1.OrderStatus_ORDER_STATUS_OPEN
}

// Waits says whether orders of the type wait for a trigger.
func Waits(t ordersv1.OrderType) bool {
	return t >= ordersv1.OrderType_ORDER_TYPE_STOP && t <= ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP
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
	Market       uint32
	PriceTicks   int64
	QuantityLots int64
	TakerSide    ordersv1.Side
	Auction      bool
	AtMS         int64
	EventSeq     uint64
}

// Balance is an account's holding of one asset, in its smallest unit.
type Balance struct{ Available, Reserved int64 }

// Level is a price and all that the book shows there; Lots 0 in an update =
// gone.
type Level struct{ PriceTicks, Lots int64 }

// Depth is the state of a book, or the levels of it that changed. Best first.
type Depth struct {
	Seq        uint64 // event_seq: shared by REST and WebSocket
	Market     uint32
	Bids, Asks []Level
	Checksum   uint32 // of the book's best levels after it; see Checksum
}

// Top is the best level of each side; Lots 0 = the side is empty.
type Top struct {
	Seq      uint64
	Market   uint32
	Bid, Ask Level
}

// Place is one order's place in the queue at its price, as an admin sees it.
// Remaining 0 = it left the book. Of two orders at one price the one with the
// lower Queue is first.
type Place struct {
	OrderID, Account   uint64
	Side               ordersv1.Side
	PriceTicks         int64
	Remaining, Visible int64
	Queue              uint64
}

// Change is what one event did.
type Change struct {
	Seq    uint64
	Orders []Order // copies with the new fill only; two when both sides are known
	Trade  *Trade
	Market uint32  // of Places and Phase
	Places []Place // resting orders whose place or quantity changed
	Phase  bool    // the market's phase or limits changed

	quiet bool // see State.Quiet
}

// Before is the live order that o was at an earlier event: so many of its lots
// were filled, and its later changes are undone.
func (o Order) Before(filledLots int64, undo *Undo) Order {
	if undo != nil {
		o.PriceTicks, o.QuantityLots, o.Terms.TriggerTicks, o.Triggered = undo.PriceTicks, undo.QuantityLots, undo.TriggerTicks, undo.Triggered
		if o.Terms.QuoteBudget == 0 {
			o.Decremented = undo.QuantityLots - undo.FilledLots - undo.RemainingLots
		}
	}
	o.FilledLots, o.Fills, o.CancelReason, o.Resting, o.VisibleLots = filledLots, nil, 0, false, 0
	if o.Terms.QuoteBudget == 0 {
		o.RemainingLots = o.QuantityLots - filledLots - o.Decremented
	}
	o.Status = live(o.Type, o.Triggered, o.FilledLots)
	return o
}

// Undo is what an order was before a change: the state behind an event is the
// oldest Undo after it.
type Undo struct {
	PriceTicks, QuantityLots, RemainingLots, TriggerTicks int64
	FilledLots                                            int64 // when the change happened
	Triggered                                             bool
}
