package engine

import "unsafe"

// newSlot gives an order's place in the slab, empty.
func (e *Engine) newSlot() uint32 {
	i := e.freeOrder
	if i == 0 {
		return e.furtherSlot()
	}
	e.freeOrder = e.orders[i].next
	return i
}

// furtherSlot is newSlot when none is free.
func (e *Engine) furtherSlot() uint32 {
	i := uint32(len(e.orders))
	if len(e.orders) == cap(e.orders) {
		e.growOrders()
	}
	e.orders = e.orders[:i+1]
	return i
}

// growOrders makes room for an eighth more orders: a slab that doubles would
// waste what the memory figure allows.
func (e *Engine) growOrders() {
	n := cap(e.orders) + max(cap(e.orders)/8, 1024)
	e.orders = enlarged(e.orders, n, e.large)
}

// largeSlab is from how many bytes on Options.Large is told.
const largeSlab = 2 << 20

// enlarged copies a slab into one with room for n.
func enlarged[T any](old []T, n int, large func([]byte)) []T {
	s := make([]T, len(old), n)
	if size := n * int(unsafe.Sizeof(s[:1][0])); large != nil && size >= largeSlab {
		large(unsafe.Slice((*byte)(unsafe.Pointer(&s[:1][0])), size))
	}
	copy(s, old)
	return s
}

func (e *Engine) freeSlot(i uint32) {
	o := &e.orders[i]
	if t := o.terms; t != 0 {
		e.terms[t] = terms{next: e.freeTerms}
		e.freeTerms = t
	}
	// What else it was is cleared when the slot is used again.
	o.id, o.ref, o.terms, o.status, o.flags = 0, 0, 0, 0, o.flags&flagDirty
	o.next = e.freeOrder
	e.freeOrder = i
}

// newTerms gives a place for the terms of an order.
func (e *Engine) newTerms() uint32 {
	t := e.freeTerms
	if t != 0 {
		e.freeTerms = e.terms[t].next
		e.terms[t].next = 0
		return t
	}
	t = uint32(len(e.terms))
	e.terms = append(e.terms, terms{})
	return t
}
