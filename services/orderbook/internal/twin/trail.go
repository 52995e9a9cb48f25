package twin

import (
	"cmp"
	"math"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

// trail is where a trailing stop's trigger stands after a last price, and
// whether that is another place than now.
func (o *order) trail(last int64) (int64, bool) {
	to := last - o.body.TrailTicks
	if o.side == buy {
		if o.body.TrailTicks > math.MaxInt64-last {
			return o.trigger, false
		}
		to = last + o.body.TrailTicks
	}
	if last == 0 || to < 1 || o.trigger != 0 && (to >= o.trigger) == (o.side == buy) || to == o.trigger {
		return o.trigger, false
	}
	return to, true
}

// trailing lists the waiting trailing stops of a market that are on a side, any
// when it is 0, by id.
func (v *Venue) trailing(m *market, side ordersv1.Side) (all []*order) {
	for _, o := range v.orders {
		if o.live && o.waiting && o.market == m.id && o.body.Type == ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP && (side == 0 || o.side == side) {
			all = append(all, o)
		}
	}
	return all
}

// follow moves what trails a market's last price; false when the bound left some.
func (v *Venue) follow(m *market) bool {
	if v.semantics < 3 {
		for _, o := range v.trailing(m, 0) {
			if to, moves := o.trail(m.last); moves {
				v.move(o, to)
			}
		}
		return true
	}
	done := v.followOn(m, sell)
	return v.followOn(m, buy) && done
}

func (v *Venue) move(o *order, to int64) {
	o.trigger, o.owed = to, 0
	v.emit(&tradesv1.TriggerMoved{OrderId: o.id, TriggerTicks: uint64(to)})
}

// followOn lets a side of a market follow, a unit of work each.
func (v *Venue) followOn(m *market, side ordersv1.Side) bool {
	better := func(a, b int64) bool { return a != b && (a > b) == (side == sell) }
	news := false
	for _, o := range v.trailing(m, side) {
		if _, moves := o.trail(m.last); moves && (o.owed == 0 || better(m.last, o.owed)) {
			o.owed, news = m.last, true
		}
	}
	mine := func(c *tradesv1.Chase) bool { return c.Market == m.id && c.Side == side }
	if news {
		v.chases = slices.DeleteFunc(slices.Clone(v.chases), func(c *tradesv1.Chase) bool { return mine(c) && !better(c.LastTicks, m.last) })
		v.chases = append(v.chases, &tradesv1.Chase{Market: m.id, Side: side, LastTicks: m.last, LastOrderId: v.lastID})
		slices.SortStableFunc(v.chases, func(a, b *tradesv1.Chase) int {
			return cmp.Or(cmp.Compare(a.Market, b.Market), -cmp.Compare(a.Side, b.Side))
		})
	}
	owing := slices.DeleteFunc(v.trailing(m, side), func(o *order) bool { return o.owed == 0 })
	slices.SortFunc(owing, func(a, b *order) int {
		if c := cmp.Compare(a.owed, b.owed); c != 0 {
			if side == sell {
				return -c
			}
			return c
		}
		return cmp.Or(cmp.Compare(a.moves(), b.moves()), cmp.Compare(a.id, b.id))
	})
	for len(owing) > 0 && v.units > 0 {
		to, _ := owing[0].trail(owing[0].owed)
		v.units--
		v.move(owing[0], to)
		owing = owing[1:]
	}
	v.chases = slices.DeleteFunc(slices.Clone(v.chases), func(c *tradesv1.Chase) bool {
		return mine(c) && (len(owing) == 0 || better(c.LastTicks, owing[0].owed))
	})
	return len(owing) == 0
}

// moves is beyond which price a trailing stop moves, the nearest to move first.
func (o *order) moves() int64 {
	switch {
	case o.side == sell && o.trigger > math.MaxInt64-o.body.TrailTicks:
		return math.MaxInt64
	case o.side == sell:
		return o.trigger + o.body.TrailTicks
	case o.trigger == 0:
		return -(math.MaxInt64 - o.body.TrailTicks + 1)
	}
	return -(o.trigger - o.body.TrailTicks)
}

// sameChases compares what two packs left.
func sameChases(a, b []*tradesv1.Chase) bool {
	return slices.EqualFunc(a, b, func(x, y *tradesv1.Chase) bool { return proto.Equal(x, y) })
}
