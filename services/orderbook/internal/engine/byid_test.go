package engine

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIDIndexAgainstMap enters rising ids with gaps, and old ones, and ends orders,
// whose slots are used again, so that pages are given up, skipped and used again.
func TestIDIndexAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := New(Options{})
		e.byID.least = 2
		live := map[uint64]uint32{}
		var ids []uint64
		var free []uint32
		id, most := rapid.Uint64Range(0, 3*idPageSize).Draw(t, "first"), 0
		enter := func(add func(uint64, uint32)) {
			id++
			slot := uint32(len(e.orders))
			if k := len(free) - 1; k >= 0 {
				slot, free = free[k], free[:k]
				e.orders[slot].id = id
			} else {
				e.orders = append(e.orders, order{id: id})
			}
			add(id, slot)
			live[id], ids = slot, append(ids, id)
			most = max(most, len(live))
		}
		for range rapid.IntRange(0, 50).Draw(t, "old") {
			enter(e.byID.addOld)
		}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			for range rapid.IntRange(0, 2*idPageSize).Draw(t, "enter") {
				enter(func(id uint64, slot uint32) { e.byID.add(id, slot, e.orders) })
			}
			id += rapid.Uint64Range(0, 9*idPageSize).Draw(t, "refused")
			every := rapid.IntRange(1, 40).Draw(t, "keep one of")
			kept := ids[:0]
			for k, n := range ids {
				if k%every == 0 {
					kept = append(kept, n)
					continue
				}
				e.byID.remove(n, live[n])
				e.orders[live[n]].id = 0
				free = append(free, live[n])
				delete(live, n)
			}
			ids = kept
			if e.byID.n != len(live) {
				t.Fatalf("%d orders counted of %d", e.byID.n, len(live))
			}
			copied := e.byID.clone()
			for n := uint64(1); n <= id; n++ {
				if got := e.findID(n); got != live[n] {
					t.Fatalf("id %d is in slot %d, found in %d", n, live[n], got)
				}
			}
			own := e.byID
			e.byID = copied
			for _, n := range ids {
				if got := e.findID(n); got != live[n] {
					t.Fatalf("id %d is in slot %d, found by a copy in %d", n, live[n], got)
				}
			}
			e.byID = own
			pages := 0
			for _, p := range e.byID.pages {
				if p != nil {
					pages++
				}
			}
			if pages > max(e.byID.least, idPageSpan*most/idPageSize+1) {
				t.Fatalf("%d pages for %d orders", pages, most)
			}
		}
	})
}
