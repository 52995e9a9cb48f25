package engine

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndexAgainstMap adds and removes slots whose hashes collide often.
func TestIndexAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x index
		keys := map[uint32]uint64{} // slot -> hash
		few := rapid.Uint64Range(1, 12).Draw(t, "homes")
		hashOf := func(k uint64) uint64 { return k % few * (1<<64 - 1) / few }
		find := func(hash uint64, slot uint32) bool {
			at, tag := x.seek(hash)
			for {
				s, next := x.probe(at, tag)
				if s == 0 || s == slot {
					return s != 0
				}
				at = next
			}
		}
		for step := range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(keys) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				slots := sortedKeys(keys)
				s := slots[rapid.IntRange(0, len(slots)-1).Draw(t, "which")]
				x.remove(keys[s], s)
				if find(keys[s], s) {
					t.Fatalf("slot %d is found after its removal", s)
				}
				delete(keys, s)
			} else {
				s := uint32(step + 1)
				keys[s] = hashOf(rapid.Uint64().Draw(t, "key"))
				x.add(keys[s], s)
			}
			if x.n != len(keys) {
				t.Fatalf("%d entries of %d", x.n, len(keys))
			}
			for s, h := range keys {
				if !find(h, s) {
					t.Fatalf("slot %d is lost", s)
				}
			}
		}
	})
}

// TestIndexRemoveMissing: an entry that is not there is the engine's mistake.
func TestIndexRemoveMissing(t *testing.T) {
	t.Parallel()
	var x index
	x.add(mix(1), 1)
	defer func() {
		if recover() == nil {
			t.Error("removing a missing entry did not panic")
		}
	}()
	x.remove(mix(2), 2)
}

func sortedKeys(m map[uint32]uint64) []uint32 {
	var out []uint32
	for k := uint32(1); len(out) < len(m); k++ {
		if _, found := m[k]; found {
			out = append(out, k)
		}
	}
	return out
}
