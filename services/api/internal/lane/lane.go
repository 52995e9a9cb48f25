// Package lane is the straight way of HTTP/1.1. Most requests are plain: a known
// method, a target without escapes, a few headers, a body of known length or
// none. These are read and answered here, for less than half of what net/http's
// server costs: no goroutine that waits for the client to hang up unless the
// handler asks for it, no timer a request, one write an answer.
//
// Whoever sends anything else - chunks, Expect, Upgrade, HTTP/1.0, HTTP/2, a
// header beyond 4 KiB, something malformed - is left to net/http with all that
// was read of it, and stays there: what is unusual is refused or understood in
// one place only. FuzzAsNetHTTP holds both to the same requests and answers.
package lane

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves connections. The bounds of its http.Server hold here too.
type Server struct {
	http  *http.Server
	began time.Time
	tick  time.Duration          // how exact bounds are
	now   atomic.Int64           // since began; by the tick
	date  atomic.Pointer[string] // the header's line
	left  chan net.Conn          // to net/http
	base  context.Context        // of requests
	stop  context.CancelFunc     // ends base
	wg    sync.WaitGroup         // goroutines of connections

	mu      sync.Mutex
	ln      net.Listener
	conns   map[*conn]struct{}
	closing atomic.Bool // set under mu
	closed  chan struct{}
}

// New makes a server of one that is not used otherwise. Its Handler is called
// with a http.ResponseWriter that can be flushed and, for what asks for an
// upgrade, hijacked. It changes nothing of a request's header, and keeps nothing
// of a request beyond its return but strings and contexts of its own: the memory
// is the next request's.
func New(h *http.Server) *Server {
	s := &Server{http: h, began: time.Now(), tick: 500 * time.Millisecond, left: make(chan net.Conn), conns: map[*conn]struct{}{}, closed: make(chan struct{})}
	for _, d := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout} {
		if d > 0 {
			s.tick = max(10*time.Millisecond, min(s.tick, d/8))
		}
	}
	s.base, s.stop = context.WithCancel(context.WithValue(context.Background(), http.ServerContextKey, h))
	s.beat()
	return s
}

// Serve accepts connections until Shutdown or Close, and returns
// http.ErrServerClosed then.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		return http.ErrServerClosed
	}
	s.ln = ln
	s.mu.Unlock()
	inner := s.http.Handler
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Upgrade"]) > 0 {
			w = upgraded{w}
		}
		inner.ServeHTTP(w, r)
	})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(s.sweep)
	wg.Go(func() { _ = s.http.Serve(&leftovers{s.left, s.closed, ln.Addr()}) })
	pause := time.Duration(0)
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			s.take(c, inner)
			continue
		case s.closing.Load():
			return http.ErrServerClosed
		}
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			_ = s.Close()
			return err
		}
		// As net/http: too many open files pass.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		time.Sleep(pause)
	}
}

func (s *Server) take(c net.Conn, h http.Handler) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		s.leave(c)
		return
	}
	out := &conn{server: s, tcp: tcp, handler: h, buf: make([]byte, bufferSize), remote: c.RemoteAddr().String()}
	d := s.http.ReadHeaderTimeout // who connects says something soon
	if d == 0 {
		d = s.http.IdleTimeout
	}
	out.enter(idle, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		_ = c.Close()
		return
	}
	s.conns[out] = struct{}{}
	s.wg.Go(out.serve)
}

// leave gives a connection to net/http.
func (s *Server) leave(c net.Conn) {
	select {
	case s.left <- c:
	case <-s.closed:
		_ = c.Close()
	}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// sweep keeps the time and ends what is out of bounds.
func (s *Server) sweep() {
	tick := time.NewTicker(s.tick)
	defer tick.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-tick.C:
		}
		s.beat()
		s.mu.Lock()
		for c := range s.conns {
			c.late()
		}
		s.mu.Unlock()
	}
}

func (s *Server) beat() {
	now := time.Now()
	s.now.Store(int64(now.Sub(s.began)))
	line := "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
	s.date.Store(&line)
}

// Shutdown takes no more connections and requests, lets those under way end,
// and returns ctx's error when it ends first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.end(func(c *conn) { c.hush() })
	err := s.http.Shutdown(ctx)
	ended := make(chan struct{})
	go func() { s.wg.Wait(); close(ended) }() // ends after Close at the latest, when handlers do
	select {
	case <-ended:
		s.stop()
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all connections at once.
func (s *Server) Close() error {
	s.end(func(c *conn) { _ = c.tcp.Close() })
	s.stop()
	return s.http.Close()
}

func (s *Server) end(each func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing.Swap(true) {
		if s.ln != nil {
			_ = s.ln.Close()
		}
		close(s.closed)
	}
	for c := range s.conns {
		each(c)
	}
}

// leftovers is the listener of net/http.
type leftovers struct {
	conns  <-chan net.Conn
	closed <-chan struct{}
	addr   net.Addr
}

func (l *leftovers) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *leftovers) Close() error   { return nil }
func (l *leftovers) Addr() net.Addr { return l.addr }
