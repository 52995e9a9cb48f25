package socket

import "syscall"

// tcpNotSentLowat is TCP_NOTSENT_LOWAT of linux/tcp.h.
const tcpNotSentLowat = 25

// boundUnsent has the kernel take no more for a client than so many bytes that
// it cannot send yet: it would take up to 4 MiB (net.ipv4.tcp_wmem) for each
// client that reads nothing, and what a state's newer frame replaces would be
// gone already. What is on its way to a fast client far away is not bounded by
// it, as it would be by a small SO_SNDBUF.
func boundUnsent(c syscall.RawConn, bytes int) error {
	var err error
	if ctl := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, bytes) }); ctl != nil {
		return ctl
	}
	return err
}
