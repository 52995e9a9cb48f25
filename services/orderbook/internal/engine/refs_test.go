package engine

import (
	"testing"

	"pgregory.net/rapid"
)

// TestRefsAgainstMap places and ends orders whose hashes collide often, so that
// buckets overflow into each other, and beyond the last, while the index grows.
func TestRefsAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := newRefIndex(&memory{})
		x.reset(rapid.IntRange(1, 100).Draw(t, "room"))
		keys := map[uint32]uint64{} // slot -> hash
		spread := rapid.IntRange(16, 20).Draw(t, "spread")
		homes, tags := rapid.Uint64Range(1, 9).Draw(t, "homes"), rapid.Uint64Range(1, 3).Draw(t, "tags")
		find := func(hash uint64, slot uint32) bool {
			tag := tagOf(hash)
			for at := x.home(hash); ; at++ {
				b := &x.buckets[at]
				for match := b.match(tag); match != 0; match &= match - 1 {
					if b.slots[entryOf(match)] == slot {
						return true
					}
				}
				if b.over == 0 {
					return false
				}
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
				s, r := uint32(step+1), rapid.Uint64().Draw(t, "hash")
				keys[s] = ^(r%homes<<spread)&^0xff | r>>32%tags*0x55
				if x.full() || r>>40%4 == 0 {
					x.widen(func(slot uint32) uint64 { return keys[slot] })
				}
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
		for s, h := range keys {
			x.remove(h, s)
		}
		for k := range x.buckets {
			if x.buckets[k] != (refBucket{}) {
				t.Fatalf("bucket %d of an empty index is %+v", k, x.buckets[k])
			}
		}
	})
}

// TestRefMatch: whatever stands in a bucket, the entries with a tag are found and
// the lowest bit is one of them.
func TestRefMatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b refBucket
		tags := [refsPerBucket]uint64{}
		for k := range tags {
			tags[k] = uint64(rapid.SampledFrom([]byte{0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff}).Draw(t, "tag"))
			b.set(uint(k), tags[k], uint32(tags[k]))
		}
		want := uint64(rapid.SampledFrom([]byte{0, 1, 2, 3, 0x7f, 0x80, 0x81, 0xff}).Draw(t, "want"))
		found := map[uint]bool{}
		match := b.match(want * everyByte)
		for m := match; m != 0; m &= m - 1 {
			found[entryOf(m)] = true
		}
		for k, tag := range tags {
			if tag == want && !found[uint(k)] {
				t.Fatalf("entry %d has the tag %#x and is not found", k, tag)
			}
		}
		if match != 0 && tags[entryOf(match)] != want {
			t.Fatalf("the first of the entries with tag %#x is %d, which has %#x", want, entryOf(match), tags[entryOf(match)])
		}
	})
}
