package engine

import "unsafe"

// prefetch asks for a cache line. It reads nothing.
//
//go:noescape
func prefetch(p unsafe.Pointer)

// prefetch2 asks for two: the call costs more than what it does.
//
//go:noescape
func prefetch2(p, q unsafe.Pointer)
