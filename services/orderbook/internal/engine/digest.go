package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The digest is over the logical state, never over memory layout. State that
// grows (balances, orders, markets, funds, gateways, timers) is summed up: every
// element has a 128-bit hash, a sum is the elements' hashes added up, so the
// order of elements does not matter. What does matter, queue order at a price
// and order of death, is in the elements (arrival numbers, times of death).
// Counters and time are few and hashed whole.
//
// Elements that change are only noted; their hashes are made anew when the
// digest is asked for, or at a pack's end when many are noted. An order that
// comes and goes between two digests costs nothing.
//
// The element hash guards against faults, not against forgers: whoever can
// choose state can already write the stream.

// maxDirty is how many changed orders are noted before their hashes are made.
const maxDirty = 8192

// sum is a sum of element hashes, mod 2^64 in each half.
type sum struct{ a, b uint64 }

func (s *sum) add(h sum) { s.a += h.a; s.b += h.b }
func (s *sum) sub(h sum) { s.a -= h.a; s.b -= h.b }

// Kinds keep elements of different shape apart.
const (
	kindBalance = iota + 1
	kindOrder
	kindContent
	kindFunds
	kindGateway
	kindDeadMan
	kindMarket
	kindTerms
	kindText
)

// chain folds words into two lanes; mixing as in wyhash (multiply, fold). It is
// for what is rare; orders and balances have hashes of fixed shape below.
type chain struct{ a, b uint64 }

func newHash(kind uint64) chain {
	return chain{0xa0761d6478bd642f, 0xe7037ed1a0b428db}.u64(kind)
}

func (h chain) u64(v uint64) chain {
	h1, l1 := bits.Mul64(h.a^v, 0x8ebc6af09c88c6e3)
	h2, l2 := bits.Mul64(h.b^bits.RotateLeft64(v, 29), 0x589965cc75374cc3)
	return chain{h1 ^ l1 + 0x1d8e4e27c47d124f, h2 ^ l2 + 0xeb44accab455d165}
}

func (h chain) i64(v int64) chain { return h.u64(uint64(v)) }

func (h chain) str(s string) chain { return h.text([]byte(s)) }

func (h chain) text(s []byte) chain {
	h = h.u64(uint64(len(s)))
	for len(s) >= 8 {
		h = h.u64(le.Uint64(s))
		s = s[8:]
	}
	if len(s) > 0 {
		var w uint64
		for i := range s {
			w |= uint64(s[i]) << (8 * i)
		}
		h = h.u64(w)
	}
	return h
}

func (h chain) sum() sum { h = h.u64(0x4cf5ad432745937f); return sum(h) }

// pairs is the hash of elements of fixed shape: products of pairs of words, each
// with a constant of its place, added up in 128 bits. The products do not wait
// for each other.
type pairs struct{ hi, lo uint64 }

func (p pairs) add(v, w, k, l uint64) pairs {
	hi, lo := bits.Mul64(v^k, w^l)
	lo, carry := bits.Add64(p.lo, lo, 0)
	hi, _ = bits.Add64(p.hi, hi, carry)
	return pairs{hi, lo}
}

func (p pairs) sum() sum {
	h1, l1 := bits.Mul64(p.lo^0x8ebc6af09c88c6e3, p.hi^0x589965cc75374cc3)
	h2, l2 := bits.Mul64(p.lo^0x1d8e4e27c47d124f, p.hi^0xeb44accab455d165)
	return sum{h1 ^ l1, h2 - l2}
}

// hashed: an empty balance hashes to nothing, as if it did not exist.
func (b *balance) hashed() sum {
	if b.available|b.reserved == 0 {
		return sum{}
	}
	return b.pairs().sum()
}

// pairs is apart from hashed so that flushBalances has both without a call.
func (b *balance) pairs() pairs {
	h1, l1 := bits.Mul64(b.owner^0xa0761d6478bd642f, uint64(b.asset)^0xe7037ed1a0b428db)
	h2, l2 := bits.Mul64(uint64(b.available)^0x8ebc6af09c88c6e3, uint64(b.reserved)^0x589965cc75374cc3)
	lo, carry := bits.Add64(l1, kindBalance, 0)
	hi, _ := bits.Add64(h1, h2, carry)
	lo, carry = bits.Add64(lo, l2, 0)
	return pairs{hi + carry, lo}
}

// hashed is an order's part of the sum, without a branch: which of those that
// changed are new is not foretold.
func (o *order) hashed() sum {
	mask := -uint64(o.flags / flagHashed & 1)
	return sum{o.hash.a & mask, o.hash.b & mask}
}

