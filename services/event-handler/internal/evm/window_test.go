package evm

import "testing"

// TestWindowFindsALimit: against a node with a limit the window stays near it,
// and seldom fails once it is known.
func TestWindowFindsALimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []uint64{1, 2, 7, 500, 5000, 1 << 40} {
		w := newWindow(1000, 10_000)
		fails := 0
		for range 1000 {
			span := w.size
			if span > limit {
				fails++
				if w.tooMuch(span) != (span > 1) {
					t.Fatalf("limit %d: span %d", limit, span)
				}
				continue
			}
			w.succeeded(span, 0, 0)
		}
		if fails > 60 {
			t.Errorf("limit %d: %d of 1000 questions were too large", limit, fails)
		}
		if want := min(limit, 10_000); w.size > max(want*2, 2) || w.size < max(1, want/4) {
			t.Errorf("limit %d: size %d", limit, w.size)
		}
	}
}

func TestWindowShrinksWithManyLogs(t *testing.T) {
	t.Parallel()
	w := newWindow(1000, 10_000)
	w.succeeded(1000, manyLogs+1, 0)
	if w.size != 500 {
		t.Errorf("size %d", w.size)
	}
	w.succeeded(500, (fewLogs+manyLogs)/2, 0)
	if w.size != 500 {
		t.Errorf("size %d", w.size)
	}
	w.succeeded(3, 0, 0) // the last window before the finalized height says nothing about the size
	if w.size != 500 {
		t.Errorf("size %d", w.size)
	}
}

func TestWindowFollowsBytes(t *testing.T) {
	t.Parallel()
	w := newWindow(100, 1000)
	w.succeeded(100, 10, manyBytes+1)
	if w.size != 50 {
		t.Errorf("size %d after too many bytes", w.size)
	}
	w.succeeded(50, 10, (fewBytes+manyBytes)/2)
	if w.size != 50 {
		t.Errorf("size %d after enough bytes", w.size)
	}
	w.succeeded(50, 10, fewBytes-1)
	if w.size != 63 {
		t.Errorf("size %d after few bytes", w.size)
	}
}
