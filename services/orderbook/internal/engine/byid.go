package engine

import "math"

// idIndex finds orders by id. Ids rise by one, so those of young orders are in
// pages of consecutive ids, where entering is one store. An order that ends is not
// taken out: an entry counts as long as its slot holds an order of that id, and ids
// are given out once. The oldest page is given up when there are more than the live
// orders call for, and what still lives of it goes to an index by hash: pages take
// at most 4*idPageSpan bytes an order, and those of idPagesLeast.
type idIndex struct {
	pages []*[idPageSize]uint32 // of consecutive numbers, the last is being filled; nil: no order has such an id
	last  *[idPageSize]uint32
	head  int    // pages before it are gone
	first uint64 // number (id / idPageSize) of pages[0]
	from  uint64 // ids from here on are in pages, or nowhere
	start uint64 // first id of the last page
	old   index  // by mix(id)
	n     int    // orders
	least int    // pages that are kept in any case
	spare []*[idPageSize]uint32
}

const (
	idPageSize   = 512
	idPageSpan   = 4 // ids that pages keep for each order
	idPagesLeast = 64
)

func newIDIndex() idIndex {
	return idIndex{from: math.MaxUint64, start: math.MaxUint64 - idPageSize, least: idPagesLeast}
}

// add enters an order with an id above all others; the orders are those that the
// slots are of.
func (x *idIndex) add(id uint64, slot uint32, orders []order) {
	if !x.begun(id) {
		x.open(id, orders)
	}
	x.put(id, slot)
}

// begun reports that the page of an id is being filled, so that put may enter it.
func (x *idIndex) begun(id uint64) bool { return id-x.start < idPageSize }

func (x *idIndex) put(id uint64, slot uint32) {
	x.last[id%idPageSize] = slot
	x.n++
}

// addOld enters an order of any age, before there are pages.
func (x *idIndex) addOld(id uint64, slot uint32) {
	x.old.add(mix(id), slot)
	x.n++
}

// open begins the page of an id above all others.
func (x *idIndex) open(id uint64, orders []order) {
	number := id / idPageSize
	if x.last == nil {
		x.first, x.from = number, id
	} else if id < x.start {
		panic("byid: an id below others")
	}
	keep := uint64(max(x.least, x.n*idPageSpan/idPageSize))
	for x.head < len(x.pages) && number-(x.first+uint64(x.head)) >= keep {
		x.giveUp(orders)
	}
	if x.head == len(x.pages) && x.last != nil { // more numbers were refused than pages are kept
		x.pages, x.head, x.first, x.from = x.pages[:0], 0, number, number*idPageSize
	}
	for x.first+uint64(len(x.pages)) < number {
		x.pages = append(x.pages, nil)
	}
	var p *[idPageSize]uint32
	if k := len(x.spare) - 1; k >= 0 {
		p, x.spare = x.spare[k], x.spare[:k]
		clear(p[:])
	} else {
		p = new([idPageSize]uint32)
	}
	x.pages = append(x.pages, p)
	x.last, x.start = p, number*idPageSize
}

// giveUp takes the oldest page away.
func (x *idIndex) giveUp(orders []order) {
	number := x.first + uint64(x.head)
	if p := x.pages[x.head]; p != nil {
		for k, slot := range p {
			if id := number*idPageSize + uint64(k); slot != 0 && orders[slot].id == id {
				x.old.add(mix(id), slot)
			}
		}
		x.spare = append(x.spare, p)
		x.pages[x.head] = nil
	}
	x.from = (number + 1) * idPageSize
	x.head++
	if 2*x.head >= len(x.pages) {
		n := copy(x.pages, x.pages[x.head:])
		clear(x.pages[n:])
		x.pages, x.first, x.head = x.pages[:n], x.first+uint64(x.head), 0
	}
}

// remove takes an order out, which is no order of that id afterwards.
func (x *idIndex) remove(id uint64, slot uint32) {
	x.n--
	if id < x.from {
		x.removeOld(id, slot)
	}
}

func (x *idIndex) removeOld(id uint64, slot uint32) { x.old.remove(mix(id), slot) }

// page returns the page of an id; nil when it has none.
func (x *idIndex) page(id uint64) *[idPageSize]uint32 {
	k := id/idPageSize - x.first
	if id < x.from || k >= uint64(len(x.pages)) {
		return nil
	}
	return x.pages[k]
}

func (x *idIndex) clone() idIndex {
	c := *x
	c.old, c.spare = x.old.clone(), nil
	c.pages = append([]*[idPageSize]uint32(nil), x.pages...)
	for k, p := range c.pages {
		if p != nil {
			page := *p
			c.pages[k] = &page
			c.last = &page // the last one is never nil
		}
	}
	return c
}

// findID returns the order of an id, live or remembered; 0 when there is none.
func (e *Engine) findID(id uint64) uint32 {
	if p := e.byID.page(id); p != nil {
		if s := p[id%idPageSize]; e.orders[s].id == id {
			return s
		}
		return 0
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
