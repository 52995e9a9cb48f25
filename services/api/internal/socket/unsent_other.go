//go:build !linux

package socket

import "syscall"

// boundUnsent does nothing: the system decides what it takes for a client.
func boundUnsent(syscall.RawConn, int) error { return nil }
