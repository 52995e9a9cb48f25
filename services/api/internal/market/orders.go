package market

import "iter"

// pageOrders is how many consecutive ids share a page: a page with a single
// order left in it takes 8 KiB.
const pageOrders = 1024

// orders are a venue's orders by id. Ids are given densely from 1, so that a
// table of pages takes the place of a map: an id is found by two loads, and the
// pages of what was forgotten are given back.
type orders struct {
	first uint64 // number of pages[0]
	pages []*page
	count int
	free  []*Order // of forgotten orders, to be used again
}

type page struct {
	slots [pageOrders]*Order
	used  int
}

// get is nil where no such order is held.
func (t *orders) get(id uint64) *Order {
	n := id/pageOrders - t.first
	if n >= uint64(len(t.pages)) || t.pages[n] == nil {
		return nil
	}
	return t.pages[n].slots[id%pageOrders]
}

func (t *orders) put(o *Order) {
	n := o.ID / pageOrders
	if len(t.pages) == 0 {
		t.first = n
	}
	if n < t.first { // ids ascend as a rule
		t.pages = append(make([]*page, t.first-n), t.pages...)
		t.first = n
	}
	for n-t.first >= uint64(len(t.pages)) {
		t.pages = append(t.pages, nil)
	}
	p := t.pages[n-t.first]
	if p == nil {
		p = &page{}
		t.pages[n-t.first] = p
	}
	if p.slots[o.ID%pageOrders] == nil {
		p.used++
		t.count++
	}
	p.slots[o.ID%pageOrders] = o
}

// remove takes an order out; its memory becomes another's.
func (t *orders) remove(o *Order) {
	n := o.ID/pageOrders - t.first
	p := t.pages[n]
	p.slots[o.ID%pageOrders] = nil
	t.count--
	if p.used--; p.used == 0 {
		t.pages[n] = nil
		for len(t.pages) > 0 && t.pages[0] == nil {
			t.pages = t.pages[1:]
			t.first++
		}
	}
	*o = Order{Fills: o.Fills[:0]}
	t.free = append(t.free, o)
}

// blank is an empty order. What it held before was copied to whoever wanted it.
func (t *orders) blank() *Order {
	n := len(t.free)
	if n == 0 {
		return &Order{}
	}
	o := t.free[n-1]
	t.free = t.free[:n-1]
	return o
}

// all are the orders by ascending ids.
func (t *orders) all() iter.Seq[*Order] {
	return func(yield func(*Order) bool) {
		for _, p := range t.pages {
			if p == nil {
				continue
			}
			for _, o := range p.slots {
				if o != nil && !yield(o) {
					return
				}
			}
		}
	}
}
