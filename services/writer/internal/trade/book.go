// Package trade projects the events of a venue onto orders, trades, balances,
// candles and what else is asked of them. It is pure: events in, rows out.
package trade

import (
	"fmt"
	"math"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Balance is a row of trade.balances: absolute values.
type Balance struct {
	Account   uint64
	Asset     uint32
	Available int64
	Reserved  int64
	EventSeq  uint64
}

type balanceKey struct {
	account uint64
	asset   uint32
}

// Numbered is an event that becomes a row of its own.
type Numbered[T any] struct {
	EventSeq uint64
	Event    T
}

// Change is a row of trade.order_changes: what an order was before an event
// that replaced some of it.
type Change struct {
	EventSeq   uint64
	ID         uint64
	PriceTicks int64
	Quantity   int64
	Filled     int64
	Remaining  int64
	Trigger    int64
	Triggered  bool
}

// Changes collects the rows of a batch of events.
type Changes struct {
	Orders   map[uint64]*Order // every order touched, in its last state
	Before   []Change
	Balances map[balanceKey]Balance
	Trades   []Numbered[*tradesv1.Trade]
	Funds    []Numbered[*tradesv1.FundsChanged]
	Auctions []Numbered[*tradesv1.Auctioned]
	Assets   []*tradesv1.AssetAdded
	Markets  []*tradesv1.MarketAdded
	Phases   map[uint32]*tradesv1.PhaseChanged // the last one of each market
	Limits   map[uint32]*ordersv1.Limits

	spare []Order // to be made next
	last  *Order  // made last: what happens to it mostly follows
}

// slabOrders is how many orders are made at once, in 80 KB.
const slabOrders = 256

// NewChanges starts a batch; known holds the orders that Touched names and the
// database has, and belongs to the Changes from then on.
func NewChanges(known map[uint64]*Order) *Changes {
	return &Changes{Orders: known, Balances: map[balanceKey]Balance{}, Phases: map[uint32]*tradesv1.PhaseChanged{}, Limits: map[uint32]*ordersv1.Limits{}}
}

// Made is the order that an event makes; 0 = none.
func Made(e *tradesv1.Event) uint64 {
	if a := e.GetOrderAccepted(); a != nil {
		return a.GetOrderId()
	}
	return e.GetOrderRejected().GetOrderId()
}

// Touched appends the orders that an event changes without having made them.
func Touched(ids []int64, e *tradesv1.Event) []int64 {
	one := func(id uint64) []int64 { return append(ids, int64(id)) }
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_OrderAccepted:
		if leg := k.OrderAccepted.GetTerms().GetOtherLeg(); leg != 0 {
			return one(leg)
		}
	case *tradesv1.Event_OrderRested:
		return one(k.OrderRested.GetOrderId())
	case *tradesv1.Event_OrderTriggered:
		return one(k.OrderTriggered.GetOrderId())
	case *tradesv1.Event_TriggerMoved:
		return one(k.TriggerMoved.GetOrderId())
	case *tradesv1.Event_OrderAmended:
		return one(k.OrderAmended.GetOrderId())
	case *tradesv1.Event_OrderDecremented:
		return one(k.OrderDecremented.GetOrderId())
	case *tradesv1.Event_OrderCanceled:
		return one(k.OrderCanceled.GetOrderId())
	case *tradesv1.Event_Trade:
		return append(ids, int64(k.Trade.GetMakerOrderId()), int64(k.Trade.GetTakerOrderId()))
	}
	return ids
}

// Apply adds the event with the number seq. An error means that the events
// contradict what is stored: nothing may be skipped.
func (c *Changes) Apply(seq uint64, e *tradesv1.Event) error {
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_AssetAdded:
		c.Assets = append(c.Assets, k.AssetAdded)
	case *tradesv1.Event_MarketAdded:
		c.Markets = append(c.Markets, k.MarketAdded)
	case *tradesv1.Event_FundsChanged:
		c.Funds = append(c.Funds, Numbered[*tradesv1.FundsChanged]{seq, k.FundsChanged})
	case *tradesv1.Event_PhaseChanged:
		c.Phases[k.PhaseChanged.GetMarket()] = k.PhaseChanged
	case *tradesv1.Event_LimitsChanged:
		c.Limits[k.LimitsChanged.GetMarket()] = k.LimitsChanged.GetLimits()
	case *tradesv1.Event_Auctioned:
		c.Auctions = append(c.Auctions, Numbered[*tradesv1.Auctioned]{seq, k.Auctioned})
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		c.Balances[balanceKey{b.GetAccount(), b.GetAsset()}] = Balance{Account: b.GetAccount(), Asset: b.GetAsset(),
			Available: int64(b.GetAvailable()), Reserved: int64(b.GetReserved()), EventSeq: seq}
	case *tradesv1.Event_OrderAccepted, *tradesv1.Event_OrderRejected:
		return c.made(seq, e)
	case *tradesv1.Event_Trade:
		return c.trade(seq, k.Trade)
	case *tradesv1.Event_PackApplied, *tradesv1.Event_Halted, *tradesv1.Event_Resumed, *tradesv1.Event_CommandRejected,
		*tradesv1.Event_KeptAlive, *tradesv1.Event_Activated, *tradesv1.Event_WorkLeft:
		// In the journal only.
	default:
		return c.changed(seq, e)
	}
	return nil
}

