package hugepage

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// keep has the collector wait until the heap has so many bytes however little of
// it lives; percent is what it waits for otherwise, as GOGC.
//
// It does so by a limit in the place of the percent. With a percent Go gives back
// in the background what was not in use at the last collection, and collects every
// two minutes: a heap that is ready would be gone by the time it is needed.
func keep(bytes, percent int) {
	k := &keeper{bytes: uint64(bytes), percent: percent}
	k.set(true)
	k.wait()
}

// keeper is told of every collection.
type keeper struct {
	bytes   uint64
	percent int
	kept    bool // by the limit; else by the percent
}

// mark is what a collection finds unused; too large to share its memory with other
// things.
type mark [64]byte

func (k *keeper) wait() { runtime.AddCleanup(new(mark), (*keeper).collected, k) }

// collected looks at what lived at the collection, and waits for the next one.
func (k *keeper) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	k.set(k.fits(live[0].Value.Uint64()))
	k.wait()
}

// fits says whether the percent would not let the heap grow beyond its bytes.
func (k *keeper) fits(live uint64) bool {
	return live+live/100*uint64(k.percent) <= k.bytes
}

func (k *keeper) set(kept bool) {
	if kept == k.kept {
		return
	}
	if k.kept = kept; kept {
		// Go keeps 95 % of a limit, and what is no heap counts too.
		debug.SetMemoryLimit(int64(k.bytes + k.bytes/8))
		debug.SetGCPercent(-1)
		return
	}
	debug.SetGCPercent(k.percent)
	debug.SetMemoryLimit(math.MaxInt64)
}
