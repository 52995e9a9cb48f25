// Package hugepage asks the system to keep memory in large pages. Where the
// system has none to give (/sys/kernel/mm/transparent_hugepage/enabled is never)
// nothing changes.
package hugepage

import (
	"runtime"
	"runtime/debug"
	"sync"

	"fondaco.dev/pkg/env"
)

// Size is that of a huge page of amd64 and of arm64 with pages of 4 KiB, in bytes.
// Where they are larger the advice covers fewer of them.
const Size = 2 << 20

// heapMiB is what services that nobody tells otherwise have: more than they use
// in a quiet house.
const heapMiB = 256

// HeapFromEnv reads how many bytes of the heap are to be in large pages.
func HeapFromEnv(r *env.Reader) int {
	return r.Int("FONDACO_HUGE_HEAP", heapMiB, 0, 1<<20) << 20
}

var heap sync.Once // a process has one heap

// Heap asks for large pages for the first bytes of Go's heap; 0 asks for none.
// A process that asked once keeps what it has.
//
// Memory that is new to a process costs a fault a page: on a virtual machine
// 15 us for each 4 KiB, which for whoever takes in orders by the hundred
// thousand is more than the work on them. The heap keeps the addresses that it
// once had, so it is made that large once. Nothing is touched by that: no memory
// is used before something needs it.
func Heap(bytes int) {
	if bytes < Size || runtime.GOOS != "linux" {
		return
	}
	heap.Do(func() {
		// Off until what is reserved is free again: a collection meanwhile would think
		// that the process needs twice as much.
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		Advise(make([]byte, bytes))
		runtime.GC()
	})
}