func (c *Changes) made(seq uint64, e *tradesv1.Event) error {
	if len(c.spare) == 0 {
		c.spare = make([]Order, slabOrders)
	}
	o := &c.spare[0]
	c.spare = c.spare[1:]
	if a := e.GetOrderAccepted(); a != nil {
		accepted(o, seq, a)
	} else {
		rejected(o, seq, e.GetOrderRejected())
	}
	if o.ID > math.MaxInt64 || o.Account > math.MaxInt64 {
		return fmt.Errorf("order %d of account %d is out of range", o.ID, o.Account)
	}
	if c.Orders[o.ID] != nil {
		return fmt.Errorf("order %d is made twice", o.ID)
	}
	o.Made = true
	c.Orders[o.ID], c.last = o, o
	if o.OtherLeg != 0 {
		return c.change(o.OtherLeg, seq, 0, func(first *Order) { first.OtherLeg = o.ID })
	}
	return nil
}

func (c *Changes) trade(seq uint64, t *tradesv1.Trade) error {
	c.Trades = append(c.Trades, Numbered[*tradesv1.Trade]{seq, t})
	for _, id := range [...]uint64{t.GetMakerOrderId(), t.GetTakerOrderId()} {
		if err := c.change(id, seq, t.GetAtMs(), func(o *Order) { o.fill(int64(t.GetQuantityLots()), t.GetAuction()) }); err != nil {
			return err
		}
	}
	return nil
}

// changed is an event about one order that is there.
func (c *Changes) changed(seq uint64, e *tradesv1.Event) error {
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_OrderRested:
		return c.change(k.OrderRested.GetOrderId(), seq, 0, func(o *Order) { o.rest(seq, k.OrderRested) })
	case *tradesv1.Event_OrderCanceled:
		return c.change(k.OrderCanceled.GetOrderId(), seq, k.OrderCanceled.GetAtMs(), func(o *Order) {
			o.cancel(ordersv1.CancelReason(k.OrderCanceled.GetReason()))
		})
	case *tradesv1.Event_OrderAmended:
		return c.replace(k.OrderAmended.GetOrderId(), seq, k.OrderAmended.GetAtMs(), func(o *Order) { o.amend(k.OrderAmended) })
	case *tradesv1.Event_OrderDecremented:
		return c.replace(k.OrderDecremented.GetOrderId(), seq, 0, func(o *Order) {
			o.Decremented += int64(k.OrderDecremented.GetLots())
			o.Remaining, o.Visible = int64(k.OrderDecremented.GetRemainingLots()), int64(k.OrderDecremented.GetVisibleLots())
		})
	case *tradesv1.Event_TriggerMoved:
		return c.replace(k.TriggerMoved.GetOrderId(), seq, 0, func(o *Order) { o.Trigger = int64(k.TriggerMoved.GetTriggerTicks()) })
	case *tradesv1.Event_OrderTriggered:
		return c.replace(k.OrderTriggered.GetOrderId(), seq, k.OrderTriggered.GetAtMs(), func(o *Order) {
			o.Triggered, o.Status = true, ordersv1.OrderStatus_ORDER_STATUS_OPEN
		})
	}
	return fmt.Errorf("event %d is of a kind that this writer does not know; run a newer one", seq)
}

// replace changes an order and keeps what it was.
func (c *Changes) replace(id, seq, atMs uint64, do func(*Order)) error {
	if o := c.Orders[id]; o != nil {
		c.Before = append(c.Before, Change{EventSeq: seq, ID: id, PriceTicks: o.PriceTicks, Quantity: o.QuantityLots,
			Filled: o.FilledLots, Remaining: o.Remaining, Trigger: o.Trigger, Triggered: o.Triggered})
	}
	return c.change(id, seq, atMs, do)
}

func (c *Changes) change(id, seq, atMs uint64, do func(*Order)) error {
	o := c.last
	if o == nil || o.ID != id {
		o = c.Orders[id]
	}
	if o == nil {
		return fmt.Errorf("event %d changes order %d, which does not exist", seq, id)
	}
	do(o)
	o.EventSeq = seq
	o.UpdatedMs = max(o.UpdatedMs, int64(atMs))
	return nil
}
