package market

import (
	"hash/crc32"
	"slices"
	"strconv"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// book holds the levels of one market, best last, so that what happens near
// the best prices moves little memory; and which of them changed.
type book struct {
	bids, asks             []Level
	hiddenBids, hiddenAsks []Level // what rests there and is not shown
	version                uint64  // grows with every change
	dirty                  []levelKey
	told                   Top // the best levels when TakeTop was last asked
}

type levelKey struct {
	buy   bool
	price int64
}

// add changes what a price shows; a level without lots is removed.
func (b *book) add(side ordersv1.Side, price, lots int64) {
	if lots == 0 {
		return
	}
	buy := side == ordersv1.Side_SIDE_BUY
	if buy {
		change(&b.bids, price, lots, buy)
	} else {
		change(&b.asks, price, lots, buy)
	}
	b.version++
	if n := len(b.dirty); n == 0 || b.dirty[n-1] != (levelKey{buy, price}) {
		b.dirty = append(b.dirty, levelKey{buy, price})
	}
}

// hide changes what a price holds beside what it shows.
func (b *book) hide(side ordersv1.Side, price, lots int64) {
	if side == ordersv1.Side_SIDE_BUY {
		change(&b.hiddenBids, price, lots, true)
	} else {
		change(&b.hiddenAsks, price, lots, false)
	}
	b.version++
}

func change(levels *[]Level, price, lots int64, buy bool) {
	i, ok := find(*levels, price, buy)
	switch {
	case !ok:
		*levels = slices.Insert(*levels, i, Level{price, lots})
	case (*levels)[i].Lots+lots == 0:
		*levels = slices.Delete(*levels, i, i+1)
	default:
		(*levels)[i].Lots += lots
	}
}

// find is where a price stands: bids ascend, asks descend.
func find(levels []Level, price int64, buy bool) (int, bool) {
	return slices.BinarySearchFunc(levels, price, func(l Level, p int64) int {
		if buy {
			return compare(l.PriceTicks, p)
		}
		return -compare(l.PriceTicks, p)
	})
}

func lotsAt(levels []Level, price int64, buy bool) int64 {
	if i, ok := find(levels, price, buy); ok {
		return levels[i].Lots
	}
	return 0
}

// top copies the best levels, best first; limit 0 = all.
func top(levels []Level, limit int) []Level {
	if limit > 0 && limit < len(levels) {
		levels = levels[len(levels)-limit:]
	}
	out := slices.Clone(levels)
	slices.Reverse(out)
	return out
}

func best(levels []Level) Level {
	if len(levels) == 0 {
		return Level{}
	}
	return levels[len(levels)-1]
}

// changes takes the levels that changed, best first, with what they show now.
func (b *book) changes() (bids, asks []Level) {
	for _, key := range b.dirty {
		if key.buy {
			bids = append(bids, Level{key.price, lotsAt(b.bids, key.price, true)})
		} else {
			asks = append(asks, Level{key.price, lotsAt(b.asks, key.price, false)})
		}
	}
	b.dirty = b.dirty[:0]
	slices.SortFunc(bids, func(a, b Level) int { return -compare(a.PriceTicks, b.PriceTicks) })
	slices.SortFunc(asks, func(a, b Level) int { return compare(a.PriceTicks, b.PriceTicks) })
	same := func(a, b Level) bool { return a.PriceTicks == b.PriceTicks }
	return slices.CompactFunc(bids, same), slices.CompactFunc(asks, same)
}

// checksumLevels is how many levels of each side a checksum covers.
const checksumLevels = 10

// checksum is the CRC-32 (IEEE) of the best ten bids and asks in ticks and
// lots: "price:lots" of the first bid, of the first ask, of the second bid and
// so on, joined by ":"; a side that has fewer levels is passed over.
func (b *book) checksum() uint32 {
	var buf [512]byte
	out := buf[:0]
	for i := 1; i <= checksumLevels; i++ {
		for _, levels := range [2][]Level{b.bids, b.asks} {
			if i > len(levels) {
				continue
			}
			l := levels[len(levels)-i]
			if len(out) > 0 {
				out = append(out, ':')
			}
			out = strconv.AppendInt(out, l.PriceTicks, 10)
			out = append(out, ':')
			out = strconv.AppendInt(out, l.Lots, 10)
		}
	}
	return crc32.ChecksumIEEE(out)
}

func compare[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
