// Package trade projects the events of a venue onto orders, trades, balances
// and deposits. It is pure: events in, rows out.
package trade

import (
	"fmt"
	"math"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Order is a row of trade.orders. Numbers are those of orders.v1.
type Order struct {
	ID            uint64
	Account       uint64
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
	Resting       bool // its rest is in the book
	CreatedMs     int64
	UpdatedMs     int64
	EventSeq      uint64
}

// Balance is a row of trade.balances: absolute values.
type Balance struct {
	Account   uint64
	Asset     string
	Available int64
	Reserved  int64
	EventSeq  uint64
}

type balanceKey struct {
	account uint64
	asset   string
}

// Numbered is an event that becomes a row of its own.
type Numbered[T any] struct {
	EventSeq uint64
	Event    T
}

// Changes collects the rows of a batch of events.
type Changes struct {
	Orders   map[uint64]*Order // every order touched, in its last state
	Balances map[balanceKey]Balance
	Trades   []Numbered[*tradesv1.Trade]
	Deposits []Numbered[*tradesv1.Deposited]
	Assets   []*tradesv1.AssetAdded
	Markets  []*tradesv1.MarketAdded
}

// NewChanges starts a batch; known holds the orders that Touched names and the
// database has, and belongs to the Changes from then on.
func NewChanges(known map[uint64]*Order) *Changes {
	return &Changes{Orders: known, Balances: map[balanceKey]Balance{}}
}

// Touched are the orders that an event changes without having made them.
func Touched(e *tradesv1.Event) []uint64 {
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_OrderRested:
		return []uint64{k.OrderRested.GetOrderId()}
	case *tradesv1.Event_Trade:
		return []uint64{k.Trade.GetMakerOrderId(), k.Trade.GetTakerOrderId()}
	case *tradesv1.Event_OrderCanceled:
		return []uint64{k.OrderCanceled.GetOrderId()}
	case *tradesv1.Event_OrderExpired:
		return []uint64{k.OrderExpired.GetOrderId()}
	}
	return nil
}

// Apply adds the event with the number seq. An error means that the events
// contradict what is stored: nothing may be skipped.
func (c *Changes) Apply(seq uint64, e *tradesv1.Event) error {
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_AssetAdded:
		c.Assets = append(c.Assets, k.AssetAdded)
	case *tradesv1.Event_MarketAdded:
		c.Markets = append(c.Markets, k.MarketAdded)
	case *tradesv1.Event_Deposited:
		c.Deposits = append(c.Deposits, Numbered[*tradesv1.Deposited]{seq, k.Deposited})
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		c.Balances[balanceKey{b.GetAccount(), b.GetAsset()}] = Balance{Account: b.GetAccount(), Asset: b.GetAsset(),
			Available: b.GetAvailable(), Reserved: b.GetReserved(), EventSeq: seq}
	case *tradesv1.Event_OrderAccepted:
		a := k.OrderAccepted
		return c.add(&Order{ID: a.GetOrderId(), Account: a.GetAccount(), ClientOrderID: a.GetClientOrderId(), Symbol: a.GetSymbol(),
			Side: a.GetSide(), Type: a.GetType(), TimeInForce: a.GetTimeInForce(), PriceTicks: a.GetPriceTicks(), QuantityLots: a.GetQuantityLots(),
			Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN, CreatedMs: a.GetAtMs(), UpdatedMs: a.GetAtMs(), EventSeq: seq})
	case *tradesv1.Event_OrderRejected:
		r := k.OrderRejected
		return c.add(&Order{ID: r.GetOrderId(), Account: r.GetAccount(), ClientOrderID: r.GetClientOrderId(), Symbol: r.GetSymbol(),
			Side: r.GetSide(), Type: r.GetType(), TimeInForce: r.GetTimeInForce(), PriceTicks: r.GetPriceTicks(), QuantityLots: r.GetQuantityLots(),
			Status: ordersv1.OrderStatus_ORDER_STATUS_REJECTED, RejectReason: r.GetReason(), CreatedMs: r.GetAtMs(), UpdatedMs: r.GetAtMs(), EventSeq: seq})
	case *tradesv1.Event_OrderRested:
		return c.change(k.OrderRested.GetOrderId(), seq, 0, func(o *Order) { o.Resting = true })
	case *tradesv1.Event_Trade:
		t := k.Trade
		c.Trades = append(c.Trades, Numbered[*tradesv1.Trade]{seq, t})
		for _, id := range []uint64{t.GetMakerOrderId(), t.GetTakerOrderId()} {
			if err := c.change(id, seq, t.GetAtMs(), func(o *Order) { o.fill(t.GetQuantityLots()) }); err != nil {
				return err
			}
		}
	case *tradesv1.Event_OrderCanceled:
		return c.change(k.OrderCanceled.GetOrderId(), seq, k.OrderCanceled.GetAtMs(), func(o *Order) {
			o.Status, o.CancelReason, o.Resting = ordersv1.OrderStatus_ORDER_STATUS_CANCELED, k.OrderCanceled.GetReason(), false
		})
	case *tradesv1.Event_OrderExpired:
		return c.change(k.OrderExpired.GetOrderId(), seq, k.OrderExpired.GetAtMs(), func(o *Order) {
			o.Status, o.Resting = ordersv1.OrderStatus_ORDER_STATUS_EXPIRED, false
		})
	case *tradesv1.Event_PackApplied, *tradesv1.Event_Halted, *tradesv1.Event_Resumed, *tradesv1.Event_CommandRejected:
		// In the journal only.
	default:
		return fmt.Errorf("event %d is of a kind that this writer does not know; run a newer one", seq)
	}
	return nil
}

func (o *Order) fill(lots int64) {
	o.FilledLots += lots
	o.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	if o.FilledLots >= o.QuantityLots {
		o.Status, o.Resting = ordersv1.OrderStatus_ORDER_STATUS_FILLED, false
	}
}

func (c *Changes) add(o *Order) error {
	if o.ID > math.MaxInt64 || o.Account > math.MaxInt64 {
		return fmt.Errorf("order %d of account %d is out of range", o.ID, o.Account)
	}
	if c.Orders[o.ID] != nil {
		return fmt.Errorf("order %d is made twice", o.ID)
	}
	c.Orders[o.ID] = o
	return nil
}

func (c *Changes) change(id, seq uint64, atMs int64, do func(*Order)) error {
	o := c.Orders[id]
	if o == nil {
		return fmt.Errorf("event %d changes order %d, which does not exist", seq, id)
	}
	do(o)
	o.EventSeq = seq
	o.UpdatedMs = max(o.UpdatedMs, atMs)
	return nil
}
