package rebuild

import (
	"fmt"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Numbers of enumerations in a byte.
const (
	statusOpen     = uint8(ordersv1.OrderStatus_ORDER_STATUS_OPEN)
	statusPartly   = uint8(ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED)
	statusFilled   = uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	statusCanceled = uint8(ordersv1.OrderStatus_ORDER_STATUS_CANCELED)
	statusRejected = uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED)
	statusExpired  = uint8(ordersv1.OrderStatus_ORDER_STATUS_EXPIRED)
	statusWaiting  = uint8(ordersv1.OrderStatus_ORDER_STATUS_WAITING)

	typeStop         = uint8(ordersv1.OrderType_ORDER_TYPE_STOP)
	typeTrailingStop = uint8(ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP)
	tifGTD           = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_GTD)

	whyBudget   = uint32(ordersv1.CancelReason_CANCEL_REASON_BUDGET)
	whyExpired  = uint32(ordersv1.CancelReason_CANCEL_REASON_EXPIRED)
	whyOtherLeg = uint32(ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG)
)

// order folds an event of an order.
func (f *Fold) order(e *tradesv1.Event) error {
	switch k := e.Kind.(type) {
	case *tradesv1.Event_OrderAccepted:
		return f.accept(k.OrderAccepted)
	case *tradesv1.Event_OrderRejected:
		f.reject(k.OrderRejected)
		return nil
	case *tradesv1.Event_Trade:
		return f.trade(k.Trade)
	}
	var id uint64
	switch k := e.Kind.(type) {
	case *tradesv1.Event_OrderRested:
		id = k.OrderRested.OrderId
		f.s.Arrivals++
	case *tradesv1.Event_OrderTriggered:
		id = k.OrderTriggered.OrderId
	case *tradesv1.Event_TriggerMoved:
		id = k.TriggerMoved.OrderId
	case *tradesv1.Event_OrderAmended:
		id = k.OrderAmended.OrderId
	case *tradesv1.Event_OrderDecremented:
		id = k.OrderDecremented.OrderId
	case *tradesv1.Event_OrderCanceled:
		id = k.OrderCanceled.OrderId
	}
	o := f.orders[id]
	if o == nil {
		return fmt.Errorf("order %d does not live", id)
	}
	switch k := e.Kind.(type) {
	case *tradesv1.Event_OrderRested:
		o.Arrival, o.Status = f.s.Arrivals, statusOpen
		if o.Filled != 0 {
			o.Status = statusPartly
		}
		if o.Terms.Display != 0 {
			o.Visible = int64(k.OrderRested.VisibleLots)
		}
	case *tradesv1.Event_OrderTriggered:
		o.Status, o.Triggered = statusOpen, true
	case *tradesv1.Event_TriggerMoved:
		o.Terms.Trigger = int64(k.TriggerMoved.TriggerTicks)
	case *tradesv1.Event_OrderAmended:
		a := k.OrderAmended
		o.Price, o.Quantity, o.Remaining = int64(a.PriceTicks), int64(a.QuantityLots), int64(a.RemainingLots)
		o.Visible = min(o.Visible, o.Remaining)
	case *tradesv1.Event_OrderDecremented:
		d := k.OrderDecremented
		o.Remaining, o.Quantity = int64(d.RemainingLots), o.Quantity-int64(d.Lots)
		// A taker shows nothing yet, and an iceberg whose shown part is used up
		// rests anew.
		if o.Terms.Display != 0 && d.VisibleLots != 0 {
			o.Visible = int64(d.VisibleLots)
		}
	case *tradesv1.Event_OrderCanceled:
		f.cancel(o, k.OrderCanceled)
	}
	return nil
}

func (f *Fold) accept(a *tradesv1.OrderAccepted) error {
	if _, err := f.marketOf(a.Market); err != nil {
		return err
	}
	f.s.OrderID = max(f.s.OrderID, a.OrderId)
	t := a.Terms
	o := &engine.OrderState{
		ID: a.OrderId, Account: a.Account, Market: a.Market,
		Side: uint8(a.Kind), Type: uint8(a.Kind >> 8), TIF: uint8(a.Kind >> 16), SelfRule: uint8(a.Kind >> 24),
		Status: statusOpen, PostOnly: t.GetPostOnly(), Price: int64(a.PriceTicks), Quantity: int64(a.QuantityLots), Remaining: int64(a.QuantityLots),
		Reserved: int64(a.Reserved), Ref: a.ClientRef,
		Terms: engine.Terms{Budget: t.GetQuoteBudget(), Protection: t.GetProtectionTicks(), Trigger: t.GetTriggerTicks(), Trail: t.GetTrailTicks(),
			Display: t.GetDisplayLots(), MinLots: t.GetMinLots(), ExpiresMs: t.GetExpiresAtMs()},
		OtherLeg: t.GetOtherLeg(),
	}
	if o.Type >= typeStop && o.Type <= typeTrailingStop {
		o.Status = statusWaiting
	}
	o.HasTerms = o.Terms != engine.Terms{} || o.OtherLeg != 0
	if a.ClientOrderId != "" {
		asked := o.Terms
		if o.TIF != tifGTD {
			asked.ExpiresMs = 0 // DAY: the market's
		}
		o.ClientID = []byte(a.ClientOrderId)
		o.Content = engine.ContentOf(&engine.Command{Market: o.Market, Side: o.Side, Type: o.Type, TIF: o.TIF, SelfTrade: o.SelfRule,
			PostOnly: o.PostOnly, Price: o.Price, Quantity: o.Quantity, Ext: &asked})
	}
	if first := f.orders[o.OtherLeg]; first != nil {
		first.OtherLeg, first.HasTerms = o.ID, true
	}
	f.orders[o.ID] = o
	return nil
}

