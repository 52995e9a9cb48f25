package socket

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// echo is a client whose messages come back.
type echo struct {
	c     *conn
	ended atomic.Bool
}

func (e *echo) begin()                {}
func (e *echo) take(text []byte) bool { e.c.Say(feed.TextFrame(text)); return false }
func (e *echo) visit(time.Time)       {}
func (e *echo) bye(time.Duration)     {}
func (e *echo) end()                  { e.ended.Store(true) }

// plant is a loop for tests; done has each connection that ended.
func plant(t testing.TB, cfg Config) (l *loop, done chan *conn) {
	t.Helper()
	done = make(chan *conn, 1000)
	l = newLoop(cfg, func(*conn) {}, func(c *conn) { done <- c })
	l.run()
	t.Cleanup(func() {
		for _, c := range l.wheel.all() {
			_ = c.net.Close()
			c.abort(ws.StatusAbnormalClosure, "")
		}
		for l.wheel.size() > 0 {
			<-done
		}
		l.close()
	})
	return l, done
}

// pair is both ends of a TCP connection.
func pair(t testing.TB) (server, peer net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if peer, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	_ = peer.SetDeadline(time.Now().Add(20 * time.Second))
	return server, peer
}

// serve begins an echo connection and gives its other end.
func serve(t testing.TB, l *loop) (*conn, net.Conn) {
	t.Helper()
	server, peer := pair(t)
	c := newConn(l, server)
	c.client = &echo{c: c}
	l.begin(c, nil)
	return c, peer
}

func masked(op ws.OpCode, fin bool, payload string) []byte {
	return ws.MustCompileFrame(ws.MaskFrameInPlaceWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{0x37, 0xfa, 0x21, 0x3d}))
}

func cat(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// heard is all that a peer got up to the close frame, or the end.
type heard struct {
	code  ws.StatusCode // 0 = the connection ended without a close frame
	texts []string
	pongs []string
}

// readFrame reads one frame of at most 1 MiB.
func readFrame(c net.Conn) (ws.Header, []byte, error) {
	h, err := ws.ReadHeader(c)
	if err != nil {
		return h, nil, err
	}
	if h.Length > 1<<20 {
		return h, nil, fmt.Errorf("a frame of %d bytes", h.Length)
	}
	payload := make([]byte, h.Length)
	_, err = io.ReadFull(c, payload)
	return h, payload, err
}

func listen(t testing.TB, c net.Conn) (out heard) {
	t.Helper()
	for {
		h, payload, err := readFrame(c)
		if err != nil {
			return out
		}
		if h.Masked || h.Rsv != 0 || !h.Fin {
			t.Fatalf("a frame with %+v", h)
		}
		switch h.OpCode {
		case ws.OpText:
			out.texts = append(out.texts, string(payload))
		case ws.OpPong:
			out.pongs = append(out.pongs, string(payload))
		case ws.OpClose:
			if out.code = ws.StatusNoStatusRcvd; len(payload) >= 2 {
				out.code = ws.StatusCode(binary.BigEndian.Uint16(payload))
			}
			return out
		}
	}
}
