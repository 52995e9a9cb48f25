package rest

import (
	"testing"

	"fondaco.dev/services/api/internal/market"
)

// TestWrittenBooks: the same bytes for all who ask while nothing happens, and
// never after it.
func TestWrittenBooks(t *testing.T) {
	t.Parallel()
	var d depths
	st, m := market.New(), &market.Market{ID: 1}
	a, b := &written{body: []byte("a")}, &written{body: []byte("b")}
	k := depthKey{m, 50}
	if d.find(st, k) != nil {
		t.Error("a book that nobody wrote")
	}
	d.keep(st, k, a)
	if d.find(st, k) != a || d.find(st, depthKey{m, 51}) != nil || d.find(st, depthKey{&market.Market{ID: 1}, 50}) != nil || d.find(market.New(), k) != nil {
		t.Error("not what was written")
	}
	st.Seq++
	if d.find(st, k) != nil {
		t.Error("a book from before the last event")
	}
	d.keep(st, depthKey{m, 1}, b)
	if d.find(st, k) != nil || d.find(st, depthKey{m, 1}) != b {
		t.Error("books of two states")
	}
	d.keep(st, k, &written{body: make([]byte, maxWrittenBytes+1)})
	if d.find(st, k) != nil {
		t.Error("a long one is kept")
	}
	for i := range 2 * maxWritten {
		d.keep(st, depthKey{m, 100 + i}, a)
	}
	if len(d.written) != maxWritten {
		t.Errorf("%d are kept", len(d.written))
	}
}
