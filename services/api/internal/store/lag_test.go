package store

import (
	"testing"
	"time"
)

// TestLag is told by what the primary held when, whatever clocks say.
func TestLag(t *testing.T) {
	t.Parallel()
	at := func(build, epoch string, pos uint64) *Snapshot {
		return &Snapshot{Build: build, cursors: map[string]Cursor{"p": {Epoch: epoch, Pos: pos}, "still": {Epoch: "e"}}}
	}
	var h history
	start := time.Unix(1000, 0)
	for i := range 10 {
		h = h.add(start.Add(time.Duration(i)*time.Second), at("b", "e", uint64(i)))
	}
	for _, c := range []struct {
		snap *Snapshot
		want time.Time
	}{
		{at("b", "e", 9), time.Time{}}, {at("b", "e", 12), time.Time{}}, {at("b", "e", 8), start.Add(9 * time.Second)}, {at("b", "e", 3), start.Add(4 * time.Second)},
		{at("b", "x", 9), start}, {at("c", "e", 9), start}, {&Snapshot{Build: "b"}, start},
	} {
		if got := h.lacks(c.snap); !got.Equal(c.want) {
			t.Errorf("%+v lacks something since %v, want %v", c.snap, got, c.want)
		}
	}
	if got := behind(at("b", "e", 7), at("b", "e", 9)); len(got) != 1 || got["p"] != 2 {
		t.Errorf("behind by %v", got)
	}
	// What is older than what is kept is forgotten, and so is a life before a restore.
	if h = h.add(start.Add(kept+5*time.Second), at("b", "e", 20)); len(h) != 6 {
		t.Errorf("%d moments are kept", len(h))
	}
	if h = h.add(start.Add(kept+6*time.Second), at("b", "e", 2)); len(h) != 1 || !h.lacks(at("b", "e", 2)).IsZero() {
		t.Errorf("%d moments are kept after a restore", len(h))
	}
}

// TestChanges: the lowest height touched since any position, from a memory that
// keeps few of many changes.
func TestChanges(t *testing.T) {
	t.Parallel()
	var all []change
	number := func(i int) int64 { return int64((i * 7919) % 101) }
	c := Changes{known: true, from: 3}
	for i := range 200 {
		e := change{pos: uint64(10 + 2*i), number: number(i)}
		all = append(all, e)
		c = c.add([]change{e}, e.pos)
	}
	if len(c.at) > 101 {
		t.Errorf("%d entries are kept", len(c.at))
	}
	for pos := uint64(3); pos < 420; pos++ {
		want := int64(1<<63 - 1)
		for _, e := range all {
			if e.pos > pos {
				want = min(want, e.number)
			}
		}
		if got, ok := c.Since(pos); !ok || got != want {
			t.Fatalf("since %d: %d %t, want %d", pos, got, ok, want)
		}
	}
	if _, ok := c.Since(2); ok {
		t.Error("something is known of before the memory")
	}
	if _, ok := (&Changes{}).Since(9); ok {
		t.Error("nobody told anything")
	}
}
