package engine

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIDIndexAgainstMap enters rising ids with gaps, and old ones, and removes
// them so that pages become thin, empty and used again.
func TestIDIndexAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := New(Options{})
		live := map[uint64]uint32{}
		var ids []uint64
		id := rapid.Uint64Range(0, 3*idPageSize).Draw(t, "first")
		enter := func(add func(uint64, uint32)) {
			id++
			e.orders = append(e.orders, order{id: id})
			slot := uint32(len(e.orders) - 1)
			add(id, slot)
			live[id], ids = slot, append(ids, id)
		}
		for range rapid.IntRange(0, 50).Draw(t, "old") {
			enter(e.byID.addOld)
		}
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			for range rapid.IntRange(0, 2*idPageSize).Draw(t, "enter") {
				enter(e.byID.add)
			}
			id += rapid.Uint64Range(0, 3*idPageSize).Draw(t, "refused")
			every := rapid.IntRange(1, 40).Draw(t, "keep one of")
			kept := ids[:0]
			for k, n := range ids {
				if k%every == 0 {
					kept = append(kept, n)
					continue
				}
				e.byID.remove(n, live[n])
				e.orders[live[n]].id = 0
				delete(live, n)
			}
			ids = kept
			if e.byID.count() != len(live) {
				t.Fatalf("%d orders counted of %d", e.byID.count(), len(live))
			}
			copied := e.byID.clone()
			if copied.count() != len(live) {
				t.Fatalf("the copy has %d orders of %d", copied.count(), len(live))
			}
			for n := uint64(1); n <= id; n++ {
				if got := e.findID(n); got != live[n] {
					t.Fatalf("id %d is in slot %d, found in %d", n, live[n], got)
				}
			}
			thick := 0
			for k := range e.byID.pages {
				if p := &e.byID.pages[k]; p.slots != nil && k < len(e.byID.pages)-1 {
					thick++
					if p.live < idPageThin {
						t.Fatalf("a page of %d orders is kept", p.live)
					}
				}
			}
			if thick*idPageThin > len(live) {
				t.Fatalf("%d pages for %d orders", thick, len(live))
			}
		}
	})
}
