package socket

import (
	"fmt"
	"sync"
	"syscall"
)

// poller waits for the bytes of connections whose clients are silent, so that
// they need neither a goroutine nor a buffer. Each is armed for one event.
type poller struct {
	fd   int
	pipe [2]int // written to end it

	mu   sync.Mutex
	all  map[uint64]*conn // by token; descriptors are used again, tokens are not
	last uint64
}

func newPoller() (*poller, error) {
	p := &poller{all: map[uint64]*conn{}}
	var err error
	if p.fd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	if err = syscall.Pipe2(p.pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		_ = syscall.Close(p.fd)
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if err = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, p.pipe[0], &syscall.EpollEvent{Events: syscall.EPOLLIN}); err != nil {
		p.close()
		return nil, fmt.Errorf("watching a pipe: %w", err)
	}
	return p, nil
}

// arm has the connection's readable called once when bytes are there, or the
// end. The connection's lock is held.
func (p *poller) arm(c *conn) error {
	op := syscall.EPOLL_CTL_MOD
	p.mu.Lock()
	if c.token == 0 {
		op = syscall.EPOLL_CTL_ADD
		p.last++
		c.token = p.last
	}
	p.all[c.token] = c
	p.mu.Unlock()
	e := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: int32(c.token), Pad: int32(c.token >> 32)}
	var err error
	if ctl := c.raw.Control(func(fd uintptr) { err = syscall.EpollCtl(p.fd, op, int(fd), &e) }); ctl != nil {
		err = ctl
	}
	if err != nil {
		p.forget(c)
		return fmt.Errorf("arming a connection: %w", err)
	}
	return nil
}

// forget drops a connection; the kernel drops it when it is closed.
func (p *poller) forget(c *conn) {
	p.mu.Lock()
	delete(p.all, c.token)
	p.mu.Unlock()
}

func (p *poller) run() {
	defer p.close()
	events := make([]syscall.EpollEvent, 256)
	for {
		n, err := syscall.EpollWait(p.fd, events, -1)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			panic(fmt.Sprintf("waiting for sockets: %v", err)) // the descriptor is ours: impossible
		}
		for _, e := range events[:n] {
			token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if token == 0 {
				return
			}
			p.mu.Lock()
			c := p.all[token]
			delete(p.all, token)
			p.mu.Unlock()
			if c != nil {
				c.readable()
			}
		}
	}
}

// stop ends run.
func (p *poller) stop() { _, _ = syscall.Write(p.pipe[1], []byte{1}) }

func (p *poller) close() {
	_ = syscall.Close(p.pipe[0])
	_ = syscall.Close(p.pipe[1])
	_ = syscall.Close(p.fd)
}
