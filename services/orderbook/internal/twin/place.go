package twin

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

// newOrder is the whole way of a new order.
func (v *Venue) newOrder(c *ordersv1.NewOrder) {
	if r := v.early(c); r != ok {
		v.turnAway(c, r, true)
		return
	}
	if v.alreadyNamed(c) {
		return
	}
	if r := v.screen(c); r != ok {
		v.turnAway(c, r, true)
		return
	}
	o := v.draft(c)
	if r := v.judge(o, false); r != ok {
		v.turnAway(c, r, false)
		return
	}
	v.lastID++
	o.id = v.lastID
	v.accept(o, v.need(o).Int64())
	v.run(o)
	v.afterMatch(v.market(o.market))
	v.reply = append(v.reply, v.outcome(o))
}

// early is check 1 as far as it comes before the client's names.
func (v *Venue) early(c *ordersv1.NewOrder) ordersv1.RejectReason {
	if r := v.barred("api"); r != ok {
		return r
	}
	if c.GetAccount() == 0 {
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT
	}
	if (c.ClientOrderId == "") == (c.ClientRef == 0) || c.ClientOrderId != "" && !printable(c.ClientOrderId, 64) {
		return badCommand
	}
	return ok
}

// alreadyNamed answers an order whose name is taken.
func (v *Venue) alreadyNamed(c *ordersv1.NewOrder) bool {
	old := v.named(c.Account, c.ClientOrderId, c.ClientRef)
	switch {
	case old == nil:
		return false
	case c.ClientRef != 0:
		v.turnAway(c, ordersv1.RejectReason_REJECT_REASON_DUPLICATE, true)
	case !sameContent(old.body, c):
		v.refuse(c.Account, old.id, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
	default:
		v.repeat(old)
	}
	return true
}

// sameContent compares what was asked for, but for where a trailing stop was to
// begin, which no event tells.
func sameContent(a, b *ordersv1.NewOrder) bool {
	a, b = proto.Clone(a).(*ordersv1.NewOrder), proto.Clone(b).(*ordersv1.NewOrder)
	for _, o := range []*ordersv1.NewOrder{a, b} {
		if o.Type == ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP {
			o.TriggerTicks = 0
		}
	}
	return proto.Equal(a, b)
}

func (v *Venue) repeat(o *order) {
	out := v.outcome(o)
	out.Fills, out.RepeatedId = nil, true
	v.reply = append(v.reply, out)
}

// screen is the rest of check 1.
func (v *Venue) screen(c *ordersv1.NewOrder) ordersv1.RejectReason {
	if v.stale() {
		return ordersv1.RejectReason_REJECT_REASON_STALE
	}
	if !meaningful(c) {
		return badCommand
	}
	if v.market(c.Market) == nil {
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
	}
	return ok
}

// meaningful reports that every enum is known and every field one that the
// type takes, as far as no reject of its own names it.
func meaningful(c *ordersv1.NewOrder) bool {
	if c.Side != buy && c.Side != sell || c.SelfTrade < 0 || c.SelfTrade > ordersv1.SelfTrade_SELF_TRADE_DECREMENT ||
		c.Malformed < 0 || c.Malformed > ordersv1.RejectReason_REJECT_REASON_BAD_VERSION ||
		c.Type <= 0 || c.Type > ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP {
		return false
	}
	switch tif := c.TimeInForce; tif {
	case ordersv1.TimeInForce_TIME_IN_FORCE_IOC, ordersv1.TimeInForce_TIME_IN_FORCE_FOK:
	case ordersv1.TimeInForce_TIME_IN_FORCE_UNSPECIFIED:
		if !isMarketType(c.Type) {
			return false
		}
	default:
		if !lasting(tif) || isMarketType(c.Type) {
			return false
		}
	}
	switch {
	case c.PostOnly && (isMarketType(c.Type) || !lasting(c.TimeInForce)),
		c.ExpiresAtMs != 0 && c.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_GTD,
		c.MinLots != 0 && c.Type != ordersv1.OrderType_ORDER_TYPE_LIMIT && c.Type != ordersv1.OrderType_ORDER_TYPE_MARKET:
		return false
	}
	return true
}

// draft is an order that is not in the venue yet.
func (v *Venue) draft(c *ordersv1.NewOrder) *order {
	o := &order{body: c, account: c.Account, market: c.Market, side: c.Side, price: c.PriceTicks, quantity: c.QuantityLots,
		budget: c.QuoteBudget, budgetLeft: c.QuoteBudget, trigger: c.TriggerTicks, status: ordersv1.OrderStatus_ORDER_STATUS_OPEN}
	m := v.market(c.Market)
	if c.Type == ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP {
		o.trigger, _ = o.trail(m.last)
	}
	switch c.TimeInForce {
	case ordersv1.TimeInForce_TIME_IN_FORCE_GTD:
		o.expires = c.ExpiresAtMs
	case ordersv1.TimeInForce_TIME_IN_FORCE_DAY:
		o.expires = v.now - v.now%86_400_000 + m.terms.DayEndsMs
		if o.expires <= v.now {
			o.expires += 86_400_000
		}
	}
	return o
}

// judge is checks 3 to 16 of a new order. A leg of a pair leaves the balance to
// the pair.
func (v *Venue) judge(o *order, leg bool) ordersv1.RejectReason {
	c, m := o.body, v.market(o.market)
	if c.Malformed != 0 {
		return c.Malformed
	}
	waits := waitsFirst(c.Type)
	limited := !isMarketType(c.Type)
	switch m.phase {
	case ordersv1.Phase_PHASE_DELISTED:
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
	case ordersv1.Phase_PHASE_HALTED, ordersv1.Phase_PHASE_CANCEL_ONLY:
		return ordersv1.RejectReason_REJECT_REASON_PHASE
	case ordersv1.Phase_PHASE_AUCTION:
		if !waits && (!limited || !lasting(c.TimeInForce) || c.PostOnly || c.MinLots != 0) {
			return ordersv1.RejectReason_REJECT_REASON_PHASE
		}
	case ordersv1.Phase_PHASE_POST_ONLY:
		if !waits && (!limited || !lasting(c.TimeInForce)) {
			return ordersv1.RejectReason_REJECT_REASON_PHASE
		}
	}
	if limited && (c.PriceTicks <= 0 || c.ProtectionTicks != 0) || !limited && (c.PriceTicks != 0 || c.ProtectionTicks < 0) {
		return ordersv1.RejectReason_REJECT_REASON_BAD_PRICE
	}
	switch {
	case c.QuoteBudget == 0:
		if c.QuantityLots <= 0 {
			return ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
		}
	case c.QuoteBudget < 0, limited, c.Side == sell, c.QuantityLots != 0:
		return ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if c.Type == ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP {
		if c.TrailTicks <= 0 || c.TriggerTicks < 0 {
			return ordersv1.RejectReason_REJECT_REASON_BAD_TRIGGER
		}
	} else if c.TrailTicks != 0 || waits && c.TriggerTicks <= 0 || !waits && c.TriggerTicks != 0 {
		return ordersv1.RejectReason_REJECT_REASON_BAD_TRIGGER
	}
	if waits && !limited && c.Side == buy && c.QuoteBudget == 0 && c.ProtectionTicks == 0 {
		return ordersv1.RejectReason_REJECT_REASON_UNPROTECTED
	}
	if c.DisplayLots < 0 || c.DisplayLots > c.QuantityLots || c.DisplayLots != 0 && (!limited || !lasting(c.TimeInForce)) {
		return ordersv1.RejectReason_REJECT_REASON_BAD_DISPLAY
	}
	if c.MinLots < 0 || c.MinLots > c.QuantityLots {
		return ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if c.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_GTD && c.ExpiresAtMs <= v.now {
		return ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY
	}
	if r := v.withinLimits(o, o.price, o.quantity); r != ok {
		return r
	}
	if m.terms.OneSide {
		for _, x := range v.orders {
			if x.live && x.account == o.account && x.market == o.market && x.side != o.side {
				return ordersv1.RejectReason_REJECT_REASON_ONE_SIDE
			}
		}
	}
	if !waits && (c.PostOnly || m.phase == ordersv1.Phase_PHASE_POST_ONLY) && v.wouldTake(o, o.price) {
		return ordersv1.RejectReason_REJECT_REASON_WOULD_TAKE
	}
	if !leg && !v.affordable(o) {
		return ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE
	}
	return ok
}

func (v *Venue) affordable(o *order) bool {
	need := v.need(o)
	return need.IsInt64() && need.Int64() <= v.available(purse{o.account, v.market(o.market).spends(o.side)})
}

// withinLimits is checks 11 to 13.
func (v *Venue) withinLimits(o *order, price, quantity int64) ordersv1.RejectReason {
	m, c := v.market(o.market), o.body
	l := m.limits
	if o.budget == 0 {
		if quantity < l.MinLots {
			return ordersv1.RejectReason_REJECT_REASON_BELOW_MINIMUM
		}
		if l.MaxLots > 0 && quantity > l.MaxLots {
			return ordersv1.RejectReason_REJECT_REASON_ABOVE_MAXIMUM
		}
	}
	n := times(0)
	known := true
	switch {
	case price > 0:
		n = m.worth(price, quantity)
	case o.budget > 0:
		n = times(o.budget)
	case c.ProtectionTicks > 0:
		n = m.worth(c.ProtectionTicks, quantity)
	default:
		known = false
	}
	if known && l.MinNotional > 0 && n.Cmp(times(l.MinNotional)) < 0 {
		return ordersv1.RejectReason_REJECT_REASON_BELOW_MINIMUM
	}
	if known && l.MaxNotional > 0 && n.Cmp(times(l.MaxNotional)) > 0 {
		return ordersv1.RejectReason_REJECT_REASON_ABOVE_MAXIMUM
	}
	if !times(quantity, m.terms.Lot).IsInt64() || !n.IsInt64() && (price > 0 || o.side == buy) {
		return ordersv1.RejectReason_REJECT_REASON_OVERFLOW
	}
	if price > 0 && outside(price, m.reference(), l.CollarPpm) {
		return ordersv1.RejectReason_REJECT_REASON_OUTSIDE_COLLAR
	}
	return ok
}

// wouldTake reports a limit price that crosses the book in a market that
// matches at once.
func (v *Venue) wouldTake(o *order, price int64) bool {
	if p := v.market(o.market).phase; p != ordersv1.Phase_PHASE_CONTINUOUS && p != ordersv1.Phase_PHASE_POST_ONLY {
		return false
	}
	against := v.book(o.market, opposite(o.side))
	return len(against) > 0 && reaches(o.side, price, against[0].price)
}

func opposite(s ordersv1.Side) ordersv1.Side {
	if s == buy {
		return sell
	}
	return buy
}

// reaches reports that an order of a side with this limit takes a price.
func reaches(side ordersv1.Side, limit, price int64) bool {
	if side == buy {
		return price <= limit
	}
	return price >= limit
}

// turnAway refuses a new order; it gets an id all the same.
func (v *Venue) turnAway(c *ordersv1.NewOrder, r ordersv1.RejectReason, forget bool) {
	v.reply = append(v.reply, v.outcome(v.rejected(c, r, forget)))
}

func (v *Venue) rejected(c *ordersv1.NewOrder, r ordersv1.RejectReason, forget bool) *order {
	v.lastID++
	if c == nil {
		c = &ordersv1.NewOrder{}
	}
	shown := proto.Clone(c).(*ordersv1.NewOrder)
	if !printable(c.ClientOrderId, 64) {
		shown.ClientOrderId = ""
	}
	v.emit(&tradesv1.OrderRejected{OrderId: v.lastID, Order: shown, Reason: r, AtMs: v.now, Forgotten: forget})
	o := &order{id: v.lastID, body: c, account: c.Account, market: c.Market, reject: r, status: ordersv1.OrderStatus_ORDER_STATUS_REJECTED}
	if !forget {
		v.orders = append(v.orders, o)
		v.bury(o)
	}
	return o
}

// accept takes an order with its id in and says so.
func (v *Venue) accept(o *order, reserve int64) {
	c := o.body
	o.live, o.reserve = true, reserve
	v.orders = append(v.orders, o)
	e := &tradesv1.OrderAccepted{OrderId: o.id, Account: o.account, PriceTicks: uint64(o.price), QuantityLots: uint64(o.quantity),
		Reserved: uint64(reserve), Market: o.market, AtMs: uint64(v.now), ClientRef: c.ClientRef, ClientOrderId: c.ClientOrderId,
		Kind: uint32(c.Side) | uint32(c.Type)<<8 | uint32(c.TimeInForce)<<16 | uint32(c.SelfTrade)<<24}
	terms := &tradesv1.OrderTerms{QuoteBudget: c.QuoteBudget, ProtectionTicks: c.ProtectionTicks, TriggerTicks: o.trigger,
		TrailTicks: c.TrailTicks, DisplayLots: c.DisplayLots, MinLots: c.MinLots, PostOnly: c.PostOnly, ExpiresAtMs: o.expires}
	if o.other != 0 && o.other < o.id {
		terms.OtherLeg = o.other
	}
	if proto.Size(terms) > 0 {
		e.Terms = terms
	}
	v.emit(e)
}

// run is what an accepted order does first: wait, be collected, or match.
func (v *Venue) run(o *order) {
	if waitsFirst(o.body.Type) {
		o.waiting, o.status = true, ordersv1.OrderStatus_ORDER_STATUS_WAITING
		return
	}
	v.match(o)
}
