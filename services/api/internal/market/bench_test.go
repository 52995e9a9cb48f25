package market

import (
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// benchVenue folds one order an iteration: accepted, resting, two balances, and
// the cancel of the order that came 50,000 before it.
func benchVenue(b *testing.B, prefix string) {
	const open, accounts = 50_000, 1000
	s := venueOf()
	s.Quiet = true
	var raws [5][]byte
	opts := proto.MarshalOptions{}
	id := uint64(0)
	step := func() {
		id++
		e := &tradesv1.OrderAccepted{OrderId: id, Account: id % accounts, Market: 1, Kind: 1 | lim | gtc, PriceTicks: 100 + id%97, QuantityLots: 5, ClientRef: id, AtMs: 1}
		if prefix != "" {
			e.ClientRef, e.ClientOrderId = 0, prefix+strconv.FormatUint(id, 10)
		}
		kinds := []any{e, &tradesv1.OrderRested{OrderId: id, RemainingLots: 5, VisibleLots: 5}, &tradesv1.BalanceChanged{Account: id % accounts, Available: 1, Asset: 1},
			&tradesv1.BalanceChanged{Account: id % accounts, Available: 1, Asset: 2}}
		if id > open {
			kinds = append(kinds, &tradesv1.OrderCanceled{OrderId: id - open, RemainingLots: 5})
		}
		for i, k := range kinds {
			raws[i], _ = opts.MarshalAppend(raws[i][:0], event(k))
		}
	}
	fold := func() {
		for _, raw := range raws {
			if len(raw) > 0 {
				if _, err := s.Apply(s.Seq+1, raw); err != nil {
					b.Fatal(err)
				}
			}
		}
		if id%1000 == 0 {
			s.Drop()
		}
	}
	for range open + 3*MaxFinished {
		step()
		fold()
	}
	// What is folded is made beforehand, a thousand orders at a time.
	var made [][]byte
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		b.StopTimer()
		made = made[:0]
		for range min(1000, b.N-n) {
			step()
			for _, raw := range raws {
				made = append(made, append([]byte(nil), raw...))
			}
			n++
		}
		b.StartTimer()
		for _, raw := range made {
			if _, err := s.Apply(s.Seq+1, raw); err != nil {
				b.Fatal(err)
			}
		}
		s.Drop()
	}
}

// BenchmarkVenue folds orders of which 50,000 are open, named by client_ref.
func BenchmarkVenue(b *testing.B) { benchVenue(b, "") }

// BenchmarkVenueClientIDs is the same with client_order_ids.
func BenchmarkVenueClientIDs(b *testing.B) { benchVenue(b, "client-order-") }
