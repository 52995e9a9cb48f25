package child

import (
	"fmt"
	"net"
)

// FreePort finds a TCP port on 127.0.0.1 that nobody listens on at this moment.
func FreePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}
