package engine

import "math/bits"

// refIndex finds live orders by a hash of account and client_ref. A bucket is
// one cache line: a byte of the hash and the slot of each of its entries, so that
// a search compares all of a bucket at once, in a few instructions without a
// branch that depends on where an entry is. Entries that find their bucket full
// lie in the one after it, which the buckets that they passed count. The index
// grows by a bucket at a time, among which the entries of another are divided
// (linear hashing), so that no command waits for a larger one to be made.
//
//	+-------------------+---------------+--------------------+
//	| 12 tags, 12 bytes | over, 4 bytes | 12 slots, 48 bytes |
//	+-------------------+---------------+--------------------+
//
// The keys are in the slab; the index cannot be made larger without them.
type refIndex struct {
	buckets []refBucket // homes, and at least one that takes what passed the last
	homes   uint64      // buckets where searches begin
	mask    uint64      // of the bits that name them: the least 2^k-1 of homes-1 and more
	n       int         // entries
	most    int         // of them until it grows; 0 while it does
	room    room
	memory  *memory
	moved   []refMove
}

// refMove is an entry on its way to a new bucket.
type refMove struct {
	hash uint64
	slot uint32
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
	// refsWiden is how many buckets an entry adds while the index grows, until there
	// are twice as many: those that wait to be divided are the fullest.
	refsWiden = 2

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

func newRefIndex(m *memory) refIndex {
	return refIndex{buckets: make([]refBucket, 2), homes: 1, most: refsMean, memory: m}
}

// home is the bucket where the search of a hash begins: its lowest bits but those
// of the tag say which, and one bit less those of buckets that are still to come.
func (x *refIndex) home(hash uint64) uint32 {
	at := hash >> 16 & x.mask
	before := at & (x.mask >> 1)
	if at >= x.homes {
		at = before
	}
	return uint32(at)
}

// bucket is the one at home.
func (x *refIndex) bucket(hash uint64) *refBucket {
	return slotOf(x.buckets, x.home(hash))
}

// full reports that another entry wants more room first.
func (x *refIndex) full() bool { return x.n >= x.most }

// add enters a slot that is not in the index.
func (x *refIndex) add(hash uint64, slot uint32) {
	x.n++
	for at := int(x.home(hash)); ; at++ {
		if at == len(x.buckets) {
			x.buckets = further(x.buckets, &x.room, x.memory)
		}
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
	for at := x.home(hash); ; at++ {
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

// widen adds a bucket and moves there what belongs to it, which is in the one
// with the same name less the first bit, or was pushed on from there.
func (x *refIndex) widen(hashOf func(slot uint32) uint64) {
	name := x.homes
	if name > x.mask {
		x.mask = 2*x.mask + 1
	}
	x.moved = x.moved[:0]
	for at := name & (x.mask >> 1); ; at++ {
		b := &x.buckets[at]
		for k, tag := range b.tags {
			if tag == 0 {
				continue
			}
			if hash := hashOf(b.slots[k]); hash>>16&x.mask == name {
				x.moved = append(x.moved, refMove{hash, b.slots[k]})
			}
		}
		if b.over == 0 {
			break
		}
	}
	for _, m := range x.moved {
		x.remove(m.hash, m.slot)
	}
	x.homes++
	if int(x.homes) == len(x.buckets) {
		x.buckets = further(x.buckets, &x.room, x.memory)
	}
	for _, m := range x.moved {
		x.add(m.hash, m.slot)
	}
	x.most = 0
	if x.homes > x.mask {
		x.most = refsMean * int(x.homes)
	}
}

// reset makes room for n entries in an index that is empty.
func (x *refIndex) reset(n int) {
	homes := 1
	for refsMean*homes < n {
		homes *= 2
	}
	x.buckets = roomy(x.buckets, homes+1, &x.room, x.memory)[:homes+1]
	x.homes, x.mask, x.most = uint64(homes), uint64(homes-1), refsMean*homes
}

func (x *refIndex) clone(ready room, m *memory) refIndex {
	c := *x
	c.memory, c.moved = m, nil
	c.buckets, c.room = copied(x.buckets, ready, m.large)
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
	for home := x.home(hash); ; home++ {
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
	for k := 0; k < refsWiden && e.byRef.full(); k++ {
		e.byRef.widen(e.hashOfRef)
	}
	e.byRef.add(hash, i)
}

// hashOfRef is the hash by which an order is found by its client_ref.
func (e *Engine) hashOfRef(i uint32) uint64 {
	o := slotOf(e.orders, i)
	return mix2(slotOf(e.accounts, o.acct).id, o.ref)
}
