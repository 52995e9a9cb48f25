package core

import (
	"fmt"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Audit recomputes what the engine keeps up to date by increments and returns
// the first thing that does not agree: balances against deposits and fees,
// reservations against open orders, levels against their queues, lists against
// counts, digest sums against their elements. It costs a pass over the whole
// state; tests call it after every command, Restore once.
func (e *Engine) Audit() error {
	reserved := make([]int64, len(e.balances))
	for m := range e.markets {
		mk := &e.markets[m]
		if b, a := mk.bids.best(), mk.asks.best(); b != nil && a != nil && b.price >= a.price {
			return fmt.Errorf("market %s is crossed: bid %d, ask %d", mk.symbol, b.price, a.price)
		}
	}
	var orders, fills, balances, deposits sum
	live, err := e.auditBooks(reserved, &orders, &fills)
	if err != nil {
		return err
	}
	dead, prev, died := 0, none, int64(0)
	for i := e.deadHead; i != none; i = e.orders.rows[i].next {
		o := &e.orders.rows[i]
		if o.isLive() || o.prev != prev || o.diedMs < died || o.reserved != 0 {
			return fmt.Errorf("dead order %d: live %t, reserved %d, or out of its list", o.id, o.isLive(), o.reserved)
		}
		if err := e.auditOrder(i, &orders, &fills); err != nil {
			return err
		}
		dead, prev, died = dead+1, i, o.diedMs
	}
	free := 0
	for i := e.orders.free; i != none; i = e.orders.rows[i].next {
		free++
	}
	if live != e.live || dead != e.dead || prev != e.deadTail || live+dead+free != len(e.orders.rows) ||
		len(e.byID) != live+dead || len(e.byClient) != live+dead {
		return fmt.Errorf("order counts: %d live of %d, %d dead of %d, %d free in a slab of %d, %d ids, %d client ids",
			live, e.live, dead, e.dead, free, len(e.orders.rows), len(e.byID), len(e.byClient))
	}
	held := make([]int64, len(e.assets))
	for i := range e.balances {
		b := &e.balances[i]
		if b.available < 0 || b.reserved != reserved[i] {
			return fmt.Errorf("account %d, %s: available %d, reserved %d, by open orders %d",
				e.accounts[b.account].id, e.assets[b.asset].name, b.available, b.reserved, reserved[i])
		}
		held[b.asset] += b.available + b.reserved
		balances.add(hashBalance(e.accounts[b.account].id, b.asset, b.available, b.reserved))
	}
	for i := range e.deposits {
		deposits.add(e.deposits[i].hash())
	}
	for i := range e.assets {
		if a := &e.assets[i]; held[i]+a.fees != a.supply {
			return fmt.Errorf("asset %s: %d held and %d in fees of %d deposited", a.name, held[i], a.fees, a.supply)
		}
	}
	if orders != e.orderSum || fills != e.fillSum || balances != e.balanceSum || deposits != e.depositSum {
		return fmt.Errorf("digest sums: orders %t, fills %t, balances %t, deposits %t",
			orders == e.orderSum, fills == e.fillSum, balances == e.balanceSum, deposits == e.depositSum)
	}
	return e.auditGateways()
}

func (e *Engine) auditBooks(reserved []int64, orders, fills *sum) (live int, err error) {
	for m := range e.markets {
		mk := &e.markets[m]
		for _, l := range [...]*ladder{&mk.bids, &mk.asks} {
			sorted := slices.IsSortedFunc(l.levels, func(x, y level) int {
				if x.price*l.sign < y.price*l.sign {
					return -1
				}
				return 1
			})
			if !sorted {
				return 0, fmt.Errorf("market %s: levels out of order", mk.symbol)
			}
			for k := range l.levels {
				n, err := e.auditLevel(mk, l, &l.levels[k], reserved, orders, fills)
				if err != nil {
					return 0, err
				}
				live += n
			}
		}
	}
	return live, nil
}

func (e *Engine) auditLevel(m *market, l *ladder, lv *level, reserved []int64, orders, fills *sum) (n int, err error) {
	prev, lots, id := none, int64(0), uint64(0)
	for i := lv.head; i != none; i = e.orders.rows[i].next {
		o := &e.orders.rows[i]
		if !o.isLive() || o.price != lv.price || m.side(o) != l || o.prev != prev || o.remaining() <= 0 || o.id <= id {
			return 0, fmt.Errorf("market %s, price %d: order %d does not belong in its queue", m.symbol, lv.price, o.id)
		}
		want := o.remaining() * m.lot
		if o.buys() {
			rest := o.price * o.remaining() * m.unit
			want = rest + m.owed(o).plus(m.maxPPM(), rest).ceil() - o.feePaid
		}
		if o.reserved != want {
			return 0, fmt.Errorf("order %d reserves %d, its rest can cost %d", o.id, o.reserved, want)
		}
		reserved[e.balanceOf(o.acct, m.spends(o))] += o.reserved
		if err := e.auditOrder(i, orders, fills); err != nil {
			return 0, err
		}
		n, prev, lots, id = n+1, i, lots+o.remaining(), o.id
	}
	if n == 0 || lv.tail != prev || lv.lots != lots {
		return 0, fmt.Errorf("market %s, price %d: %d orders of %d lots, recorded %d", m.symbol, lv.price, n, lots, lv.lots)
	}
	return n, nil
}

// auditOrder checks an order against the indexes and its fills, and adds it up.
func (e *Engine) auditOrder(i int32, orders, fills *sum) error {
	o := &e.orders.rows[i]
	if e.byID[o.id] != i || e.byClient[clientKey{o.account, e.orders.clientIDs[i]}] != i {
		return fmt.Errorf("order %d is not found by its ids", o.id)
	}
	full := o.status == uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	if o.status != uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED) && (o.filled > o.quantity || full != (o.remaining() == 0)) {
		return fmt.Errorf("order %d: %d of %d filled in status %d", o.id, o.filled, o.quantity, o.status)
	}
	orders.add(o.hash())
	kept := uint8(0)
	for f := o.fills; f != none; f = e.fillSlab[f].next {
		fills.add(e.fillSlab[f].hash(o.id))
		kept++
	}
	if kept != o.kept {
		return fmt.Errorf("order %d keeps %d fills, recorded %d", o.id, kept, o.kept)
	}
	return nil
}

func (e *Engine) auditGateways() error {
	n, s, prev := 0, sum{}, none
	for i := e.gateways.head; i != none; i = e.gateways.slab[i].next {
		g := &e.gateways.slab[i]
		if g.prev != prev || e.gateways.index[g.name] != i {
			return fmt.Errorf("gateway %s is out of its list", g.name)
		}
		s.add(g.hash())
		n, prev = n+1, i
	}
	if n != len(e.gateways.index) || s != e.gateways.sum || prev != e.gateways.tail {
		return fmt.Errorf("gateways: %d listed, %d indexed", n, len(e.gateways.index))
	}
	return nil
}
