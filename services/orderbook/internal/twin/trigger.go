package twin

import (
	"cmp"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// due reports that the last price has reached the order's trigger.
func (o *order) due(last int64) bool {
	if last == 0 || o.trigger == 0 {
		return false
	}
	if o.rises() {
		return last >= o.trigger
	}
	return last <= o.trigger
}

// afterMatch moves what trails a market's last price and triggers what is due,
// one order at a time, until nothing is or the bound is reached.
func (v *Venue) afterMatch(m *market) {
	if m == nil {
		return
	}
	for {
		if !v.follow(m) {
			return
		}
		var due []*order
		for _, o := range v.orders {
			if o.live && o.waiting && o.market == m.id && o.due(m.last) {
				due = append(due, o)
			}
		}
		if m.phase != ordersv1.Phase_PHASE_CONTINUOUS || len(due) == 0 || v.units == 0 {
			return
		}
		v.units--
		v.activate(slices.MinFunc(due, func(a, b *order) int {
			switch {
			case a.rises() != b.rises():
				if a.rises() {
					return -1
				}
				return 1
			case a.rises():
				return cmp.Or(cmp.Compare(a.trigger, b.trigger), cmp.Compare(a.id, b.id))
			}
			return cmp.Or(cmp.Compare(b.trigger, a.trigger), cmp.Compare(a.id, b.id))
		}))
	}
}

// activate makes a waiting order act.
func (v *Venue) activate(o *order) {
	m := v.market(o.market)
	o.waiting, o.status = false, ordersv1.OrderStatus_ORDER_STATUS_OPEN
	v.emit(&tradesv1.OrderTriggered{OrderId: o.id, AtMs: uint64(v.now), LastTicks: uint64(m.last)})
	v.cancelOtherLeg(o)
	if !o.isMarket() && outside(o.price, m.reference(), m.limits.CollarPpm) || o.body.PostOnly && v.wouldTake(o, o.price) {
		v.end(o, ordersv1.CancelReason_CANCEL_REASON_NOT_PLACED)
		return
	}
	v.match(o)
}

// massCancel is a CancelAll, a dead-man or a delisting that is not done.
type massCancel struct {
	account    uint64
	market     uint32
	side       ordersv1.Side
	reason     ordersv1.CancelReason
	after      uint64 // canceled up to here
	last       uint64 // younger orders stay
	skipHalted bool
}

// sweep cancels in order of id within the bound, and keeps what is left for
// later. It returns how many were canceled.
func (v *Venue) sweep(c massCancel) (n uint32) {
	for _, id := range v.LiveOf(c.account) {
		o := v.find(id)
		if id <= c.after || id > c.last || o == nil || !o.live || c.market != 0 && o.market != c.market || c.side != 0 && o.side != c.side ||
			c.skipHalted && v.market(o.market).phase == ordersv1.Phase_PHASE_HALTED {
			continue
		}
		if v.units == 0 {
			v.massMoved = true
			v.mass = append(v.mass, c)
			return n
		}
		v.units--
		v.end(o, c.reason)
		c.after = id
		n++
	}
	return n
}

// goOn continues what earlier commands left.
func (v *Venue) goOn() {
	left := v.mass
	v.mass = nil
	moved := v.massMoved
	for _, c := range left {
		before := len(v.mass)
		v.sweep(c)
		moved = moved || len(v.mass) == before || v.mass[before] != c
	}
	v.massMoved = moved
	for _, m := range v.markets {
		v.afterMatch(m)
	}
}

// emitWorkLeft tells what is put off.
func (v *Venue) emitWorkLeft() {
	e := &tradesv1.WorkLeft{Chases: v.chases}
	for _, c := range v.mass {
		e.MassCancels = append(e.MassCancels, &tradesv1.MassCancel{Account: c.account, Market: c.market, Side: c.side, Reason: c.reason,
			AfterOrderId: c.after, LastOrderId: c.last})
	}
	v.emit(e)
}

func (v *Venue) cancelAll(c *ordersv1.CancelAll) {
	if r := v.barred("api", "admin"); r != ok {
		v.refuse(c.GetAccount(), 0, r)
		return
	}
	admin := v.from == "admin"
	m := v.market(c.GetMarket())
	switch {
	case !admin && c.GetAccount() == 0:
		v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT)
	case !admin && v.stale():
		v.refuse(c.Account, 0, ordersv1.RejectReason_REJECT_REASON_STALE)
	case c.GetSide() < 0, c.GetSide() > sell:
		v.refuse(c.Account, 0, badCommand)
	case c.GetMarket() != 0 && m == nil:
		v.refuse(c.Account, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET)
	case !admin && m != nil && m.phase == ordersv1.Phase_PHASE_HALTED:
		v.refuse(c.Account, 0, ordersv1.RejectReason_REJECT_REASON_PHASE)
	default:
		why := ordersv1.CancelReason_CANCEL_REASON_REQUESTED
		if admin {
			why = ordersv1.CancelReason_CANCEL_REASON_BY_ADMIN
		}
		n := v.sweep(massCancel{account: c.GetAccount(), market: c.GetMarket(), side: c.GetSide(), reason: why, last: v.lastID, skipHalted: !admin})
		v.reply = append(v.reply, &ordersv1.Outcome{Canceled: n})
	}
}

