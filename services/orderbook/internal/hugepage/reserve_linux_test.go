package hugepage

import (
	"testing"

	pages "fondaco.dev/pkg/hugepage"
)

// TestReleasedWhileItIsFilled: a space whose engine is gone is given back though
// its pages are still being made ready, as when a leader ends while a book grows.
func TestReleasedWhileItIsFilled(t *testing.T) {
	t.Parallel()
	s := &space{memory: make([]byte, 2*pages.Size), done: pages.Size, busy: true} // want is 0, as release says
	s.fill()
	if s.busy || s.done != pages.Size {
		t.Fatalf("%d bytes are ready, busy %t", s.done, s.busy)
	}
}
