package hugepage

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestHeap: what the heap gives out afterwards lies where large pages were asked
// for. Not parallel: another test's memory would be in the way.
func TestHeap(t *testing.T) {
	if raw, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || !strings.Contains(string(raw), "[madvise]") {
		t.Skip("large pages cannot be asked for here, or are everywhere")
	}
	const bytes = 64 << 20
	Heap{Huge: bytes}.Set()
	var kept [][]byte
	for range bytes / 2 / Size {
		kept = append(kept, make([]byte, Size/2))
	}
	advised := 0
	for _, b := range kept {
		if advisedAt(t, uintptr(unsafe.Pointer(&b[0]))) {
			advised++
		}
	}
	// What was free before lies elsewhere.
	if advised < len(kept)/2 {
		t.Errorf("%d of %d pieces are where large pages were asked for", advised, len(kept))
	}
	Heap{Huge: 1 << 40}.Set() // the second time it is not even tried
}

// advisedAt says whether large pages were asked for at an address.
func advisedAt(t *testing.T, at uintptr) bool {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); n == 2 {
			inside = from <= at && at < to
		} else if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && inside {
			return strings.Contains(flags+" ", " hg ")
		}
	}
	return false
}
