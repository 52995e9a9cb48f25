package twin

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// own is what cancels and amends begin with: who may name an order, and which.
func (v *Venue) own(account, id uint64, clientID string, ref uint64) (*order, ordersv1.RejectReason) {
	if r := v.barred("api"); r != ok {
		return nil, r
	}
	if account == 0 {
		return nil, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT
	}
	names := 0
	for _, given := range []bool{id != 0, clientID != "", ref != 0} {
		if given {
			names++
		}
	}
	if names != 1 || clientID != "" && !printable(clientID, 64) {
		return nil, badCommand
	}
	if v.stale() {
		return nil, ordersv1.RejectReason_REJECT_REASON_STALE
	}
	o := v.find(id)
	if id == 0 {
		o = v.named(account, clientID, ref)
	}
	switch {
	case o == nil || o.account != account:
		return nil, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER
	case !o.live:
		return o, ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE
	case v.market(o.market).phase == ordersv1.Phase_PHASE_HALTED:
		return o, ordersv1.RejectReason_REJECT_REASON_PHASE
	}
	return o, ok
}

// refuseOwn refuses a command about an order, which it shows when it was found.
func (v *Venue) refuseOwn(account, id uint64, o *order, r ordersv1.RejectReason) {
	if o != nil {
		id = o.id
	}
	v.refuse(account, id, r)
	if o != nil {
		out := v.outcome(o)
		out.Reject, out.Fills = r, nil
		v.reply[len(v.reply)-1] = out
	}
}

func (v *Venue) cancelOne(c *ordersv1.CancelOrder) {
	o, r := v.own(c.GetAccount(), c.GetOrderId(), c.GetClientOrderId(), c.GetClientRef())
	if r != ok {
		v.refuseOwn(c.GetAccount(), c.GetOrderId(), o, r)
		return
	}
	o.fills = nil
	v.end(o, ordersv1.CancelReason_CANCEL_REASON_REQUESTED)
	v.reply = append(v.reply, v.outcome(o))
}

func (v *Venue) amend(c *ordersv1.AmendOrder) {
	o, r := v.own(c.GetAccount(), c.GetOrderId(), c.GetClientOrderId(), c.GetClientRef())
	if r != ok {
		v.refuseOwn(c.GetAccount(), c.GetOrderId(), o, r)
		return
	}
	price, quantity := c.PriceTicks, c.QuantityLots
	if price == 0 {
		price = o.price
	}
	if quantity == 0 {
		quantity = o.quantity
	}
	keeps := o.waiting || price == o.price && quantity <= o.quantity
	if r := v.judgeAmend(o, c, price, quantity, keeps); r != ok {
		v.refuseOwn(c.Account, 0, o, r)
		return
	}
	o.fills = nil
	o.price, o.quantity = price, quantity
	o.visible = min(o.visible, o.open())
	shown := int64(0)
	if !keeps {
		o.resting = false
	} else if o.resting {
		shown = o.shown()
	}
	v.settle(o)
	v.emit(&tradesv1.OrderAmended{OrderId: o.id, PriceTicks: uint64(o.price), QuantityLots: uint64(o.quantity), RemainingLots: uint64(o.open()),
		VisibleLots: uint64(shown), Reserved: uint64(o.reserve), AtMs: uint64(v.now), KeptPlace: keeps})
	if !keeps {
		v.match(o)
	}
	v.afterMatch(v.market(o.market))
	v.reply = append(v.reply, v.outcome(o))
}

func (v *Venue) judgeAmend(o *order, c *ordersv1.AmendOrder, price, quantity int64, keeps bool) ordersv1.RejectReason {
	m := v.market(o.market)
	switch {
	case c.Malformed < 0 || c.Malformed > ordersv1.RejectReason_REJECT_REASON_BAD_VERSION:
		return badCommand
	case c.Malformed != 0:
		return c.Malformed
	case m.phase == ordersv1.Phase_PHASE_CANCEL_ONLY:
		return ordersv1.RejectReason_REJECT_REASON_PHASE
	case m.phase == ordersv1.Phase_PHASE_DELISTED:
		return ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
	case c.PriceTicks < 0, o.isMarket() && c.PriceTicks != 0:
		return ordersv1.RejectReason_REJECT_REASON_BAD_PRICE
	case o.budget > 0 && c.QuantityLots != 0, o.budget == 0 && quantity <= o.filled:
		return ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY
	}
	if r := v.withinLimits(o, price, quantity); r != ok {
		return r
	}
	if !keeps && (o.body.PostOnly || m.phase == ordersv1.Phase_PHASE_POST_ONLY) && v.wouldTake(o, price) {
		return ordersv1.RejectReason_REJECT_REASON_WOULD_TAKE
	}
	after := *o
	after.price, after.quantity = price, quantity
	need, free := v.need(&after), v.available(purse{o.account, m.spends(o.side)})+o.reserve
	if leg := v.find(o.other); o.other != 0 && leg != nil {
		free += leg.reserve
		if other := v.need(leg); other.Cmp(need) > 0 {
			need = other
		}
	}
	if !need.IsInt64() || need.Int64() > free {
		return ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE
	}
	return ok
}