func (e *Engine) hashOrder(o *order) sum {
	r := &o.rest
	// Neighbours in the order, so each of these is read as one word.
	state := uint32(o.market) | uint32(o.flags)<<16 | uint32(o.status)<<24
	kind := uint32(r.typ) | uint32(r.tif)<<8 | uint32(r.self)<<16 | uint32(r.why)<<24
	small := uint64(state&^((flagDirty|flagHashed)<<16)) | uint64(kind)<<32
	p := pairs{lo: kindOrder}
	p = p.add(o.id, slotOf(e.accounts, o.acct).id, 0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	p = p.add(small, uint64(o.price), 0x8ebc6af09c88c6e3, 0x589965cc75374cc3)
	p = p.add(uint64(o.remaining), uint64(o.reserved), 0x1d8e4e27c47d124f, 0xeb44accab455d165)
	p = p.add(uint64(r.quantity), o.ref, 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f)
	p = p.add(uint64(r.made), uint64(r.took), 0x165667b19e3779f9, 0x27d4eb2f165667c5)
	p = p.add(r.arrival, 0, 0xd6e8feb86659fd93, 0xbf58476d1ce4e5b9)
	if r.clientID|o.terms != 0 {
		return e.hashRare(p, o, r)
	}
	return p.sum()
}

// hashRare adds what few orders have.
func (e *Engine) hashRare(p pairs, o *order, r *rest) sum {
	if r.clientID != 0 {
		c := &e.ids.rows[r.clientID]
		h := newHash(kindText).u64(c.content.a).u64(c.content.b).text(c.text[:c.n]).sum()
		p = p.add(h.a, h.b, 0xc4ceb9fe1a85ec53, 0x2545f4914f6cdd1d)
	}
	if o.terms != 0 {
		t := &e.terms[o.terms]
		h := newHash(kindTerms).i64(t.budget).i64(t.protection).i64(t.trigger).i64(t.trail).i64(t.display)
		h = h.i64(t.bought).i64(t.visible).i64(t.minLots).i64(t.expiresMs).u64(e.orders[t.other].id)
		if t.triggered {
			h = h.u64(1)
		}
		s := h.sum()
		p = p.add(s.a, s.b, 0x5851f42d4c957f2d, 0x14057b7ef767814f)
	}
	return p.sum()
}

// mark notes that an order's hash is out of date. It may be called before or
// after the change: hashes are made between packs only.
func (e *Engine) mark(i uint32) {
	o := &e.orders[i]
	e.dirty.note(i, int(^o.flags/flagDirty&1)) // see touchSlot
	o.flags |= flagDirty
}

// markMarket is mark for a market.
func (e *Engine) markMarket(m *market) {
	if !m.dirty {
		m.dirty = true
		e.dirtyMarkets = append(e.dirtyMarkets, m.id)
	}
}

// settleDigest makes the hashes of all that was changed.
func (e *Engine) settleDigest() {
	dirty, orders := e.dirty.all(), e.orders
	sumA, sumB := e.orderSum.a, e.orderSum.b
	for k, i := range dirty {
		o := slotOf(orders, i)
		later := slotOf(orders, dirty[min(k+aheadDirty, len(dirty)-1)])
		prefetch2(unsafe.Pointer(later), unsafe.Pointer(&later.rest))
		if o.id == 0 {
			o.flags &^= flagDirty
			continue // a free slot
		}
		old := o.hashed()
		o.flags = o.flags&^flagDirty | flagHashed
		h := e.hashOrder(o)
		sumA += h.a - old.a
		sumB += h.b - old.b
		o.hash = h
	}
	e.orderSum, e.dirty.n = sum{sumA, sumB}, 0
	for _, n := range e.dirtyMarkets {
		m := &e.markets[n-1]
		m.dirty = false
		e.marketSum.sub(m.hash)
		m.hash = m.digest()
		e.marketSum.add(m.hash)
	}
	e.dirtyMarkets = e.dirtyMarkets[:0]
}

func (m *market) digest() sum {
	h := newHash(kindMarket).u64(uint64(m.id)).i64(m.last).i64(m.pauseRef).i64(m.beganMs).i64(m.endsAtMs)
	h = h.u64(uint64(m.phase) | uint64(m.then)<<8 | uint64(m.firstPhase)<<16).str(m.symbol)
	h = h.u64(uint64(m.base)).u64(uint64(m.quote)).i64(m.tick).i64(m.lot).i64(m.makerPPM).i64(m.takerPPM).i64(m.dayEndsMs)
	if m.oneSide {
		h = h.u64(1)
	}
	for _, l := range [...]*Limits{&m.limits, &m.firstLimits} {
		h = h.i64(l.MinLots).i64(l.MaxLots).i64(l.MinNotional).i64(l.MaxNotional)
		h = h.i64(l.CollarPPM).i64(l.PausePPM).i64(l.PauseMs).i64(l.Reference)
	}
	return h.sum()
}

// Digest returns the SHA-256 of the logical state: after the same packs it is
// the same in every process. Its cost follows what changed since the last one.
func (e *Engine) Digest() [32]byte {
	e.settleDigest()
	b := e.appendScalars(e.digestBuf[:0])
	b = e.appendAssets(b)
	b = e.appendJobs(b)
	for _, s := range [...]sum{e.balanceSum, e.orderSum, e.marketSum, e.funds.sum, e.gateways.sum, e.deadMen} {
		b = binary.LittleEndian.AppendUint64(b, s.a)
		b = binary.LittleEndian.AppendUint64(b, s.b)
	}
	e.digestBuf = b
	return sha256.Sum256(b)
}
