package market

import (
	"hash/maphash"
	"math/bits"
)

// names finds the newest order of a name, by open addressing at a load of a half
// at most. A slot is 32 bits of the name's hash over the order's slot; what the
// order is called stands in the order alone, and is looked at only where the hash
// agrees. Clients choose the names, so the hash is seeded.
type names struct {
	orders *orders
	slots  []uint64 // 0 = free; a power of two of them, at most 1<<32
	count  int
	// The newest orders wait here for their places, as slots, the oldest first: each
	// place is a miss of the cache, and those of many that are looked for together
	// are waited for once.
	waiting [namesTogether]uint64
	n       int    // of waiting
	touched uint64 // what stood in those places: nobody reads it
	seed    maphash.Seed
	key     uint64
	byRef   bool
}

const namesTogether = 32

// name is what an account calls an order: by id or by ref.
type name struct {
	account uint64
	id      string
	ref     uint64
}

func namesOf(t *orders, byRef bool) *names {
	n := &names{orders: t, slots: make([]uint64, 64), seed: maphash.MakeSeed(), byRef: byRef}
	n.key = maphash.String(n.seed, "")
	return n
}

// of is what the order is called here.
func (t *names) of(o *row) name {
	if t.byRef {
		return name{account: o.Account, ref: o.ClientRef}
	}
	return name{account: o.Account, id: t.orders.of(o).clientOrderID}
}

// hash is the upper half of a slot with that name.
func (t *names) hash(n name) uint64 {
	if !t.byRef {
		n.ref = maphash.String(t.seed, n.id)
	}
	hi, lo := bits.Mul64(n.ref^t.key, 0x9e3779b97f4a7c15)
	hi, lo = bits.Mul64(hi^lo^n.account, t.key|1)
	return (hi ^ lo) &^ (1<<32 - 1)
}

// at is the place of a name, or the free one that it would take.
func (t *names) at(hash uint64, n name) int {
	mask := uint64(len(t.slots) - 1)
	for i := hash >> 32 & mask; ; i = (i + 1) & mask {
		e := t.slots[i]
		if e == 0 || e&^(1<<32-1) == hash && t.of(t.orders.at(uint32(e))) == n {
			return int(i)
		}
	}
}

// find is the order with a name; nil when there is none. It changes nothing.
func (t *names) find(n name) *row {
	hash := t.hash(n)
	for k := t.n - 1; k >= 0; k-- {
		if e := t.waiting[k]; e&^(1<<32-1) == hash {
			if o := t.orders.at(uint32(e)); t.of(o) == n {
				return o
			}
		}
	}
	if e := t.slots[t.at(hash, n)]; e != 0 {
		return t.orders.at(uint32(e))
	}
	return nil
}

// put makes the order in a slot the newest of its name.
func (t *names) put(slot uint32, o *row) {
	t.waiting[t.n] = t.hash(t.of(o)) | uint64(slot)
	if t.n++; t.n == len(t.waiting) {
		t.settle()
	}
}

// settle gives those that wait their places.
func (t *names) settle() {
	for 2*(t.count+t.n) > len(t.slots) {
		t.grow()
	}
	mask, touched := uint64(len(t.slots)-1), uint64(0)
	for _, e := range t.waiting[:t.n] {
		touched += t.slots[e>>32&mask]
	}
	t.touched = touched
	for _, e := range t.waiting[:t.n] {
		i := t.at(e&^(1<<32-1), t.of(t.orders.at(uint32(e))))
		if t.slots[i] == 0 {
			t.count++
		}
		t.slots[i] = e
	}
	t.n = 0
}

func (t *names) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, e := range old {
		if e == 0 {
			continue
		}
		i := e >> 32 & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = e
	}
}

// remove forgets an order that is still held, unless a newer one has its name.
func (t *names) remove(slot uint32, o *row) {
	t.settle()
	n := t.of(o)
	i := t.at(t.hash(n), n)
	if uint32(t.slots[i]) != slot {
		return
	}
	t.count--
	// Those behind that could not have their own place move up.
	mask := len(t.slots) - 1
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		home := int(t.slots[j] >> 32 & uint64(mask))
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
}
