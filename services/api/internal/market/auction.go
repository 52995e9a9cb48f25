package market

import (
	"slices"
)

// Indication is what an auction would do if it ended now. Price 0 = nothing
// would trade.
type Indication struct {
	Seq                     uint64
	PriceTicks              int64
	VolumeLots, SurplusLots int64 // surplus: bought minus sold lots left over
	ReferenceTicks          int64 // 0 = none
}

// indicated is the indication of one version of a book.
type indicated struct {
	Indication
	version uint64
}

// Indicate computes the auction's price by the rule of the book: the most
// volume, then the least surplus, then the nearest to the reference, then the
// lowest. Hidden quantities count. It looks at the levels where both sides meet,
// once a version of the book. Several may ask at once.
func (s *State) Indicate(m *Market) Indication {
	out := Indication{Seq: s.Seq, ReferenceTicks: s.Last(m.ID)}
	if out.ReferenceTicks == 0 {
		out.ReferenceTicks = m.Limits.ReferenceTicks
	}
	t := s.trading(m.ID)
	if t == nil {
		return out
	}
	if was := t.indication.Load(); was != nil && was.version == t.book.version && was.ReferenceTicks == out.ReferenceTicks {
		out = was.Indication
		out.Seq = s.Seq
		return out
	}
	out = indicate(out, t.book.meeting(out.ReferenceTicks))
	t.indication.Store(&indicated{out, t.book.version})
	return out
}

// wish is what is bought and sold at one price.
type wish struct{ price, bought, sold int64 }

// meeting lists the prices from the lowest ask to the highest bid, ascending,
// with the reference if it lies between them; nothing when the sides do not meet.
func (b *book) meeting(reference int64) []wish {
	high := max(best(b.bids).PriceTicks, best(b.hiddenBids).PriceTicks)
	low := best(b.asks).PriceTicks
	if h := best(b.hiddenAsks).PriceTicks; h != 0 && (low == 0 || h < low) {
		low = h
	}
	if high == 0 || low == 0 || high < low {
		return nil
	}
	var all []wish
	for _, levels := range [][]Level{b.bids, b.hiddenBids} {
		from, _ := find(levels, low, true)
		for _, l := range levels[from:] {
			all = append(all, wish{price: l.PriceTicks, bought: l.Lots})
		}
	}
	for _, levels := range [][]Level{b.asks, b.hiddenAsks} {
		from, _ := find(levels, high, false)
		for _, l := range levels[from:] {
			all = append(all, wish{price: l.PriceTicks, sold: l.Lots})
		}
	}
	if reference > low && reference < high {
		all = append(all, wish{price: reference})
	}
	slices.SortFunc(all, func(a, b wish) int { return compare(a.price, b.price) })
	n := 0
	for _, w := range all {
		if n > 0 && all[n-1].price == w.price {
			all[n-1].bought += w.bought
			all[n-1].sold += w.sold
			continue
		}
		all[n] = w
		n++
	}
	return all[:n]
}

// indicate chooses the price from what is bought and sold at each.
func indicate(out Indication, prices []wish) Indication {
	demand := make([]int64, len(prices)) // bought at this price or above
	sum := int64(0)
	for i := len(prices) - 1; i >= 0; i-- {
		sum += prices[i].bought
		demand[i] = sum
	}
	supply := int64(0)
	for i, w := range prices {
		supply += w.sold
		volume, surplus := min(demand[i], supply), demand[i]-supply
		better := volume > out.VolumeLots
		if !better && volume == out.VolumeLots && volume > 0 {
			switch now, was := abs(surplus), abs(out.SurplusLots); {
			case now != was:
				better = now < was
			case out.ReferenceTicks > 0:
				better = abs(w.price-out.ReferenceTicks) < abs(out.PriceTicks-out.ReferenceTicks)
			}
		}
		if better {
			out.PriceTicks, out.VolumeLots, out.SurplusLots = w.price, volume, surplus
		}
	}
	return out
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
