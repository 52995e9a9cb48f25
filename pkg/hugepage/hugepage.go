// Package hugepage asks the system to keep memory in large pages. Where the
// system has none to give (/sys/kernel/mm/transparent_hugepage/enabled is never)
// nothing changes.
package hugepage

import (
	"math"
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

// Heap says how the memory of Go's heap comes to a process. The zero value is as
// Go has it.
type Heap struct {
	// Huge is how many of its first bytes are asked for in large pages.
	Huge int
	// Ready is how many bytes it is made of from the beginning, and keeps: they are
	// in large pages too, all of them are touched, and nothing is collected before
	// they are used. 0 = as many as are needed.
	Ready int
}

// HeapFromEnv reads how the heap is to be.
func HeapFromEnv(r *env.Reader) Heap {
	return Heap{Huge: r.Int("FONDACO_HUGE_HEAP", heapMiB, 0, 1<<20) << 20, Ready: r.Int("FONDACO_READY_HEAP", 0, 0, 1<<20) << 20}
}

var heap sync.Once // a process has one heap

// Set makes the heap so; a process that did it once keeps what it has.
//
// Memory that is new to a process costs a fault a page: on a virtual machine
// 15 us for each 4 KiB, which for whoever takes in orders by the hundred
// thousand is more than the work on them. The heap keeps the addresses that it
// once had, so it is made that large once.
//
// Nothing is touched by Huge alone: no memory is used before something needs it.
// But a large page that the machine has to get from its host first takes 3 to 9
// ms, and a heap asks for one after the other as it grows, and again for those
// that it gave back in a quiet time. With Ready that is over before the process
// serves.
func (h Heap) Set() {
	bytes := max(h.Huge, h.Ready)
	if bytes < Size || runtime.GOOS != "linux" {
		return
	}
	heap.Do(func() {
		// Off until what is reserved is free again: a collection meanwhile would think
		// that the process needs twice as much.
		percent := debug.SetGCPercent(-1)
		memory := make([]byte, bytes)
		Advise(memory)
		Populate(memory[:h.Ready])
		runtime.KeepAlive(memory)
		runtime.GC()
		// Who has a limit of his own keeps to that.
		if h.Ready > 0 && percent > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 {
			keep(h.Ready, percent)
		} else {
			debug.SetGCPercent(percent)
		}
	})
}
