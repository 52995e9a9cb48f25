package market

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Apply folds the event with event_seq seq, a serialized trades.v1.Event, and
// says what changed for watchers. Levels, best prices, tickers and candles
// are collected and taken with the Take functions. raw is not kept.
func (s *State) Apply(seq uint64, raw []byte) (Change, error) {
	s.Seq = seq
	c := Change{Seq: seq, quiet: s.Quiet}
	kind, body, ok := eventKind(raw)
	if !ok {
		return c, fmt.Errorf("event %d is none", seq)
	}
	switch kind {
	case kindAccepted:
		e := &s.scratch.accepted
		if decodeAccepted(body, e) {
			s.accept(&c, e)
			return c, nil
		}
	case kindRested:
		e := &s.scratch.rested
		if decodeRested(body, e) {
			s.rested(&c, e)
			return c, nil
		}
	case kindTrade:
		e := &s.scratch.trade
		if decodeTrade(body, e) {
			s.trade(&c, e)
			return c, nil
		}
	case kindCanceled:
		e := &s.scratch.canceled
		if decodeCanceled(body, e) {
			s.end(&c, e)
			return c, nil
		}
	case kindBalance:
		e := &s.scratch.balance
		if decodeBalance(body, e) {
			s.PutBalance(e.GetAccount(), e.GetAsset(), Balance{int64(e.GetAvailable()), int64(e.GetReserved())})
			return c, nil
		}
	}
	e := &tradesv1.Event{}
	if err := proto.Unmarshal(raw, e); err != nil {
		return c, fmt.Errorf("reading event %d: %w", seq, err)
	}
	s.fold(&c, e)
	return c, nil
}

// fold applies any event.
func (s *State) fold(c *Change, e *tradesv1.Event) {
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_PackApplied:
		s.InSeq, s.NowMS = max(s.InSeq, k.PackApplied.GetInSeq()), max(s.NowMS, k.PackApplied.GetNowMs())
	case *tradesv1.Event_AssetAdded:
		s.PutAsset(k.AssetAdded.GetAsset(), k.AssetAdded.GetName(), k.AssetAdded.GetScale())
	case *tradesv1.Event_MarketAdded:
		s.addMarket(k.MarketAdded)
	case *tradesv1.Event_OrderAccepted:
		s.accept(c, k.OrderAccepted)
	case *tradesv1.Event_OrderRejected:
		s.reject(c, k.OrderRejected)
	case *tradesv1.Event_OrderRested:
		s.rested(c, k.OrderRested)
	case *tradesv1.Event_Trade:
		s.trade(c, k.Trade)
	case *tradesv1.Event_OrderCanceled:
		s.end(c, k.OrderCanceled)
	case *tradesv1.Event_OrderAmended:
		s.amend(c, k.OrderAmended)
	case *tradesv1.Event_OrderDecremented:
		s.decrement(c, k.OrderDecremented)
	case *tradesv1.Event_OrderTriggered:
		s.triggered(c, k.OrderTriggered)
	case *tradesv1.Event_TriggerMoved:
		if o := s.order(k.TriggerMoved.GetOrderId()); o != nil {
			s.orders.some(o).terms.TriggerTicks, o.EventSeq = int64(k.TriggerMoved.GetTriggerTicks()), c.Seq
			s.tell(c, o)
		}
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		s.PutBalance(b.GetAccount(), b.GetAsset(), Balance{int64(b.GetAvailable()), int64(b.GetReserved())})
	case *tradesv1.Event_PhaseChanged:
		p := k.PhaseChanged
		s.change(c, p.GetMarket(), func(m *Market) { m.Phase, m.PhaseEndsMS, m.ThenPhase = p.GetPhase(), p.GetEndsAtMs(), p.GetThenPhase() })
	case *tradesv1.Event_LimitsChanged:
		s.change(c, k.LimitsChanged.GetMarket(), func(m *Market) { m.Limits = LimitsOf(k.LimitsChanged.GetLimits()) })
	case *tradesv1.Event_Halted:
		s.Halted = true
	case *tradesv1.Event_Resumed:
		s.Halted = false
	}
}

func (s *State) addMarket(e *tradesv1.MarketAdded) {
	t := e.GetTerms()
	m := Market{ID: e.GetMarket(), Symbol: t.GetSymbol(), Base: t.GetBase(), Quote: t.GetQuote(), Tick: t.GetTick(), Lot: t.GetLot(),
		MakerFeePPM: t.GetMakerFeePpm(), TakerFeePPM: t.GetTakerFeePpm(), OneSide: t.GetOneSide(), DayEndsMS: t.GetDayEndsMs(),
		Limits: LimitsOf(t.GetLimits()), Phase: t.GetPhase()}
	if m.Phase == ordersv1.Phase_PHASE_UNSPECIFIED {
		m.Phase = ordersv1.Phase_PHASE_CONTINUOUS
	}
	if m.ID > 0 {
		s.PutMarket(m)
	}
}

