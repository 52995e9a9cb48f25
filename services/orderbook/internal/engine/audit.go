package engine

import (
	"errors"
	"fmt"
)

// Audit recomputes what the engine keeps up to date by increments and returns
// the first thing that does not agree: balances against funds and fees,
// reservations against open orders, levels against their queues, bitmaps
// against levels, lists against counts, indexes against slabs, digest sums
// against their elements. It costs a pass over the whole state; tests call it
// after every command, Restore once.
func (e *Engine) Audit() error {
	for _, check := range [...]func() error{e.auditOrders, e.auditBooks, e.auditAccounts, e.auditMoney, e.auditIndexes, e.auditLate, e.auditDigest, e.auditGateways} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// auditOrders counts the slab and checks each order by itself.
func (e *Engine) auditOrders() error {
	free, live, dead := 0, 0, 0
	for i := e.freeOrder; i != 0; i = e.orders[i].next {
		if e.orders[i].id != 0 {
			return fmt.Errorf("slot %d is free and holds order %d", i, e.orders[i].id)
		}
		free++
	}
	for k := 1; k < len(e.orders); k++ {
		o := &e.orders[k]
		switch {
		case o.id == 0:
		case o.isLive():
			live++
			if err := e.auditOrder(uint32(k)); err != nil {
				return err
			}
		default:
			dead++
			if o.reserved != 0 || e.orders[k].clientID == 0 {
				return fmt.Errorf("dead order %d reserves %d, or has no client order id", o.id, o.reserved)
			}
		}
	}
	if free+live+dead != len(e.orders)-1 || live != e.live || dead != e.dead {
		return fmt.Errorf("%d orders live of %d, %d dead of %d, %d free in a slab of %d", live, e.live, dead, e.dead, free, len(e.orders)-1)
	}
	listed, prev, died := 0, uint32(0), uint64(0)
	for i := e.deadHead; i != 0; i = e.orders[i].next {
		if o := &e.orders[i]; o.isLive() || o.prev != prev || e.orders[i].arrival < died {
			return fmt.Errorf("order %d is out of its place among the dead", o.id)
		}
		listed, prev, died = listed+1, i, e.orders[i].arrival
	}
	if listed != dead || prev != e.deadTail {
		return fmt.Errorf("%d dead orders listed of %d", listed, dead)
	}
	return nil
}

func (e *Engine) auditOrder(i uint32) error {
	o := &e.orders[i]
	r := &o.rest
	m := e.market(o)
	budget := o.flags&flagBudget != 0
	switch {
	case o.id > e.orderID || o.reserved < 0 || o.remaining < 0:
		return fmt.Errorf("order %d of %d reserves %d and has %d lots", o.id, e.orderID, o.reserved, o.remaining)
	case !budget && (o.remaining == 0 || o.remaining > r.quantity):
		return fmt.Errorf("order %d: %d open of %d", o.id, o.remaining, r.quantity)
	case (o.status == statusWaiting) != (o.level == 0):
		return fmt.Errorf("order %d in status %d is in level %d", o.id, o.status, o.level)
	case o.status != statusWaiting && (o.status == statusPartly) != (e.filledLots(i) > 0) || (r.made|r.took != 0) != (e.filledLots(i) > 0):
		return fmt.Errorf("order %d in status %d has %d filled", o.id, o.status, e.filledLots(i))
	case o.flags&flagIceberg != 0 && o.level != 0 && (e.terms[o.terms].visible <= 0 || e.terms[o.terms].visible > o.remaining):
		return fmt.Errorf("order %d shows %d of %d lots", o.id, e.terms[o.terms].visible, o.remaining)
	}
	if o.flags&flagPair == 0 {
		if need := e.needOf(m, i); o.reserved != need {
			return fmt.Errorf("order %d reserves %d, its rest can cost %d", o.id, o.reserved, need)
		}
	}
	if budget && o.flags&flagPair == 0 && o.reserved != e.terms[o.terms].budget {
		return fmt.Errorf("order %d reserves %d of its budget %d", o.id, o.reserved, e.terms[o.terms].budget)
	}
	return nil
}

// auditBooks checks ladders and queues, and that no continuous book is crossed.
func (e *Engine) auditBooks() error {
	resting := 0
	for k := range e.markets {
		m := &e.markets[k]
		if m.books[0].best != 0 && m.books[1].best != 0 && m.phase != phaseAuction && m.phase != phaseDelisted {
			if b, a := m.books[0].levels[m.books[0].best].price, m.books[1].levels[m.books[1].best].price; b >= a {
				return fmt.Errorf("market %s is crossed: bid %d, ask %d", m.symbol, b, a)
			}
		}
		for side, l := range [...]*ladder{&m.books[0], &m.books[1]} {
			if err := l.audit(); err != nil {
				return fmt.Errorf("market %s, side %d: %w", m.symbol, side, err)
			}
			for v := l.best; v != 0; v = l.next(v) {
				n, err := e.auditLevel(m, l, v)
				if err != nil {
					return fmt.Errorf("market %s: %w", m.symbol, err)
				}
				resting += n
			}
		}
	}
	in := 0
	for k := 1; k < len(e.orders); k++ {
		if e.orders[k].isLive() && e.orders[k].level != 0 {
			in++
		}
	}
	if in != resting {
		return fmt.Errorf("%d orders in queues of %d that say so", resting, in)
	}
	return nil
}

func (e *Engine) auditLevel(m *market, l *ladder, v uint32) (int, error) {
	lv := &l.levels[v]
	n, prev, lots, arrival := 0, uint32(0), int64(0), uint64(0)
	for i := lv.head; i != 0; i = e.orders[i].next {
		o := &e.orders[i]
		if !o.isLive() || o.price != lv.price || o.level != v || uint32(o.market) != m.id || m.book(o) != l || o.prev != prev || e.orders[i].arrival <= arrival {
			return 0, fmt.Errorf("price %d: order %d does not belong in its queue", lv.price, o.id)
		}
		n, prev, lots, arrival = n+1, i, lots+e.visible(o), e.orders[i].arrival
	}
	if n == 0 || lv.tail != prev || lv.lots != lots || int(lv.orders) != n {
		return 0, fmt.Errorf("price %d: %d orders that show %d lots, recorded %d and %d", lv.price, n, lots, lv.orders, lv.lots)
	}
	return n, nil
}

// auditAccounts checks the lists of live orders.
func (e *Engine) auditAccounts() error {
	listed := 0
	for k := 1; k < len(e.accounts); k++ {
		a := &e.accounts[k]
		n, prev := uint32(0), uint32(0)
		for i := a.head; i != 0; i = e.orders[i].anext {
			if o := &e.orders[i]; !o.isLive() || o.acct != uint32(k) || o.aprev != prev {
				return fmt.Errorf("account %d: order %d does not belong in its list", a.id, o.id)
			}
			n, prev = n+1, i
		}
		if n != a.live {
			return fmt.Errorf("account %d: %d live orders listed of %d", a.id, n, a.live)
		}
		listed += int(n)
	}
	if listed != e.live {
		return fmt.Errorf("accounts list %d live orders of %d", listed, e.live)
	}
	return nil
}

// auditMoney checks balances against open orders, and assets against funds.
func (e *Engine) auditMoney() error {
	reserved := make([]int64, len(e.balances))
	for k := 1; k < len(e.orders); k++ {
		if o := &e.orders[k]; o.isLive() && o.reserved != 0 {
			reserved[e.holding(o.acct, e.market(o).spends(o))] += o.reserved
		}
	}
	held := make([]int64, len(e.assets))
	for k := range e.balances {
		b := &e.balances[k]
		if b.available < 0 || b.reserved != reserved[k] {
			return fmt.Errorf("account %d, asset %d: available %d, reserved %d, by open orders %d", e.accounts[b.acct].id, b.asset, b.available, b.reserved, reserved[k])
		}
		if k > 0 {
			held[b.asset-1] += b.available + b.reserved
		}
	}
	funded := make([]int64, len(e.assets))
	for k := range e.funds.rows {
		funded[e.funds.rows[k].asset-1] += e.funds.rows[k].amount
	}
	for k := range e.assets {
		if a := &e.assets[k]; held[k]+a.fees != a.supply || funded[k] != a.supply {
			return fmt.Errorf("asset %s: %d held and %d in fees of %d, funded %d", a.name, held[k], a.fees, a.supply, funded[k])
		}
	}
	return nil
}

// auditIndexes checks that everything is found by its names, and nothing else.
func (e *Engine) auditIndexes() error {
	ids, clients, refs := 0, 0, 0
	for k := 1; k < len(e.orders); k++ {
		o := &e.orders[k]
		r := &o.rest
		if o.id == 0 {
			continue
		}
		ids++
		account := e.accounts[o.acct].id
		found := e.findID(o.id) == uint32(k)
		switch {
		case r.clientID != 0:
			clients++
			found = found && e.findClient(account, e.ids.bytes(r.clientID)) == uint32(k)
		case o.ref != 0:
			refs++
			found = found && e.findRef(account, o.ref) == uint32(k)
		}
		if !found {
			return fmt.Errorf("order %d is not found by its names", o.id)
		}
	}
	for k := 1; k < len(e.accounts); k++ {
		if e.accountSlot(e.accounts[k].id) != uint32(k) {
			return fmt.Errorf("account %d is not found", e.accounts[k].id)
		}
	}
	for k := 1; k < len(e.balances); k++ {
		if e.holding(e.balances[k].acct, e.balances[k].asset) != uint32(k) {
			return fmt.Errorf("balance %d is not found", k)
		}
	}
	if e.byID.n != ids || e.byClient.n != clients || e.byRef.n != refs || e.byAccount.n != len(e.accounts)-1 || e.byHolding.n != len(e.balances)-1 || e.funds.byID.n != len(e.funds.rows) {
		return fmt.Errorf("indexes of ids, client ids, refs: %d of %d, %d of %d, %d of %d", e.byID.n, ids, e.byClient.n, clients, e.byRef.n, refs)
	}
	freeTerms, used := 0, 0
	for t := e.freeTerms; t != 0; t = e.terms[t].next {
		freeTerms++
	}
	for k := 1; k < len(e.orders); k++ {
		if e.orders[k].terms != 0 {
			used++
		}
	}
	if freeTerms+used != len(e.terms)-1 {
		return fmt.Errorf("%d terms used and %d free of %d", used, freeTerms, len(e.terms)-1)
	}
	return nil
}

// auditDigest makes all hashes anew.
func (e *Engine) auditDigest() error {
	e.settleDigest()
	var orders, markets, balances, funds, deadMen sum
	for k := 1; k < len(e.orders); k++ {
		if e.orders[k].id == 0 {
			continue
		}
		h := e.hashOrder(&e.orders[k])
		orders.add(h)
		if h != e.orders[k].hash {
			return fmt.Errorf("digest: the hash of order %d is out of date", e.orders[k].id)
		}
	}
	for k := range e.markets {
		markets.add(e.markets[k].digest())
	}
	for k := 1; k < len(e.balances); k++ {
		b := &e.balances[k]
		if b.owner != e.accounts[b.acct].id {
			return fmt.Errorf("digest: what account %d holds of asset %d is said to be of %d", e.accounts[b.acct].id, b.asset, b.owner)
		}
		h := b.hashed()
		balances.add(h)
		if e.changed == 0 && h != b.hash {
			return fmt.Errorf("digest: the hash of what account %d holds of asset %d is out of date", e.accounts[b.acct].id, b.asset)
		}
	}
	for k := range e.funds.rows {
		f := &e.funds.rows[k]
		funds.add(hashFund(e.funds.id(f), f.account, uint32(f.asset), f.amount))
	}
	for k := range e.accounts {
		if a := &e.accounts[k]; a.deadMan != 0 {
			deadMen.add(hashDeadMan(a.id, a.deadMan))
		}
	}
	if e.changed == 0 && balances != e.balanceSum {
		return errors.New("digest: the sum of balances is out of date")
	}
	if orders != e.orderSum || markets != e.marketSum || funds != e.funds.sum || deadMen != e.deadMen {
		return fmt.Errorf("digest sums: orders %t, markets %t, funds %t, dead men %t", orders == e.orderSum, markets == e.marketSum,
			funds == e.funds.sum, deadMen == e.deadMen)
	}
	return nil
}

func (e *Engine) auditGateways() error {
	n, s, prev := 0, sum{}, nobody
	for i := e.gateways.head; i != nobody; i = e.gateways.slab[i].next {
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