// reject folds a refused order: one that had a client order id is remembered.
func (f *Fold) reject(r *tradesv1.OrderRejected) {
	f.s.OrderID = max(f.s.OrderID, r.OrderId)
	n := r.Order
	if r.Forgotten || n.GetClientOrderId() == "" || n.ClientRef != 0 {
		return
	}
	asked := engine.Terms{Budget: n.QuoteBudget, Protection: n.ProtectionTicks, Trigger: n.TriggerTicks, Trail: n.TrailTicks,
		Display: n.DisplayLots, MinLots: n.MinLots, ExpiresMs: n.ExpiresAtMs}
	o := &engine.OrderState{
		ID: r.OrderId, Account: n.Account, Market: n.Market, Side: uint8(n.Side), Type: uint8(n.Type), TIF: uint8(n.TimeInForce), SelfRule: uint8(n.SelfTrade),
		Status: statusRejected, Why: uint8(r.Reason), PostOnly: n.PostOnly, Price: n.PriceTicks, Quantity: n.QuantityLots, ClientID: []byte(n.ClientOrderId),
	}
	o.Content = engine.ContentOf(&engine.Command{Market: o.Market, Side: o.Side, Type: o.Type, TIF: o.TIF, SelfTrade: o.SelfRule,
		Malformed: uint8(n.Malformed), PostOnly: o.PostOnly, Price: o.Price, Quantity: o.Quantity, Ext: &asked})
	f.bury(o)
}

// trade folds a fill of both orders.
func (f *Fold) trade(t *tradesv1.Trade) error {
	m, err := f.marketOf(t.Market)
	if err != nil {
		return err
	}
	maker, taker := f.orders[t.MakerOrderId], f.orders[t.TakerOrderId]
	if maker == nil || taker == nil {
		return fmt.Errorf("orders %d and %d do not both live", t.MakerOrderId, t.TakerOrderId)
	}
	f.s.TradeID = t.TradeId
	lots := int64(t.QuantityLots)
	paid := int64(t.PriceTicks) * lots * m.unit
	maker.Made += paid
	if t.Auction {
		taker.Made += paid
	} else {
		taker.Took += paid
	}
	maker.FeePaid += int64(t.MakerFee)
	taker.FeePaid += int64(t.TakerFee)
	f.assets[m.quote-1].fees += int64(t.MakerFee + t.TakerFee)
	m.traded(int64(t.PriceTicks))
	for _, o := range [...]*engine.OrderState{maker, taker} {
		o.Filled += lots
		o.Status = statusPartly
		if o.Terms.Budget != 0 {
			continue // its end is told
		}
		o.Remaining -= lots
		if o.Remaining > 0 && o.Terms.Display != 0 {
			switch {
			case t.Auction:
				o.Visible = min(o.Terms.Display, o.Remaining)
			case o == maker:
				o.Visible -= lots
			}
		}
		if o.Remaining == 0 {
			o.Status = statusFilled
			f.end(o)
		}
	}
	return nil
}

func (f *Fold) cancel(o *engine.OrderState, c *tradesv1.OrderCanceled) {
	o.Remaining, o.Status, o.Why = int64(c.RemainingLots), statusCanceled, uint8(c.Reason)
	switch {
	case c.Reason == whyExpired:
		o.Status = statusExpired
	case c.Reason == whyBudget && o.Filled > 0:
		o.Status = statusFilled
	}
	if c.Reason == whyOtherLeg {
		f.part(o)
	}
	f.end(o)
	if p := f.parting; p != nil && c.Reason == whyOtherLeg {
		f.parting = nil
		f.bury(p)
	}
}

// part ends a pair.
func (f *Fold) part(o *engine.OrderState) {
	if other := f.orders[o.OtherLeg]; other != nil {
		other.OtherLeg = 0
	} else if f.parting != nil {
		f.parting.OtherLeg = 0
	}
	o.OtherLeg = 0
}

// end takes an order from the living. A leg is dead only after its other leg,
// whose end follows.
func (f *Fold) end(o *engine.OrderState) {
	delete(f.orders, o.ID)
	o.Reserved = 0
	if o.OtherLeg != 0 {
		f.parting = o
		return
	}
	f.bury(o)
}

// bury remembers a dead order by its client order id.
func (f *Fold) bury(o *engine.OrderState) {
	if len(o.ClientID) == 0 {
		return
	}
	o.Arrival = uint64(f.s.NowMs)
	f.dead = append(f.dead, o)
}