// change makes a new version of a market.
func (s *State) change(c *Change, id uint32, fn func(*Market)) {
	if m := s.dir.ByID(id); m != nil {
		next := *m
		fn(&next)
		s.PutMarket(next)
		c.Market, c.Phase = id, true
		s.touch(s.trading(id))
	}
}

func (s *State) order(id uint64) *row {
	o := s.orders.get(id)
	if o == nil {
		s.unknown++
	}
	return o
}

// tell copies an order for watchers, with the fills given.
func (s *State) tell(c *Change, o *row, fills ...Fill) {
	if !c.quiet {
		c.Orders = append(c.Orders, s.orders.order(o, fills))
	}
}

// place tells where an order stands in its queue now.
func (c *Change) place(o *row) {
	if c.quiet {
		return
	}
	p := Place{OrderID: o.ID, Account: o.Account, Side: o.side(), PriceTicks: o.PriceTicks, Queue: o.QueueSeq}
	if o.Resting {
		p.Remaining, p.Visible = o.RemainingLots, o.VisibleLots
	}
	c.Market, c.Places = o.Market, append(c.Places, p)
}

func (s *State) accept(c *Change, e *tradesv1.OrderAccepted) {
	t := e.GetTerms()
	i, o := s.orders.add(e.GetOrderId())
	o.Account, o.ClientRef, o.Market, o.kind = e.GetAccount(), e.GetClientRef(), e.GetMarket(), e.GetKind()
	o.PriceTicks, o.QuantityLots, o.RemainingLots = int64(e.GetPriceTicks()), int64(e.GetQuantityLots()), int64(e.GetQuantityLots())
	o.CreatedMS, o.UpdatedMS, o.EventSeq = int64(e.GetAtMs()), int64(e.GetAtMs()), c.Seq
	if id := e.GetClientOrderId(); id != "" {
		s.orders.some(o).clientOrderID = id
	}
	if t != nil {
		s.orders.some(o).terms = Terms{QuoteBudget: t.GetQuoteBudget(), ProtectionTicks: t.GetProtectionTicks(), TriggerTicks: t.GetTriggerTicks(), TrailTicks: t.GetTrailTicks(),
			DisplayLots: t.GetDisplayLots(), MinLots: t.GetMinLots(), PostOnly: t.GetPostOnly(), ExpiresAtMS: t.GetExpiresAtMs(), OtherLeg: t.GetOtherLeg()}
		if first := s.orders.get(t.GetOtherLeg()); first != nil {
			s.orders.some(first).terms.OtherLeg = o.ID
		}
	}
	o.status = s.orders.live(o)
	s.put(i, o)
	s.tell(c, o)
}

func (s *State) reject(c *Change, e *tradesv1.OrderRejected) {
	n := e.GetOrder()
	i, o := s.orders.add(e.GetOrderId())
	o.Account, o.ClientRef, o.Market = n.GetAccount(), n.GetClientRef(), n.GetMarket()
	o.kind = kindOf(&Order{Side: n.GetSide(), Type: n.GetType(), TimeInForce: n.GetTimeInForce(), SelfTrade: n.GetSelfTrade()})
	o.PriceTicks, o.QuantityLots = n.GetPriceTicks(), n.GetQuantityLots()
	o.status, o.reject = uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED), uint8(e.GetReason())
	o.CreatedMS, o.UpdatedMS, o.EventSeq = e.GetAtMs(), e.GetAtMs(), c.Seq
	terms := Terms{QuoteBudget: n.GetQuoteBudget(), ProtectionTicks: n.GetProtectionTicks(), TriggerTicks: n.GetTriggerTicks(), TrailTicks: n.GetTrailTicks(),
		DisplayLots: n.GetDisplayLots(), MinLots: n.GetMinLots(), PostOnly: n.GetPostOnly(), ExpiresAtMS: n.GetExpiresAtMs()}
	if id := n.GetClientOrderId(); id != "" || terms != (Terms{}) {
		r := s.orders.some(o)
		r.clientOrderID, r.terms = id, terms
	}
	s.put(i, o)
	s.finish(o)
	s.tell(c, o)
}

func (s *State) rested(c *Change, e *tradesv1.OrderRested) {
	o := s.order(e.GetOrderId())
	if o == nil {
		return
	}
	if o.Resting {
		s.show(o, -o.VisibleLots)
	}
	o.Resting, o.EventSeq, o.QueueSeq = true, c.Seq, c.Seq
	o.RemainingLots, o.VisibleLots = int64(e.GetRemainingLots()), int64(e.GetVisibleLots())
	s.show(o, o.VisibleLots)
	s.hide(o)
	c.place(o)
}

