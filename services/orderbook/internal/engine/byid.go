package engine

import "math/bits"

// idIndex finds orders by id. Ids rise by one, so those of young orders are in
// pages of consecutive ids, where entering and leaving is one store. A page that
// few orders are left of gives them to an index by hash, so that old orders keep
// no pages: one of them takes at most 4*idPageSize/idPageThin bytes.
type idIndex struct {
	pages []idPage // of consecutive numbers; the last is being filled
	head  int      // pages before it are gone
	first uint64   // number (id / idPageSize) of pages[0]
	old   index    // by mix(id)
	spare []*[idPageSize]uint32
}

type idPage struct {
	slots *[idPageSize]uint32 // nil: none of its orders is here
	live  int
	// Which of the slots count. An order that leaves clears its bit, since the
	// bits of all pages are in the nearest caches and their slots are not.
	bits [idPageSize / 64]uint64
}

func (p *idPage) has(id uint64) bool { return p.bits[id%idPageSize/64]>>(id%64)&1 != 0 }

const (
	idPageSize = 512
	idPageThin = 64
)

// count is the number of orders.
func (x *idIndex) count() int {
	n := x.old.n
	for k := range x.pages {
		n += x.pages[k].live
	}
	return n
}

// page returns the page of an id; nil when it has none.
func (x *idIndex) page(id uint64) *idPage {
	k := id/idPageSize - x.first
	if k >= uint64(len(x.pages)) || x.pages[k].slots == nil {
		return nil
	}
	return &x.pages[k]
}

// add enters an order with an id above all others.
func (x *idIndex) add(id uint64, slot uint32) {
	p := x.page(id)
	if p == nil {
		p = x.open(id / idPageSize)
	}
	p.slots[id%idPageSize] = slot
	p.bits[id%idPageSize/64] |= 1 << (id % 64)
	p.live++
}

// addOld enters an order of any age.
func (x *idIndex) addOld(id uint64, slot uint32) { x.old.add(mix(id), slot) }

// open begins the page of a number above all others.
func (x *idIndex) open(number uint64) *idPage {
	if last := len(x.pages) - 1; last >= x.head && x.pages[last].live < idPageThin {
		x.thin(x.first+uint64(last), &x.pages[last])
	}
	x.trim()
	if len(x.pages) == 0 {
		x.first = number
	}
	for x.first+uint64(len(x.pages)) <= number { // numbers of refused orders may lie between
		x.pages = append(x.pages, idPage{})
	}
	p := &x.pages[len(x.pages)-1]
	if k := len(x.spare) - 1; k >= 0 {
		p.slots, x.spare = x.spare[k], x.spare[:k]
	} else {
		p.slots = new([idPageSize]uint32)
	}
	return p
}

// trim lets go of the pages before the oldest that is in use.
func (x *idIndex) trim() {
	for x.head < len(x.pages) && x.pages[x.head].slots == nil {
		x.head++
	}
	if 2*x.head >= len(x.pages) {
		n := copy(x.pages, x.pages[x.head:])
		clear(x.pages[n:])
		x.pages, x.first, x.head = x.pages[:n], x.first+uint64(x.head), 0
	}
}

// remove takes an order out.
func (x *idIndex) remove(id uint64, slot uint32) {
	p := x.page(id)
	if p == nil || !p.has(id) {
		x.old.remove(mix(id), slot)
		return
	}
	p.bits[id%idPageSize/64] &^= 1 << (id % 64)
	p.live--
	if p.live < idPageThin && p != &x.pages[len(x.pages)-1] {
		x.thin(id/idPageSize, p)
	}
}

// thin gives the orders of a page to the index by hash.
func (x *idIndex) thin(number uint64, p *idPage) {
	for w, left := range p.bits {
		for ; left != 0; left &= left - 1 {
			k := w*64 + bits.TrailingZeros64(left)
			x.old.add(mix(number*idPageSize+uint64(k)), p.slots[k])
		}
	}
	x.spare = append(x.spare, p.slots)
	*p = idPage{}
}

func (x *idIndex) clone() idIndex {
	c := *x
	c.old, c.spare = x.old.clone(), nil
	c.pages = append([]idPage(nil), x.pages...)
	for k := range c.pages {
		if s := c.pages[k].slots; s != nil {
			page := *s
			c.pages[k].slots = &page
		}
	}
	return c
}

// findID returns the order of an id, live or remembered; 0 when there is none.
func (e *Engine) findID(id uint64) uint32 {
	if p := e.byID.page(id); p != nil && p.has(id) {
		return p.slots[id%idPageSize]
	}
	at, tag := e.byID.old.seek(mix(id))
	for {
		s, next := e.byID.old.probe(at, tag)
		if s == 0 || e.orders[s].id == id {
			return s
		}
		at = next
	}
}
