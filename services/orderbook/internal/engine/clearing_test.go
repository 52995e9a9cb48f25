package engine

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestClearing(t *testing.T) {
	t.Parallel()
	type levels = []stock
	for name, c := range map[string]struct {
		bids, asks levels // in any order
		reference  int64
		want       clearing
	}{
		"an empty side":                     {bids: levels{{10, 5}}, want: clearing{}},
		"nothing crosses":                   {bids: levels{{9, 5}}, asks: levels{{10, 5}}, reference: 9, want: clearing{}},
		"touching prices":                   {bids: levels{{10, 5}}, asks: levels{{10, 7}}, want: clearing{10, 5, -2}},
		"most volume":                       {bids: levels{{12, 5}, {10, 5}}, asks: levels{{9, 8}, {11, 9}}, want: clearing{9, 8, 2}},
		"then least surplus":                {bids: levels{{12, 5}, {10, 5}}, asks: levels{{9, 5}, {11, 1}}, want: clearing{11, 5, -1}},
		"then nearest to the reference":     {bids: levels{{20, 5}}, asks: levels{{10, 5}}, reference: 18, want: clearing{18, 5, 0}},
		"reference outside: the nearer end": {bids: levels{{20, 5}}, asks: levels{{10, 5}}, reference: 30, want: clearing{20, 5, 0}},
		"a surplus of either sign":          {bids: levels{{20, 5}, {14, 1}}, asks: levels{{10, 5}, {16, 1}}, want: clearing{10, 5, 1}},
		"no reference: the lowest":          {bids: levels{{20, 5}}, asks: levels{{10, 5}}, want: clearing{10, 5, 0}},
	} {
		slices.SortFunc(c.bids, func(a, b stock) int { return cmp.Compare(b.price, a.price) })
		slices.SortFunc(c.asks, func(a, b stock) int { return cmp.Compare(a.price, b.price) })
		if got := clearingOf(c.bids, c.asks, c.reference); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// The pass against the definition, tried at every price.
func TestClearingAgainstDefinition(t *testing.T) {
	t.Parallel()
	side := rapid.MapOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, 6))
	rapid.Check(t, func(t *rapid.T) {
		var bids, asks []stock
		for p, q := range side.Draw(t, "bids") {
			bids = append(bids, stock{p, q})
		}
		for p, q := range side.Draw(t, "asks") {
			asks = append(asks, stock{p, q})
		}
		reference := rapid.Int64Range(0, 22).Draw(t, "reference")
		slices.SortFunc(bids, func(a, b stock) int { return cmp.Compare(b.price, a.price) })
		slices.SortFunc(asks, func(a, b stock) int { return cmp.Compare(a.price, b.price) })
		got := clearingOf(bids, asks, reference)

		var want clearing
		var key [3]int64
		for p := int64(1); p <= 22; p++ {
			limit := p == reference && len(bids) > 0 && len(asks) > 0 && asks[0].price <= p && p <= bids[0].price
			var bought, sold int64
			for _, l := range bids {
				limit = limit || l.price == p
				if l.price >= p {
					bought += l.lots
				}
			}
			for _, l := range asks {
				limit = limit || l.price == p
				if l.price <= p {
					sold += l.lots
				}
			}
			volume, surplus := min(bought, sold), bought-sold
			if !limit || volume == 0 {
				continue
			}
			k := [3]int64{-volume, max(surplus, -surplus), 0}
			if reference != 0 {
				k[2] = max(p-reference, reference-p)
			}
			if want.price == 0 || slices.Compare(k[:], key[:]) < 0 {
				want, key = clearing{p, volume, surplus}, k
			}
		}
		if got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}
