package engine

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A heap against a sorted slice: the same first entry after any pushes and
// removals by handle, and the same memory reused.
func TestHeapAgainstSortedSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		var live []node
		id, most := uint64(0), 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch op := rapid.IntRange(0, 4).Draw(t, "op"); {
			case op <= 2 || len(live) == 0:
				id++
				n := node{key: rapid.Int64Range(-3, 3).Draw(t, "key"), kind: rapid.Uint8Range(0, 2).Draw(t, "kind"), id: id, slot: uint32(id)}
				n.handle = h.push(n.key, n.kind, n.id, n.slot)
				live = append(live, n)
			case op == 3:
				k := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				h.remove(live[k].handle)
				live = slices.Delete(live, k, k+1)
			default:
				h.remove(h.first().handle)
				live = slices.Delete(live, 0, 1)
			}
			slices.SortFunc(live, func(a, b node) int {
				return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
			})
			most = max(most, len(live))
			if !h.audit() {
				t.Fatal("the heap is out of order")
			}
			if first := h.first(); (first == nil) != (len(live) == 0) || first != nil && *first != live[0] {
				t.Fatalf("first is %+v, want %+v", first, live)
			}
			if len(h.where) > most {
				t.Fatalf("%d handles for at most %d entries", len(h.where), most)
			}
		}
	})
}

func TestHeapRemovingTwicePanics(t *testing.T) {
	t.Parallel()
	var h heap
	h.push(1, 0, 1, 1)
	handle := h.push(2, 0, 2, 2)
	h.remove(handle)
	defer func() {
		if recover() == nil {
			t.Error("the second removal of a handle went through")
		}
	}()
	h.remove(handle)
}