func (v *Venue) replace(c *ordersv1.ReplaceOrder) {
	n, old := c.GetNewOrder(), c.GetCancel()
	if r := v.early(n); r != ok {
		v.turnAway(n, r, true)
		return
	}
	if v.alreadyNamed(n) {
		return
	}
	if r := v.screen(n); r != ok {
		v.turnAway(n, r, true)
		return
	}
	if old.GetAccount() != n.Account {
		v.refuse(old.GetAccount(), old.GetOrderId(), badCommand)
		return
	}
	o, r := v.own(old.Account, old.OrderId, old.ClientOrderId, old.ClientRef)
	if r != ok {
		v.refuseOwn(old.Account, old.OrderId, o, r)
		return
	}
	without := v.copy()
	without.end(without.find(o.id), ordersv1.CancelReason_CANCEL_REASON_REPLACED)
	if r := without.judge(without.draft(n), false); r != ok {
		v.turnAway(n, r, false)
		return
	}
	v.end(o, ordersv1.CancelReason_CANCEL_REASON_REPLACED)
	v.newOrder(n)
}

func (v *Venue) newPair(c *ordersv1.NewPair) {
	legs := [2]*ordersv1.NewOrder{c.GetFirst(), c.GetSecond()}
	turnAway := func(r ordersv1.RejectReason, forget bool) {
		first := v.rejected(legs[0], r, forget)
		second := v.rejected(legs[1], r, forget)
		out := v.outcome(first)
		out.SecondOrderId = second.id
		v.reply = append(v.reply, out)
	}
	a, b := legs[0], legs[1]
	if r := v.barred("api"); r != ok {
		turnAway(r, true)
		return
	}
	alike := a.GetClientOrderId() != "" && a.GetClientOrderId() == b.GetClientOrderId() || a.GetClientRef() != 0 && a.GetClientRef() == b.GetClientRef()
	if alike || a.GetAccount() != b.GetAccount() || a.GetMarket() != b.GetMarket() || a.GetSide() != b.GetSide() {
		turnAway(badCommand, true)
		return
	}
	for _, l := range legs {
		if r := v.early(l); r != ok {
			turnAway(r, true)
			return
		}
	}
	old := [2]*order{v.named(a.Account, a.ClientOrderId, a.ClientRef), v.named(b.Account, b.ClientOrderId, b.ClientRef)}
	for i, o := range old {
		if o != nil && legs[i].ClientRef != 0 {
			turnAway(ordersv1.RejectReason_REJECT_REASON_DUPLICATE, true)
			return
		}
	}
	if old[0] != nil || old[1] != nil {
		if old[0] != nil && old[1] != nil && sameContent(old[0].body, a) && sameContent(old[1].body, b) {
			v.repeat(old[0])
			v.reply[len(v.reply)-1].SecondOrderId = old[1].id
			return
		}
		known := old[0]
		if known == nil {
			known = old[1]
		}
		v.refuse(a.Account, known.id, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
		return
	}
	for _, l := range legs {
		r := v.screen(l)
		if r == ok && !waitsFirst(l.Type) && (l.Type != ordersv1.OrderType_ORDER_TYPE_LIMIT || !lasting(l.TimeInForce)) {
			r = badCommand
		}
		if r != ok {
			turnAway(r, true)
			return
		}
	}
	o, p := v.draft(a), v.draft(b)
	for _, l := range []*order{o, p} {
		if r := v.judge(l, true); r != ok {
			turnAway(r, false)
			return
		}
	}
	if v.actsAtOnce(o) && v.actsAtOnce(p) {
		turnAway(ordersv1.RejectReason_REJECT_REASON_BAD_TRIGGER, false)
		return
	}
	if !v.affordable(o) || !v.affordable(p) {
		turnAway(ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE, false)
		return
	}
	o.id, p.id = v.lastID+1, v.lastID+2
	v.lastID += 2
	o.other, p.other = p.id, o.id
	v.accept(o, max(v.need(o).Int64(), v.need(p).Int64()))
	v.accept(p, 0)
	v.run(o)
	if p.live {
		v.run(p)
	}
	v.afterMatch(v.market(o.market))
	out := v.outcome(o)
	out.SecondOrderId = p.id
	v.reply = append(v.reply, out)
}

// actsAtOnce reports a leg that would trade or trigger on acceptance.
func (v *Venue) actsAtOnce(o *order) bool {
	m := v.market(o.market)
	if m.phase != ordersv1.Phase_PHASE_CONTINUOUS {
		return false
	}
	if waitsFirst(o.body.Type) {
		return o.due(m.last)
	}
	return v.wouldTake(o, o.price)
}
