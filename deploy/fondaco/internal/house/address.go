package house

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"
)

// absolute makes a path that means the same to every part.
func absolute(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", path, err)
	}
	return abs, nil
}

// reachable turns an address to listen on into one to connect to: a host that
// means "every interface" becomes the loopback.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// listenLimit is how long listening waits; afterwards those who need the
// address say what they wait for.
const listenLimit = 20 * time.Second

// listening waits until somebody listens on every address, but not for ever.
func listening(ctx context.Context, addrs ...string) {
	ctx, cancel := context.WithTimeout(ctx, listenLimit)
	defer cancel()
	var d net.Dialer
	for _, addr := range addrs {
		for {
			conn, err := d.DialContext(ctx, "tcp", addr)
			if err == nil {
				_ = conn.Close()
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}
