package engine

import "math"

// stock is what one side offers at a price: lots with the hidden ones.
type stock struct{ price, lots int64 }

// clearing is the price of a call auction and what it would trade.
type clearing struct {
	price   int64 // ticks; 0 = nothing crosses
	volume  int64 // lots
	surplus int64 // lots bought minus sold at the price that find nobody
}

// clearingOf computes the auction price of two sides, each best price first, hidden
// lots included; levels that cannot trade with the other side may be left out.
// reference is 0 when there is none, and may itself become the price.
//
// The price has the most volume min(bought at p or higher, sold at p or lower),
// then the least |surplus|, then the least distance to the reference, and is
// then the lowest. One pass over the prices, rising.
func clearingOf(bids, asks []stock, reference int64) clearing {
	if len(bids) == 0 || len(asks) == 0 || bids[0].price < asks[0].price {
		return clearing{}
	}
	low, high := asks[0].price, bids[0].price
	var demand, supply uint64 // lots that would buy or sell at the price looked at
	for k := range bids {
		demand += uint64(bids[k].lots)
	}
	var best clearing
	var bestGap uint64
	askAt, bidAt, refAt := 0, len(bids)-1, reference
	if reference < low || reference > high {
		refAt = math.MaxInt64
	}
	for price := int64(0); ; {
		price = refAt
		if askAt < len(asks) {
			price = min(price, asks[askAt].price)
		}
		if bidAt >= 0 {
			price = min(price, bids[bidAt].price)
		}
		if price > high {
			return best
		}
		for ; askAt < len(asks) && asks[askAt].price <= price; askAt++ {
			supply += uint64(asks[askAt].lots)
		}
		if price >= low {
			c := clearing{price, int64(min(demand, supply)), saturatingSub(demand, supply)}
			gap := uint64(0)
			if reference != 0 {
				gap = magnitude(price - reference)
			}
			if c.beats(gap, best, bestGap) {
				best, bestGap = c, gap
			}
		}
		if price == refAt {
			refAt = math.MaxInt64
		}
		for ; bidAt >= 0 && bids[bidAt].price <= price; bidAt-- {
			demand -= uint64(bids[bidAt].lots)
		}
	}
}

// beats compares with the best of the lower prices; gaps are the distances to
// the reference.
func (c clearing) beats(gap uint64, best clearing, bestGap uint64) bool {
	if c.volume != best.volume {
		return c.volume > best.volume
	}
	if a, b := magnitude(c.surplus), magnitude(best.surplus); a != b {
		return a < b
	}
	return gap < bestGap
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

// saturatingSub is a-b within int64: the legs of pairs share reservations, so
// the lots of one side may add up to more than an asset's supply.
func saturatingSub(a, b uint64) int64 {
	if a >= b {
		return int64(min(a-b, math.MaxInt64))
	}
	return -int64(min(b-a, math.MaxInt64))
}
