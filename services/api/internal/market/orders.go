package market

import (
	"iter"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// row is an order as the projection keeps it: two cache lines without a pointer,
// so that a million of them cost the garbage collector nothing. What few orders
// have stands elsewhere, see rare. Names are those of Order.
type row struct {
	ID, Account   uint64
	ClientRef     uint64
	PriceTicks    int64
	QuantityLots  int64
	FilledLots    int64
	RemainingLots int64
	VisibleLots   int64
	QueueSeq      uint64
	CreatedMS     int64
	UpdatedMS     int64
	EventSeq      uint64
	kind          uint32 // side | type << 8 | time_in_force << 16 | self_trade << 24
	Market        uint32
	newer, older  uint32 // slots of the account's orders; 0 = none
	rare          uint32 // 0 = none
	status        uint8
	reject        uint8
	cancel        uint8
	Resting       bool
	Triggered     bool
}

// rare is what few orders have.
type rare struct {
	clientOrderID string
	terms         Terms
	decremented   int64
	hidden        int64 // lots of it in the book's hidden levels
	fills         []Fill
}

var none rare // of a row that has nothing rare; never changed

func (o *row) side() ordersv1.Side     { return ordersv1.Side(o.kind & 255) }
func (o *row) typ() ordersv1.OrderType { return ordersv1.OrderType(o.kind >> 8 & 255) }
func (o *row) Open() bool              { return open(ordersv1.OrderStatus(o.status)) }
func kindOf(o *Order) uint32 {
	return uint32(o.Side)&255 | uint32(o.Type)&255<<8 | uint32(o.TimeInForce)&255<<16 | uint32(o.SelfTrade)<<24
}

// Bounds of the table's pieces.
const (
	pageOrders  = 1024 // consecutive ids that share a page: with a single order left in it, it takes 4 KiB
	chunkOrders = 1024 // rows that are made at a time
	chunkRares  = 128
)

// orders are a venue's orders by id. Ids are given densely from 1, so that pages
// of slots take the place of a map, and the pages of what was forgotten are given
// back. A slot is a row's place, from 1; rows never move.
type orders struct {
	first uint64 // number of pages[0]
	pages []*page
	spare *page // an empty one
	count int

	rows   [][]row
	used   uint32 // slots that were ever given out
	free   uint32 // the first of those that are free, linked by older; 0 = none
	rares  [][]rare
	filled uint32   // places of rares that were ever given out
	vacant []uint32 // of them
}

type page struct {
	slots [pageOrders]uint32
	used  int
}

// at is the row of a slot.
func (t *orders) at(slot uint32) *row { return &t.rows[slot/chunkOrders][slot%chunkOrders] }

// slot is 0 where no such order is held.
func (t *orders) slot(id uint64) uint32 {
	n := id/pageOrders - t.first
	if n >= uint64(len(t.pages)) || t.pages[n] == nil {
		return 0
	}
	return t.pages[n].slots[id%pageOrders]
}

// get is nil where no such order is held.
func (t *orders) get(id uint64) *row {
	if i := t.slot(id); i != 0 {
		return t.at(i)
	}
	return nil
}

// add makes an empty row for an order that is not held.
func (t *orders) add(id uint64) (uint32, *row) {
	n := id / pageOrders
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
		if p, t.spare = t.spare, nil; p == nil {
			p = &page{}
		}
		t.pages[n-t.first] = p
	}
	i := t.free
	if i != 0 {
		t.free = t.at(i).older
	} else {
		t.used++
		if i = t.used; int(i/chunkOrders) >= len(t.rows) {
			t.rows = append(t.rows, make([]row, chunkOrders))
		}
	}
	p.slots[id%pageOrders] = i
	p.used++
	t.count++
	o := t.at(i)
	*o = row{ID: id}
	return i, o
}

// remove takes an order out; its memory becomes another's.
func (t *orders) remove(o *row) {
	n := o.ID/pageOrders - t.first
	p := t.pages[n]
	i := p.slots[o.ID%pageOrders]
	p.slots[o.ID%pageOrders] = 0
	t.count--
	if p.used--; p.used == 0 {
		t.spare = p
		t.pages[n] = nil
		for len(t.pages) > 0 && t.pages[0] == nil {
			t.pages = t.pages[1:]
			t.first++
		}
	}
	if o.rare != 0 {
		r := t.rareAt(o.rare)
		*r = rare{fills: r.fills[:0]}
		t.vacant = append(t.vacant, o.rare)
	}
	*o = row{older: t.free}
	t.free = i
}

// rareAt is the place of what is rare of an order. Places never move.
func (t *orders) rareAt(i uint32) *rare { return &t.rares[i/chunkRares][i%chunkRares] }

// some is what is rare of an order, to be changed.
func (t *orders) some(o *row) *rare {
	if o.rare == 0 {
		if n := len(t.vacant); n > 0 {
			o.rare, t.vacant = t.vacant[n-1], t.vacant[:n-1]
		} else {
			t.filled++
			if o.rare = t.filled; int(o.rare/chunkRares) >= len(t.rares) {
				t.rares = append(t.rares, make([]rare, chunkRares))
			}
		}
	}
	return t.rareAt(o.rare)
}

// of is what is rare of an order, to be read.
func (t *orders) of(o *row) *rare {
	if o.rare == 0 {
		return &none
	}
	return t.rareAt(o.rare)
}

// live is the status of an order that did not end.
func (t *orders) live(o *row) uint8 {
	return uint8(live(o.typ(), o.Triggered, o.FilledLots))
}

// order is a row as others see it, with the fills given.
func (t *orders) order(o *row, fills []Fill) Order {
	r := t.of(o)
	return Order{ID: o.ID, Account: o.Account, ClientOrderID: r.clientOrderID, ClientRef: o.ClientRef, Market: o.Market,
		Side: o.side(), Type: o.typ(), TimeInForce: ordersv1.TimeInForce(o.kind >> 16 & 255), SelfTrade: ordersv1.SelfTrade(o.kind >> 24),
		PriceTicks: o.PriceTicks, QuantityLots: o.QuantityLots, FilledLots: o.FilledLots, RemainingLots: o.RemainingLots, Decremented: r.decremented,
		VisibleLots: o.VisibleLots, Status: ordersv1.OrderStatus(o.status), RejectReason: ordersv1.RejectReason(o.reject), CancelReason: ordersv1.CancelReason(o.cancel),
		Resting: o.Resting, Triggered: o.Triggered, QueueSeq: o.QueueSeq, Terms: r.terms, CreatedMS: o.CreatedMS, UpdatedMS: o.UpdatedMS, EventSeq: o.EventSeq, Fills: fills}
}

// clone is order with all fills that are known.
func (t *orders) clone(o *row) Order { return t.order(o, slices.Clone(t.of(o).fills)) }

// all are the orders by ascending ids.
func (t *orders) all() iter.Seq[*row] {
	return func(yield func(*row) bool) {
		for _, p := range t.pages {
			if p == nil {
				continue
			}
			for _, i := range p.slots {
				if i != 0 && !yield(t.at(i)) {
					return
				}
			}
		}
	}
}
