//go:build !linux

package run

import "time"

// SetThreads does nothing: it is Linux's.
func SetThreads(Threads) {}

// SetSlice does nothing likewise.
func SetSlice(time.Duration) {}
