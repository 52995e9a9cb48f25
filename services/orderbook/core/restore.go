package core

import (
	"encoding/binary"
	"errors"
)

// decoder reads what AppendSnapshot wrote. The first error sticks and every
// later read gives zero, so callers check once at the end.
type decoder struct {
	b   []byte
	err error
}

var errTruncated = errors.New("truncated or out of range")

func (d *decoder) fail() {
	d.err = errTruncated
	d.b = nil
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 { return int64(d.uint()) }

// count reads a number of elements of at least one byte each.
func (d *decoder) count() int {
	v := d.uint()
	if v > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(v)
}

// index reads a slab index below limit.
func (d *decoder) index(limit int) int32 {
	v := d.uint()
	if v >= uint64(limit) {
		d.fail()
		return 0
	}
	return int32(v)
}

// bytes returns n bytes of the snapshot itself.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return make([]byte, n)
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) string() string { return string(d.bytes(d.count())) }
func (d *decoder) bool() bool     { return d.bytes(1)[0] != 0 }

func (e *Engine) restore(d *decoder) {
	for _, v := range [...]*uint64{&e.lastInSeq, &e.events, &e.orderID, &e.tradeID} {
		*v = d.uint()
	}
	e.clock = clock{nowMs: d.int(), leaptToMs: d.int(), halted: d.bool(), doubted: d.bool(), doubtfulBy: d.string()}
	for range d.count() {
		a := asset{name: d.string(), scale: uint32(d.uint()), supply: d.int(), fees: d.int()}
		e.assetIndex[a.name] = int32(len(e.assets))
		e.assets = append(e.assets, a)
	}
	for range d.count() {
		e.restoreMarket(d)
	}
	for range d.count() {
		acct := e.accountOf(d.uint())
		for range d.count() {
			b := &e.balances[e.balanceOf(acct, d.index(len(e.assets)))]
			b.available, b.reserved = d.int(), d.int()
			e.balanceSum.add(hashBalance(e.accounts[acct].id, b.asset, b.available, b.reserved))
		}
	}
	for range d.count() {
		if i, o := e.restoreOrder(d); d.err == nil {
			died := o.diedMs
			now := e.clock.nowMs
			e.clock.nowMs = died // bury stamps the time of death
			e.bury(i)
			e.clock.nowMs = now
		}
	}
	for range d.count() {
		if i, o := e.restoreOrder(d); d.err == nil {
			e.rest(i)
			e.enroll(o)
		}
	}
	for range d.count() {
		r := deposit{id: d.string(), account: d.uint(), asset: d.index(len(e.assets)), amount: d.int()}
		e.depositIndex[r.id] = int32(len(e.deposits))
		e.deposits = append(e.deposits, r)
		e.depositSum.add(r.hash())
	}
	for range d.count() {
		e.gateways.take(d.string(), d.uint(), d.int())
	}
	if d.err == nil && len(d.b) != 0 {
		d.fail()
	}
}

func (e *Engine) restoreMarket(d *decoder) {
	m := market{
		symbol: d.string(), base: d.index(len(e.assets)), quote: d.index(len(e.assets)),
		tick: d.int(), lot: d.int(), makerPPM: d.int(), takerPPM: d.int(),
		bids: ladder{sign: 1}, asks: ladder{sign: -1},
	}
	if d.err != nil {
		return
	}
	whole := int64(1)
	for range e.assets[m.base].scale {
		whole *= 10
	}
	m.unit = m.tick * m.lot / whole
	e.marketIndex[m.symbol] = int32(len(e.markets))
	e.markets = append(e.markets, m)
}

// restoreOrder reads one order into the slab; it is in no list yet. The
// pointer is good until the next order.
func (e *Engine) restoreOrder(d *decoder) (int32, *order) {
	o := order{
		id: d.uint(), account: d.uint(), market: d.index(len(e.markets)), price: d.int(), quantity: d.int(), filled: d.int(),
		reserved: d.int(), takerNotional: d.int(), makerNotional: d.int(), feePaid: d.int(), diedMs: d.int(), acct: none,
	}
	flags := d.bytes(8)
	o.side, o.kind, o.tif, o.status = flags[0], flags[1], flags[2], flags[3]
	o.reject, o.cancel, o.malformed = flags[4], flags[5], flags[6]
	clientID := d.string()
	if d.err != nil {
		return none, nil
	}
	if a, found := e.accountIndex[o.account]; found {
		o.acct = a
	}
	i := e.remember(o, clientID)
	for range flags[7] {
		e.keepFill(&e.orders.rows[i], keptFill{tradeID: d.uint(), price: d.int(), quantity: d.int(), fee: d.int()})
	}
	return i, &e.orders.rows[i]
}
