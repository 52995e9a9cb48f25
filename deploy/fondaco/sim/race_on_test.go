//go:build race

package sim

// usual seeds are few under the race detector, which takes five times as long and
// has little to find in one goroutine: make test plays all of them without it.
const usual = "8"
