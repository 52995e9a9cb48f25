package market

import (
	"math/rand/v2"
	"strconv"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestOrdersAndNames puts and forgets orders whose names come again, and compares
// every lookup with plain maps.
func TestOrdersAndNames(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 11))
	s := venueOf()
	type key struct {
		account, ref uint64
		id           string
	}
	held, byName := map[uint64]*Order{}, map[key]uint64{}
	var live []uint64
	put := func(id uint64) {
		o := Order{ID: id, Account: r.Uint64N(5), Market: 1, EventSeq: id, Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN}
		if r.IntN(2) == 0 {
			o.ClientRef = 1 + r.Uint64N(300)
			byName[key{account: o.Account, ref: o.ClientRef}] = id
		}
		if r.IntN(2) == 0 {
			o.ClientOrderID = strconv.Itoa(r.IntN(300))
			byName[key{account: o.Account, id: o.ClientOrderID}] = id
		}
		s.PutOrder(o)
		held[id] = &o
		live = append(live, id)
	}
	forget := func() {
		i := r.IntN(len(live))
		id := live[i]
		live[i] = live[len(live)-1]
		live = live[:len(live)-1]
		o := held[id]
		delete(held, id)
		for _, k := range []key{{account: o.Account, ref: o.ClientRef}, {account: o.Account, id: o.ClientOrderID}} {
			if byName[k] == id {
				delete(byName, k)
			}
		}
		s.forget(s.orders.get(id))
	}
	check := func() {
		t.Helper()
		seen, last := 0, uint64(0)
		for o := range s.orders.all() {
			if seen++; held[o.ID] == nil || o.ID <= last {
				t.Fatalf("order %d after %d", o.ID, last)
			}
			last = o.ID
		}
		if seen != len(held) || s.orders.count != seen {
			t.Fatalf("%d orders, %d counted, want %d", seen, s.orders.count, len(held))
		}
		for account := range uint64(5) {
			for n := uint64(1); n <= 300; n++ {
				if got, want := idOf(s.refs.find(name{account: account, ref: n})), byName[key{account: account, ref: n}]; got != want {
					t.Fatalf("account %d, ref %d: order %d, want %d", account, n, got, want)
				}
				id := strconv.FormatUint(n, 10)
				if got, want := idOf(s.clientIDs.find(name{account: account, id: id})), byName[key{account: account, id: id}]; got != want {
					t.Fatalf("account %d, id %s: order %d, want %d", account, id, got, want)
				}
			}
			mine := 0
			for _, o := range held {
				if o.Account == account {
					mine++
				}
			}
			if got := len(s.Orders(account, 0, func(*Order) bool { return true })); got != mine {
				t.Fatalf("account %d has %d orders, want %d", account, got, mine)
			}
		}
	}
	next := uint64(5000)
	for round := range 60 {
		for range 200 {
			if next += 1 + r.Uint64N(3); r.IntN(50) == 0 {
				next += 3 * pageOrders
			}
			put(next)
		}
		if round%6 == 3 { // some wait for their places
			check()
		}
		for range 150 + round {
			if len(live) > 0 {
				forget()
			}
		}
		if round%6 == 0 {
			check()
		}
	}
	put(7) // a loaded order may be older than all
	check()
	for len(live) > 0 {
		forget()
	}
	check()
	if len(s.orders.pages) > 0 || s.refs.count != 0 || s.clientIDs.count != 0 {
		t.Errorf("%d pages, %d and %d names are left", len(s.orders.pages), s.refs.count, s.clientIDs.count)
	}
}

func idOf(o *row) uint64 {
	if o == nil {
		return 0
	}
	return o.ID
}
