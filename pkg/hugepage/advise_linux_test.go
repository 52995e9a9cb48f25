package hugepage

import (
	"bytes"
	"errors"
	"syscall"
	"testing"
	"unsafe"
)

func TestWhole(t *testing.T) {
	t.Parallel()
	memory := make([]byte, 4*Size)
	off := -int(uintptr(unsafe.Pointer(&memory[0]))) & (Size - 1)
	at := memory[off:] // at least three pages, from the border of one
	for _, c := range []struct{ from, to, want int }{
		{0, 0, 0}, {0, Size - 1, 0}, {0, Size, Size}, {0, Size + 1, Size}, {1, Size + 1, 0}, {1, 2 * Size, Size}, {Size - 1, 3*Size - 1, Size},
	} {
		part := whole(at[c.from:c.to])
		if len(part) != c.want {
			t.Errorf("of %d to %d: %d bytes, want %d", c.from, c.to, len(part), c.want)
		}
		if len(part) > 0 && uintptr(unsafe.Pointer(&part[0]))%Size != 0 {
			t.Errorf("of %d to %d: it begins inside a page", c.from, c.to)
		}
	}
	if whole(nil) != nil {
		t.Error("nothing has pages")
	}
}

// TestAdvise: the system takes the advice, and what is in the memory stays.
func TestAdvise(t *testing.T) {
	t.Parallel()
	memory := bytes.Repeat([]byte{7}, 4*Size)
	Advise(memory)
	if bytes.Count(memory, []byte{7}) != len(memory) {
		t.Error("the memory changed")
	}
	// EINVAL: a kernel without huge pages.
	if err := syscall.Madvise(whole(memory), syscall.MADV_HUGEPAGE); err != nil && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("the advice is not understood: %v", err)
	}
}
