//go:build !amd64

package engine

import "unsafe"

// prefetch2 and prefetch4 do nothing here: the processor finds its own way.
func prefetch2(_, _ unsafe.Pointer) {}

func prefetch4(_, _, _, _ unsafe.Pointer) {}
