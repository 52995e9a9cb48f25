package child

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are looked for below those that systems give to connections going out
// (32768 and up on Linux, 49152 and up elsewhere): between finding a port and
// listening on it, any connection could take one of these.
const lowest, beyond = 20000, 32768

var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort finds a TCP port on 127.0.0.1 that nobody listens on at this moment.
// A process is never given the same one twice: who asked first may not have
// begun to listen.
func FreePort() (int, error) {
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	err := errors.New("all were given")
	for range beyond - lowest {
		port := lowest + rand.IntN(beyond-lowest)
		if given.ports[port] {
			continue
		}
		var ln net.Listener
		if ln, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			continue
		}
		given.ports[port] = true
		if err := ln.Close(); err != nil {
			return 0, fmt.Errorf("looking for a free port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("looking for a free port: %w", err)
}
