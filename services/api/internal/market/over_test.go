package market

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOver: the changes of several outputs in one leave a book as they do one
// after the other, and stay in the order in which a book is read.
func TestOver(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		one, many := map[int64]int64{}, map[int64]int64{}
		apply := func(to map[int64]int64, d *Depth) {
			for _, l := range slices.Concat(d.Bids, d.Asks) {
				to[l.PriceTicks] = l.Lots
			}
		}
		var merged *Depth
		for seq := range uint64(1 + rng.IntN(6)) {
			d := &Depth{Seq: seq, Checksum: uint32(seq)}
			for price := int64(1); price <= 20; price++ {
				if rng.IntN(3) > 0 {
					continue
				}
				l := Level{PriceTicks: price, Lots: int64(rng.IntN(3))}
				if price <= 10 {
					d.Bids = slices.Insert(d.Bids, 0, l)
				} else {
					d.Asks = append(d.Asks, l)
				}
			}
			apply(many, d)
			if merged == nil {
				merged = d
				continue
			}
			before := slices.Clone(merged.Bids)
			next := d.Over(merged)
			if !slices.Equal(before, merged.Bids) || next.Seq != seq || next.Checksum != uint32(seq) {
				t.Fatalf("%+v over %+v is %+v", d, merged, next)
			}
			merged = next
		}
		apply(one, merged)
		if !maps.Equal(one, many) {
			t.Fatalf("in one %v, one after the other %v", one, many)
		}
		up := func(a, b Level) int { return int(a.PriceTicks - b.PriceTicks) }
		if !slices.IsSortedFunc(merged.Asks, up) || !slices.IsSortedFunc(merged.Bids, func(a, b Level) int { return up(b, a) }) {
			t.Fatalf("%+v is not in order", merged)
		}
	}
}
