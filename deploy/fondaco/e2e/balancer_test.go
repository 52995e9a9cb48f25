package e2e

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// balancer passes connections on to replicas of the api in turn, to those alone
// that say they are ready.
type balancer struct {
	url  string
	to   []*program
	up   []atomic.Bool // by replica: its last /readyz was 200
	next atomic.Uint32
}

// balance starts one; it looks at every replica ten times a second.
func balance(t *testing.T, to ...*program) *balancer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{url: "http://" + ln.Addr().String(), to: to, up: make([]atomic.Bool, len(to))}
	done := make(chan struct{})
	t.Cleanup(func() { close(done); _ = ln.Close() })
	for i, p := range to {
		b.up[i].Store(p.ready() == nil)
		go func() {
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
					b.up[i].Store(p.ready() == nil)
				}
			}
		}()
	}
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go b.pass(in)
		}
	}()
	return b
}

// pass connects a client with the next replica that is ready and takes it; a
// client for which there is none is hung up on.
func (b *balancer) pass(in net.Conn) {
	defer in.Close()
	first := int(b.next.Add(1))
	for i := range b.to {
		n := (first + i) % len(b.to)
		if !b.up[n].Load() {
			continue
		}
		out, err := net.DialTimeout("tcp", strings.TrimPrefix(b.to[n].http, "http://"), time.Second)
		if err != nil {
			continue
		}
		go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		_, _ = io.Copy(out, in)
		_ = out.Close()
		return
	}
}
