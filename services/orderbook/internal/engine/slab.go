package engine

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
	e.orders = further(e.orders, &e.orderRoom, &e.memory)
	return i
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
	e.terms = further(e.terms, &e.termsRoom, &e.memory)
	return t
}
