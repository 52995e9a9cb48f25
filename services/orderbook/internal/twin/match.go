package twin

import (
	"math/big"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// halt is why an order stopped matching.
type halt int

const (
	dried      halt = iota // nothing at a price that it takes
	filled                 // no lots or no budget left
	gone                   // ended by self-trade prevention
	atCollar               // market orders
	tooDear                // the budget buys no lot
	paused                 // the market pauses instead of the next fill
	beyond                 // only in a look: costs more than there can be
	ownCounter             // met an order of its account whose rule ends the taker
)

// look tells what the order's matching would fill now, and cost with fees as
// taker. The order need not be in the venue.
func (v *Venue) look(o *order) (lots int64, cost *big.Int) {
	t, why := v.tryOn(o)
	if why == beyond {
		return t.filled - o.filled, new(big.Int).Lsh(big.NewInt(1), 64)
	}
	return t.filled - o.filled, times(t.asTaker + t.paid - o.asTaker - o.paid)
}

func (v *Venue) tryOn(o *order) (*order, halt) {
	c := v.copy()
	t := c.find(o.id)
	if t == nil {
		d := *o
		d.id, d.live = ^uint64(0), true
		t = &d
		c.orders = append(c.orders, t)
	}
	return t, c.take(t)
}

// match takes an order that is live and not in the book to its end.
func (v *Venue) match(t *order) {
	m := v.market(t.market)
	arrival := t.arrival == 0
	if m.phase == ordersv1.Phase_PHASE_AUCTION {
		if t.body.MinLots > 0 && arrival { // the other leg has just paused the market
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_MIN_QUANTITY)
			return
		}
		v.rest(t)
		return
	}
	if t.body.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_FOK {
		after, why := v.tryOn(t)
		whole := after.filled == t.quantity
		if t.budget > 0 {
			whole = after.filled > 0 && (why == filled || why == tooDear)
		}
		if !whole {
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_FOK_UNFILLABLE)
			return
		}
	}
	if t.body.MinLots > 0 && arrival {
		if lots, _ := v.look(t); lots < t.body.MinLots {
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_MIN_QUANTITY)
			return
		}
	}
	switch v.take(t) {
	case gone:
	case filled:
		if t.budget > 0 {
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_BUDGET)
		} else {
			v.end(t, 0)
		}
	case tooDear:
		v.end(t, ordersv1.CancelReason_CANCEL_REASON_BUDGET)
	case atCollar:
		v.end(t, ordersv1.CancelReason_CANCEL_REASON_COLLAR)
	case ownCounter:
		v.end(t, ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE)
	case paused:
		v.emit(&tradesv1.PhaseChanged{Market: m.id, Phase: m.phase, EndsAtMs: m.endsMs, ThenPhase: m.then, Volatility: true, AtMs: v.now})
		if t.rests() {
			v.rest(t)
		} else {
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_PAUSED)
		}
	case dried:
		switch {
		case t.isMarket():
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER)
		case t.rests():
			v.rest(t)
		default:
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_IOC_REMAINDER)
		}
	}
}

// rest puts an order at the end of the queue of its price.
func (v *Venue) rest(o *order) {
	o.resting = true
	o.status = ordersv1.OrderStatus_ORDER_STATUS_OPEN
	if o.filled > 0 {
		o.status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
	}
	v.settle(o)
	v.queue(o)
}

func (v *Venue) queue(o *order) {
	o.visible = min(o.body.DisplayLots, o.open())
	v.arrivals++
	o.arrival = v.arrivals
	v.emit(&tradesv1.OrderRested{OrderId: o.id, RemainingLots: uint64(o.open()), VisibleLots: uint64(o.shown())})
}

// take trades an order with the other side until something stops it.
func (v *Venue) take(t *order) halt {
	m := v.market(t.market)
	collar := m.reference()
	for {
		if t.budget > 0 && t.budgetLeft == 0 || t.budget == 0 && t.open() == 0 {
			return filled
		}
		against := v.book(t.market, opposite(t.side))
		if len(against) == 0 {
			return dried
		}
		k := against[0]
		limit := t.price
		if t.isMarket() {
			limit = t.body.ProtectionTicks
		}
		if limit > 0 && !reaches(t.side, limit, k.price) {
			return dried
		}
		if t.isMarket() && outside(k.price, collar, m.limits.CollarPpm) {
			return atCollar
		}
		if k.account == t.account && t.body.SelfTrade != ordersv1.SelfTrade_SELF_TRADE_NONE {
			if why, stop := v.preventSelfTrade(t, k, min(t.open(), k.shown())); stop {
				return why
			}
			continue
		}
		lots := min(t.open(), k.shown())
		if t.budget > 0 {
			if lots = v.buyable(t, k.price, k.shown()); lots == 0 {
				return tooDear
			}
		}
		if v.pauses(m, k.price) {
			return paused
		}
		if v.copied && t.side == buy && !times(2).Mul(times(2), plus(m.worth(k.price, lots), times(t.asTaker))).IsInt64() {
			return beyond
		}
		v.cancelOtherLeg(t)
		v.cancelOtherLeg(k)
		v.fill(m, t, k, k.price, lots, false)
		if k.open() == 0 {
			v.end(k, 0)
		} else {
			k.visible -= min(lots, k.visible)
			if k.body.DisplayLots > 0 && k.visible == 0 {
				v.queue(k)
			}
		}
	}
}