const dayMs = 86_400_000

func (v *Venue) keepAlive(c *ordersv1.KeepAlive) {
	r := v.barred("api")
	switch {
	case r != ok:
	case !v.accounts[c.GetAccount()]:
		r = ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT
		if c.GetAccount() != 0 && v.stale() {
			r = ordersv1.RejectReason_REJECT_REASON_STALE
		}
	case v.stale():
		r = ordersv1.RejectReason_REJECT_REASON_STALE
	case c.TimeoutMs < 0, c.TimeoutMs > 366*dayMs:
		r = ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY
	}
	if r != ok {
		v.refuse(c.GetAccount(), 0, r)
		return
	}
	deadline := int64(0)
	delete(v.deadman, c.Account)
	if c.TimeoutMs > 0 {
		deadline = v.now + c.TimeoutMs
		v.deadman[c.Account] = deadline
	}
	v.emit(&tradesv1.KeptAlive{Account: c.Account, DeadlineMs: deadline})
	v.done()
}

// fireDue does what the time has come for, in order of (deadline, kind, id).
func (v *Venue) fireDue() {
	type alarm struct {
		deadline int64
		kind     int
		id       uint64
	}
	for {
		var due []alarm
		for _, o := range v.orders {
			if o.live && o.expires != 0 && o.expires <= v.now {
				due = append(due, alarm{o.expires, 0, o.id})
			}
		}
		for account, deadline := range v.deadman {
			if deadline <= v.now {
				due = append(due, alarm{deadline, 1, account})
			}
		}
		for _, m := range v.markets {
			if m.phase == ordersv1.Phase_PHASE_AUCTION && m.endsMs != 0 && m.endsMs <= v.now {
				due = append(due, alarm{m.endsMs, 2, uint64(m.id)})
			}
		}
		if len(due) == 0 {
			return
		}
		a := slices.MinFunc(due, func(a, b alarm) int {
			return cmp.Or(cmp.Compare(a.deadline, b.deadline), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
		})
		switch a.kind {
		case 0:
			v.end(v.find(a.id), ordersv1.CancelReason_CANCEL_REASON_EXPIRED)
		case 1:
			delete(v.deadman, a.id)
			v.emit(&tradesv1.KeptAlive{Account: a.id})
			v.sweep(massCancel{account: a.id, reason: ordersv1.CancelReason_CANCEL_REASON_DEAD_MAN, last: v.lastID})
		case 2:
			m := v.market(uint32(a.id))
			v.enter(m, m.then, 0, 0)
			v.afterMatch(m)
		}
	}
}
