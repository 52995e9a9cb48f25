//go:build !amd64

package engine

import "unsafe"

// prefetch does nothing here: the processor finds its own way.
func prefetch(unsafe.Pointer) {}