// buyable is how many lots at a price the rest of a budget pays for with the fee.
func (v *Venue) buyable(t *order, price, most int64) int64 {
	m := v.market(t.market)
	pays := func(lots int64) bool {
		n := m.worth(price, lots)
		n = plus(n, m.owedFees(t, n, m.terms.TakerFeePpm))
		return n.Cmp(times(t.budgetLeft+t.paid)) <= 0
	}
	low, high := int64(0), most // pays(low) and not pays(high+1)
	for low < high {
		mid := low + (high-low+1)/2
		if pays(mid) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}

// preventSelfTrade does what the taker's rule says where it met an order of its
// own account; true when the taker matches no further.
func (v *Venue) preventSelfTrade(t, k *order, lots int64) (halt, bool) {
	const selfTrade = ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE
	switch t.body.SelfTrade {
	case ordersv1.SelfTrade_SELF_TRADE_CANCEL_MAKER:
		v.end(k, selfTrade)
		return 0, false
	case ordersv1.SelfTrade_SELF_TRADE_CANCEL_BOTH:
		v.end(k, selfTrade)
		return ownCounter, true
	case ordersv1.SelfTrade_SELF_TRADE_DECREMENT:
		if t.budget > 0 {
			return ownCounter, true
		}
		auction := t.resting
		v.decrement(k, lots, auction)
		v.decrement(t, lots, auction)
		return gone, !t.live
	}
	return ownCounter, true
}

// decrement takes lots from an order without a trade.
func (v *Venue) decrement(o *order, lots int64, auction bool) {
	o.quantity -= lots
	if o.open() == 0 {
		v.endWith(o, ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE, lots)
		return
	}
	shown := int64(0)
	if o.resting {
		o.visible -= min(lots, o.visible)
		if auction {
			o.visible = min(o.body.DisplayLots, o.open())
		}
		shown = o.shown()
		v.settle(o)
	}
	v.emit(&tradesv1.OrderDecremented{OrderId: o.id, Lots: uint64(lots), RemainingLots: uint64(o.open()), VisibleLots: uint64(shown)})
	if o.resting && o.body.DisplayLots > 0 && o.visible == 0 {
		v.queue(o)
	}
}

// pauses reports that a trade at this price must not happen, and begins the
// auction that comes instead.
func (v *Venue) pauses(m *market, price int64) bool {
	l := m.limits
	if m.phase != ordersv1.Phase_PHASE_CONTINUOUS || l.PausePpm == 0 || l.PauseMs == 0 {
		return false
	}
	ref := m.pauseRef
	if ref == 0 {
		ref = m.reference()
	}
	if !outside(price, ref, l.PausePpm) {
		return false
	}
	m.phase, m.then = ordersv1.Phase_PHASE_AUCTION, ordersv1.Phase_PHASE_CONTINUOUS
	m.beganMs, m.endsMs = v.now, v.now+l.PauseMs
	return true
}

// fill moves goods and money between taker and maker.
func (v *Venue) fill(m *market, t, k *order, price, lots int64, auction bool) {
	n := small(m.worth(price, lots))
	v.trades++
	m.last = price
	if m.pauseRef == 0 && !auction {
		m.pauseRef = price
	}
	var fees [2]int64
	for i, o := range []*order{k, t} {
		o.filled += lots
		if o == t && !auction {
			o.asTaker += n
		} else {
			o.asMaker += n
		}
		fee := small(m.owedFees(o, times(0), 0)) - o.paid
		o.paid += fee
		fees[i] = fee
		v.fees[m.quote] += fee
		base, quote := purse{o.account, m.base}, purse{o.account, m.quote}
		if o.side == buy {
			v.owned[base] += lots * m.terms.Lot
			v.owned[quote] -= n + fee
			if o.budget > 0 {
				o.budgetLeft -= n + fee
			}
		} else {
			v.owned[base] -= lots * m.terms.Lot
			v.owned[quote] += n - fee
		}
		o.status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
		if o.resting {
			v.settle(o)
		} else {
			spent := lots * m.terms.Lot
			if o.side == buy {
				spent = n + fee
			}
			o.reserve -= spent
			if o.reserve < 0 && !v.copied {
				panic("a fill costs more than was reserved")
			}
		}
		o.fills = append(o.fills[:len(o.fills):len(o.fills)], &ordersv1.Fill{TradeId: v.trades, PriceTicks: uint64(price),
			QuantityLots: uint64(lots), Fee: uint64(fee)})
	}
	v.emit(&tradesv1.Trade{TradeId: v.trades, PriceTicks: uint64(price), QuantityLots: uint64(lots), MakerOrderId: k.id, TakerOrderId: t.id,
		MakerAccount: k.account, TakerAccount: t.account, MakerFee: uint64(fees[0]), TakerFee: uint64(fees[1]), AtMs: uint64(v.now),
		Market: m.id, TakerSide: uint32(t.side), Auction: auction})
}