func (s *State) trade(c *Change, e *tradesv1.Trade) {
	t := Trade{ID: e.GetTradeId(), Market: e.GetMarket(), PriceTicks: int64(e.GetPriceTicks()), QuantityLots: int64(e.GetQuantityLots()),
		TakerSide: ordersv1.Side(e.GetTakerSide()), Auction: e.GetAuction(), AtMS: int64(e.GetAtMs()), EventSeq: c.Seq}
	s.PutTrade(t)
	if m := s.trading(t.Market); m != nil {
		m.count(&t, s.dir.ByID(t.Market))
		s.touch(m)
	}
	c.Trade = &t
	s.fill(c, e.GetMakerOrderId(), int64(e.GetMakerFee()), &t)
	s.fill(c, e.GetTakerOrderId(), int64(e.GetTakerFee()), &t)
}

func (s *State) fill(c *Change, id uint64, fee int64, t *Trade) {
	o := s.order(id)
	if o == nil {
		return
	}
	f := Fill{TradeID: t.ID, PriceTicks: t.PriceTicks, QuantityLots: t.QuantityLots, Fee: fee}
	r := s.orders.some(o)
	r.fills = append(r.fills, f)
	budget := r.terms.QuoteBudget != 0
	o.FilledLots += f.QuantityLots
	o.EventSeq, o.UpdatedMS = c.Seq, t.AtMS
	if !budget {
		o.RemainingLots -= f.QuantityLots
	}
	resting := o.Resting
	if resting {
		visible := max(0, o.VisibleLots-f.QuantityLots)
		if t.Auction { // an auction fills what is hidden too, and then a new part is shown
			visible = o.RemainingLots
			if shown := r.terms.DisplayLots; shown > 0 {
				visible = min(visible, shown)
			}
		}
		s.show(o, visible-o.VisibleLots)
		o.VisibleLots = visible
	}
	if o.status = s.orders.live(o); o.RemainingLots <= 0 && !budget {
		o.status, o.Resting = uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED), false
		s.finish(o)
	}
	if resting {
		s.hide(o)
		c.place(o)
	}
	s.tell(c, o, f)
}

func (s *State) end(c *Change, e *tradesv1.OrderCanceled) {
	o := s.order(e.GetOrderId())
	if o == nil {
		return
	}
	resting := o.Resting
	if resting {
		s.show(o, -o.VisibleLots)
	}
	o.Resting, o.VisibleLots, o.RemainingLots, o.EventSeq, o.UpdatedMS = false, 0, 0, c.Seq, int64(e.GetAtMs())
	status := ordersv1.OrderStatus_ORDER_STATUS_CANCELED
	switch why := ordersv1.CancelReason(e.GetReason()); {
	case why == ordersv1.CancelReason_CANCEL_REASON_EXPIRED:
		status = ordersv1.OrderStatus_ORDER_STATUS_EXPIRED
	case why == ordersv1.CancelReason_CANCEL_REASON_BUDGET && o.FilledLots > 0:
		status = ordersv1.OrderStatus_ORDER_STATUS_FILLED
	}
	o.status, o.cancel = uint8(status), uint8(e.GetReason())
	if resting {
		s.hide(o)
		c.place(o)
	}
	s.finish(o)
	s.tell(c, o)
}

func (s *State) amend(c *Change, e *tradesv1.OrderAmended) {
	o := s.order(e.GetOrderId())
	if o == nil {
		return
	}
	resting := o.Resting
	if resting {
		s.show(o, -o.VisibleLots)
		o.Resting = false
		s.hide(o) // at the old price
	}
	o.PriceTicks, o.QuantityLots, o.RemainingLots = int64(e.GetPriceTicks()), int64(e.GetQuantityLots()), int64(e.GetRemainingLots())
	o.EventSeq, o.UpdatedMS = c.Seq, int64(e.GetAtMs())
	// Without its place it is in no queue until an OrderRested.
	if o.Resting = resting && e.GetKeptPlace(); o.Resting {
		o.VisibleLots = int64(e.GetVisibleLots())
		s.show(o, o.VisibleLots)
		s.hide(o)
	} else {
		o.VisibleLots = 0
	}
	if resting {
		c.place(o)
	}
	s.tell(c, o)
}

func (s *State) decrement(c *Change, e *tradesv1.OrderDecremented) {
	o := s.order(e.GetOrderId())
	if o == nil {
		return
	}
	o.RemainingLots, o.EventSeq = int64(e.GetRemainingLots()), c.Seq
	s.orders.some(o).decremented += int64(e.GetLots())
	if o.Resting {
		s.show(o, int64(e.GetVisibleLots())-o.VisibleLots)
		o.VisibleLots = int64(e.GetVisibleLots())
		s.hide(o)
		c.place(o)
	}
	s.tell(c, o)
}

func (s *State) triggered(c *Change, e *tradesv1.OrderTriggered) {
	o := s.order(e.GetOrderId())
	if o == nil {
		return
	}
	o.Triggered, o.EventSeq, o.UpdatedMS = true, c.Seq, int64(e.GetAtMs())
	o.status = s.orders.live(o)
	s.tell(c, o)
}
