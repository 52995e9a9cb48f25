package market

import (
	"hash/maphash"
	"math/bits"
)

// names finds the newest order of a name, by open addressing at a load of a half
// at most. A slot is an order's id; what the order is called stands in the order
// alone. Clients choose the names, so the hash is seeded.
type names struct {
	orders *orders
	slots  []uint64 // ids, 0 = free; a power of two of them
	count  int
	seed   maphash.Seed
	key    uint64
	// is says whether the order has the name, and hash is that of its own.
	is   func(o *Order, n name) bool
	hash func(t *names, o *Order) uint64
}

// name is what an account calls an order: by id or by ref.
type name struct {
	account uint64
	id      string
	ref     uint64
}

func namesOf(t *orders, byRef bool) *names {
	n := &names{orders: t, slots: make([]uint64, 64), seed: maphash.MakeSeed()}
	n.key = maphash.String(n.seed, "")
	if n.is, n.hash = hasID, hashOfID; byRef {
		n.is, n.hash = hasRef, hashOfRef
	}
	return n
}

func hasID(o *Order, n name) bool  { return o.Account == n.account && o.ClientOrderID == n.id }
func hasRef(o *Order, n name) bool { return o.Account == n.account && o.ClientRef == n.ref }

func hashOfID(t *names, o *Order) uint64  { return t.ofID(o.Account, o.ClientOrderID) }
func hashOfRef(t *names, o *Order) uint64 { return t.ofRef(o.Account, o.ClientRef) }

func (t *names) ofID(account uint64, id string) uint64 {
	return t.ofRef(account, maphash.String(t.seed, id))
}

func (t *names) ofRef(account, ref uint64) uint64 {
	hi, lo := bits.Mul64(ref^t.key, 0x9e3779b97f4a7c15)
	hi, lo = bits.Mul64(hi^lo^account, t.key|1)
	return hi ^ lo
}

// at is the slot of a name, or the free one that it would take.
func (t *names) at(hash uint64, n name) int {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if id := t.slots[i]; id == 0 || t.is(t.orders.get(id), n) {
			return int(i)
		}
	}
}

// byID and byRef are the order's id; 0 = there is none.
func (t *names) byID(account uint64, id string) uint64 {
	return t.slots[t.at(t.ofID(account, id), name{account: account, id: id})]
}

func (t *names) byRef(account, ref uint64) uint64 {
	return t.slots[t.at(t.ofRef(account, ref), name{account: account, ref: ref})]
}

// put makes an order that is held the newest of its name.
func (t *names) put(o *Order) {
	if 2*t.count >= len(t.slots) {
		t.grow()
	}
	i := t.at(t.hash(t, o), name{o.Account, o.ClientOrderID, o.ClientRef})
	if t.slots[i] == 0 {
		t.count++
	}
	t.slots[i] = o.ID
}

func (t *names) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, id := range old {
		if id == 0 {
			continue
		}
		i := t.hash(t, t.orders.get(id)) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = id
	}
}

// remove forgets an order that is still held, unless a newer one has its name.
func (t *names) remove(o *Order) {
	i := t.at(t.hash(t, o), name{o.Account, o.ClientOrderID, o.ClientRef})
	if t.slots[i] != o.ID {
		return
	}
	t.count--
	// Those behind that could not have their own slot move up.
	mask := len(t.slots) - 1
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		home := int(t.hash(t, t.orders.get(t.slots[j])) & uint64(mask))
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
}
