package engine

import "math/bits"

// refIndex finds live orders by a hash of account and client_ref. A bucket is
// one cache line: a byte of the hash and the slot of each of its entries, so that
// a search compares all of a bucket at once, in a few instructions without a
// branch that depends on where an entry is. Entries that find their bucket full
// lie in the one after it, which the buckets that they passed count.
//
//	+-------------------+---------------+--------------------+
//	| 12 tags, 12 bytes | over, 4 bytes | 12 slots, 48 bytes |
//	+-------------------+---------------+--------------------+
//
// The keys are in the slab; the index cannot be made larger without them.
type refIndex struct {
	buckets []refBucket // a power of two, at least one
	shift   uint8       // 64 - log2 of them: the home of a hash is its top bits
	n       int         // entries
	large   func([]byte)
}

type refBucket struct {
	tags  [refsPerBucket]uint8 // 0: free
	over  uint32               // entries that passed this bucket because it was full
	slots [refsPerBucket]uint32
}

const (
	refsPerBucket = 12
	// refsMean is the mean from which on the index grows: of a hundred buckets
	// less than three are full then.
	refsMean = 7

	everyByte = 0x0101010101010101
)

// tagOf is the byte of a hash, in every byte of a word; never 0.
func tagOf(hash uint64) uint64 {
	t := hash & 0xff
	t |= (t - 1) >> 63 // 0 becomes 1
	return t * everyByte
}

// match finds a tag among those of a bucket: bit 8k for entry k, 8k+1 for entry
// 8+k. The lowest bit is of an entry with that tag, those above it may not be.
func (b *refBucket) match(tag uint64) uint64 {
	x, y := le.Uint64(b.tags[:8])^tag, uint64(le.Uint32(b.tags[8:]))^tag&0xffffffff
	x = (x - everyByte) & ^x & (everyByte << 7)
	y = (y - everyByte&0xffffffff) & ^y & (everyByte << 7 & 0xffffffff)
	return x>>7 | y>>6
}

// entryOf is the entry of the lowest bit of a match.
func entryOf(match uint64) uint {
	k := uint(bits.TrailingZeros64(match))
	return min(k>>3|k&1<<3, refsPerBucket-1)
}

// set gives an entry a tag, its lowest byte, and a slot.
func (b *refBucket) set(k uint, tag uint64, slot uint32) {
	b.tags[k], b.slots[k] = uint8(tag), slot
}

func newRefIndex(large func([]byte)) refIndex {
	return refIndex{buckets: make([]refBucket, 1), shift: 64, large: large}
}

// home is the bucket where the search of a hash begins.
func (x *refIndex) home(hash uint64) int {
	return int(hash >> (x.shift & 63) & uint64(len(x.buckets)-1))
}

// bucket is the one at home.
func (x *refIndex) bucket(hash uint64) *refBucket {
	return slotOf(x.buckets, uint32(x.home(hash)))
}

func (x *refIndex) after(at int) int { return (at + 1) & (len(x.buckets) - 1) }

// full reports that another entry wants more room first.
func (x *refIndex) full() bool { return x.n >= refsMean*len(x.buckets) }

// add enters a slot that is not in the index.
func (x *refIndex) add(hash uint64, slot uint32) {
	x.n++
	for at := x.home(hash); ; at = x.after(at) {
		b := &x.buckets[at]
		if free := b.match(0); free != 0 {
			b.set(entryOf(free), tagOf(hash), slot)
			return
		}
		b.over++
	}
}

// remove takes the entry of a slot out, which must be there.
func (x *refIndex) remove(hash uint64, slot uint32) {
	tag := tagOf(hash)
	for at := x.home(hash); ; at = x.after(at) {
		b := &x.buckets[at]
		for match := b.match(tag); match != 0; match &= match - 1 {
			if k := entryOf(match); b.slots[k] == slot {
				b.set(k, 0, 0)
				x.n--
				return
			}
		}
		if b.over == 0 {
			panic("refs: entry to remove is missing")
		}
		b.over--
	}
}

// reset empties the index and makes room for n entries.
func (x *refIndex) reset(n int) {
	size := 1
	for refsMean*size < n {
		size *= 2
	}
	x.buckets = enlarged[refBucket](nil, size, x.large)[:size]
	x.shift, x.n = uint8(64-bits.Len(uint(size-1))), 0
}

func (x *refIndex) clone() refIndex {
	c := *x
	c.buckets = enlarged(x.buckets, len(x.buckets), x.large)
	return c
}

// findRef returns the live order of a client_ref; 0 when there is none.
func (e *Engine) findRef(account, ref uint64) uint32 {
	slot, _ := e.seekRef(mix2(account, ref), account, ref)
	return slot
}

// seekRef is findRef with the hash of both; it also returns where the entry is
// in its bucket.
func (e *Engine) seekRef(hash, account, ref uint64) (slot uint32, at uint) {
	x, tag := &e.byRef, tagOf(hash)
	for home := x.home(hash); ; home = x.after(home) {
		b := &x.buckets[home]
		for match := b.match(tag); match != 0; match &= match - 1 {
			at = entryOf(match)
			slot = b.slots[at]
			if o := &e.orders[slot]; o.ref == ref && e.accounts[o.acct].id == account {
				return slot, at
			}
		}
		if b.over == 0 {
			return 0, 0
		}
	}
}

// guessRef finds the order that is likely to have a hash.
func (e *Engine) guessRef(h *hint) {
	b := e.byRef.bucket(h.hash)
	if match := b.match(tagOf(h.hash)); match != 0 {
		at := entryOf(match)
		h.slot, h.at = b.slots[at], uint32(at)
	}
}

// enterRef enters an order that is in the slab already by the hash of its
// account and client_ref.
func (e *Engine) enterRef(hash uint64, i uint32) {
	if e.byRef.full() {
		e.growRefs()
		return
	}
	e.byRef.add(hash, i)
}

// growRefs makes the index anew from the slab, for twice the orders.
func (e *Engine) growRefs() {
	e.byRef.reset(2 * e.byRef.n)
	for k := 1; k < len(e.orders); k++ {
		if o := &e.orders[k]; o.id != 0 && o.ref != 0 {
			e.byRef.add(mix2(e.accounts[o.acct].id, o.ref), uint32(k))
		}
	}
}
