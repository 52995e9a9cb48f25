//go:build !amd64

package engine

import "unsafe"

// prefetch and prefetch2 do nothing here: the processor finds its own way.
func prefetch(unsafe.Pointer) {}

func prefetch2(_, _ unsafe.Pointer) {}
