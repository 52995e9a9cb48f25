package engine

import "unsafe"

// prefetch2 asks for two cache lines, prefetch4 for four: the call costs more
// than what it does. They read nothing.
//
//go:noescape
func prefetch2(p, q unsafe.Pointer)

//go:noescape
func prefetch4(p, q, r, s unsafe.Pointer)
