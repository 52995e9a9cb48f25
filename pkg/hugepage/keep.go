package hugepage

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// keep has the collector wait until the heap has so many bytes however little of
// it lives; percent is what it waits for otherwise, as GOGC. What is in use when
// the collector begins is what Go keeps: less of it would be given back in the
// background and faulted in again.
func keep(bytes, percent int) {
	k := &keeper{bytes: uint64(bytes), percent: percent}
	k.collected()
}

// keeper is told of every collection.
type keeper struct {
	bytes   uint64
	percent int
	now     int // the percent that is set
}

// collected sets the percent anew, by what lived at the collection, and waits for
// the next one: then nothing refers to what it makes here.
func (k *keeper) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if want := k.want(live[0].Value.Uint64()); want != k.now {
		k.now = want
		debug.SetGCPercent(want)
	}
	runtime.AddCleanup(new(mark), (*keeper).collected, k)
}

// mark is what a collection finds unused; too large to share its memory with other
// things.
type mark [64]byte

// leastLive: where less lives Go waits for this many bytes and the percent of them.
// Source: runtime/mgcpacer.go, defaultHeapMinimum.
const leastLive = 4 << 20

// want is the percent at which the heap has its bytes, when so many live.
func (k *keeper) want(live uint64) int {
	switch {
	case live >= k.bytes:
		return k.percent
	case live < leastLive:
		return max(k.percent, int(k.bytes*100/leastLive))
	}
	return max(k.percent, int((k.bytes-live)*100/live))
}
