package engine

import "unsafe"

// prefetch asks for a cache line. It reads nothing.
//
//go:noescape
func prefetch(p unsafe.Pointer)
