package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/store"
)

// Two accounts' orders in turn, in lists of seven; the client_ref of one in ten
// names two orders.
const ordersOfTwo = `
insert into trade.orders select 'main', id, 1 + id % 2, '', id - id / 20 % 2 * 2, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 + id / 2 % 7, case when id % 9 = 0 then 26 else 0 end, 0, false, false,
	0, 0, 0, 0, 0, 0, 0, false, 0, 0, 0, 0, id from generate_series(1, 3000) id;
insert into trade.order_lists select account, min(id), venue, array_agg(id order by id) from trade.orders group by account, venue, id / 14;
insert into trade.live_orders select venue, id / 1024 * 1024, id / 1024 * 1024 + 1023, count(*) filter (where status in (1, 2, 7)) from trade.orders group by 1, 2, 3`

// TestListsOfOrders: pages through the lists are what a plain selection is.
func TestListsOfOrders(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := apitest.New(t)
	db.Exec(t, ordersOfTwo)
	s := open(t, db)
	all := map[uint64][]market.Order{} // by account, newest first
	for id := uint64(3000); id > 0; id-- {
		o, err := s.Order(ctx, "main", 1+id%2, id, store.Need{})
		if err != nil {
			t.Fatal(err)
		}
		all[o.Account] = append(all[o.Account], o)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		account, below, limit := 1+r.Uint64N(2), r.Uint64N(3100), 1+r.IntN(40)
		var statuses []ordersv1.OrderStatus
		for range r.IntN(3) {
			statuses = append(statuses, ordersv1.OrderStatus(1+r.IntN(7)))
		}
		known := []int64{int64(below) - 1, int64(below) - 2, 7}
		var want []uint64
		for _, o := range all[account] {
			if (below == 0 || o.ID < below) && (len(statuses) == 0 || slices.Contains(statuses, o.Status)) && !slices.Contains(known, int64(o.ID)) && len(want) < limit {
				want = append(want, o.ID)
			}
		}
		got, err := s.Orders(ctx, "main", account, below, statuses, known, limit, store.Need{})
		if err != nil || !slices.Equal(ids(got), want) {
			t.Errorf("account %d below %d in %v, %d of them\ngot  %v, %v\nwant %v", account, below, statuses, limit, ids(got), err, want)
		}
	}
	if got, err := s.Orders(ctx, "other", 1, 0, nil, nil, 10, store.Need{}); err != nil || len(got) != 0 {
		t.Errorf("another venue has %d orders, %v", len(got), err)
	}
}

// TestOrderByRef: the newest order that a ref named and that was not refused for
// it.
func TestOrderByRef(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := apitest.New(t)
	db.Exec(t, ordersOfTwo)
	s := open(t, db)
	for ref := uint64(1); ref < 60; ref++ {
		for account := range uint64(3) {
			want, found := uint64(0), false
			for id := uint64(1); id <= 3000; id++ {
				if 1+id%2 == account && id-id/20%2*2 == ref && id%9 != 0 {
					want, found = id, true
				}
			}
			got, err := s.OrderByRef(ctx, "main", account, ref, store.Need{})
			if found != (err == nil) || got.ID != want || !found && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("ref %d of account %d is order %d, %v, want %d", ref, account, got.ID, err, want)
			}
		}
	}
}

// TestTheLivingAreLoaded: an api begins with every order that lives, and the
// newest others.
func TestTheLivingAreLoaded(t *testing.T) {
	t.Parallel()
	db := apitest.New(t)
	db.Exec(t, `insert into ctl.cursors (build, partition, stream_created, seq, digest, pos) values ('', 'trade.main', 0, 1, '', 1)`)
	db.Exec(t, ordersOfTwo)
	s := open(t, db)
	st, _, err := s.LoadVenue(context.Background(), "main", false)
	if err != nil {
		t.Fatal(err)
	}
	for id := uint64(1); id <= 3000; id++ {
		status := 1 + id/2%7
		want := status == 1 || status == 2 || status == 7
		if _, loaded := st.Order(1+id%2, id); loaded != (want || id > 2000) {
			t.Fatalf("order %d of status %d is loaded: %v", id, status, loaded)
		}
	}
}

func ids(orders []market.Order) (out []uint64) {
	for _, o := range orders {
		out = append(out, o.ID)
	}
	return out
}
