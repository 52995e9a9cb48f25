package market

import "slices"

// indicate chooses the price from what is bought and sold at each.
func indicate(out Indication, prices []int64, bought, sold map[int64]int64) Indication {
	slices.Sort(prices)
	prices = slices.Compact(prices)
	highestBid, lowestAsk := int64(0), int64(0)
	for _, p := range prices {
		if bought[p] > 0 {
			highestBid = p
		}
		if sold[p] > 0 && lowestAsk == 0 {
			lowestAsk = p
		}
	}
	if highestBid == 0 || lowestAsk == 0 || highestBid < lowestAsk {
		return out
	}
	if r := out.ReferenceTicks; r > lowestAsk && r < highestBid {
		if i, ok := slices.BinarySearch(prices, r); !ok {
			prices = slices.Insert(prices, i, r)
		}
	}
	demand := make([]int64, len(prices)) // bought at this price or above
	sum := int64(0)
	for i := len(prices) - 1; i >= 0; i-- {
		sum += bought[prices[i]]
		demand[i] = sum
	}
	supply := int64(0)
	for i, p := range prices {
		supply += sold[p]
		volume, surplus := min(demand[i], supply), demand[i]-supply
		better := volume > out.VolumeLots
		if !better && volume == out.VolumeLots && volume > 0 {
			switch now, was := abs(surplus), abs(out.SurplusLots); {
			case now != was:
				better = now < was
			case out.ReferenceTicks > 0:
				better = abs(p-out.ReferenceTicks) < abs(out.PriceTicks-out.ReferenceTicks)
			}
		}
		if better {
			out.PriceTicks, out.VolumeLots, out.SurplusLots = p, volume, surplus
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
