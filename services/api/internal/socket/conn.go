package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// Close codes of our own, beside those of RFC 6455 (1000 normal, 1001 the
// server goes away, 1002 protocol error, 1003 binary data, 1007 bad UTF-8,
// 1009 message too long, 1011 internal error). Every one but 4003 is worth a
// reconnect with since.
const (
	CodeSlow     ws.StatusCode = 4001 // too slow: resume with since
	CodeIdle     ws.StatusCode = 4002 // nothing came for a minute, not even a pong
	CodeAuth     ws.StatusCode = 4003 // the token was revoked: sign in anew
	CodeFlooding ws.StatusCode = 4004 // too many messages: slow down
)

const (
	closeWait  = time.Second // for the peer's close frame
	batchBytes = 256 << 10   // handed to the kernel at a time
	slack      = 64 << 10    // above the queue's limit, for answers to the client's own messages
)

var errClosed = errors.New("the socket is closed")

// conn is one WebSocket connection's outgoing side.
type conn struct {
	net   net.Conn
	limit int           // bytes that may wait
	stall time.Duration // a write may take this long

	mu     sync.Mutex
	queue  [][]byte
	queued int           // bytes in queue and in the write under way
	wake   chan struct{} // buffered: something waits
	room   chan struct{} // closed and replaced when half of the limit is free
	code   ws.StatusCode // set once: the connection is closing
	reason string
	drop   bool          // close without sending what waits
	closed chan struct{} // closed with code
	onRoom []func()      // called once when there is room again
}

func newConn(c net.Conn, limit int, stall time.Duration) *conn {
	return &conn{net: c, limit: limit, stall: stall, wake: make(chan struct{}, 1), room: make(chan struct{}), closed: make(chan struct{})}
}

// Offer queues a frame if there is room.
func (c *conn) Offer(frame []byte) feed.Offered {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.code != 0:
		return feed.Closed
	case c.queued > 0 && c.queued+len(frame) > c.limit:
		return feed.Full
	}
	c.add(frame)
	return feed.Taken
}

// Hint queues a frame that may be left out.
func (c *conn) Hint(frame []byte) { c.Offer(frame) }

// Say queues an answer. A client that asks and does not read is closed.
func (c *conn) Say(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return
	}
	if c.queued > c.limit+slack {
		c.closeLocked(CodeSlow, tooSlow, true)
		return
	}
	c.add(frame)
}

const tooSlow = "too slow; resume with since"

// Push queues a frame once there is room.
func (c *conn) Push(ctx context.Context, frame []byte) error {
	for {
		c.mu.Lock()
		if c.code != 0 {
			c.mu.Unlock()
			return errClosed
		}
		if c.queued == 0 || c.queued+len(frame) <= c.limit/2 {
			c.add(frame)
			c.mu.Unlock()
			return nil
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.closed:
			return errClosed
		case <-room:
		}
	}
}

// pressed says whether more than half of the queue is taken; if so, fn is
// called once there is room.
func (c *conn) pressed(fn func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued <= c.limit/2 || c.code != 0 {
		return false
	}
	c.onRoom = append(c.onRoom, fn)
	return true
}

func (c *conn) add(frame []byte) {
	c.queue = append(c.queue, frame)
	c.queued += len(frame)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close ends the connection with a code, after what waits was sent.
func (c *conn) Close(code ws.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason, false)
}

func (c *conn) closeLocked(code ws.StatusCode, reason string, drop bool) {
	if c.code != 0 {
		return
	}
	c.code, c.reason, c.drop = code, reason, drop
	close(c.closed)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write runs until the connection closes, then says why and ends it.
func (c *conn) write() {
	defer func() { _ = c.net.Close() }()
	for range c.wake {
		for {
			batch, size, closing := c.take()
			if len(batch) > 0 {
				_ = c.net.SetWriteDeadline(time.Now().Add(c.stall))
				bufs := net.Buffers(batch)
				if _, err := bufs.WriteTo(c.net); err != nil {
					c.stalled(err)
					return
				}
				c.wrote(size)
				continue
			}
			if closing {
				c.sayClose()
				return
			}
			break
		}
	}
}

// stalled ends a connection that takes no more bytes.
func (c *conn) stalled(err error) {
	code := ws.StatusAbnormalClosure
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = CodeSlow
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, tooSlow, true)
}

// take removes up to batchBytes from the queue.
func (c *conn) take() (batch [][]byte, size int, closing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 && c.drop {
		c.queue, c.queued = nil, 0
		return nil, 0, true
	}
	n := 0
	for n < len(c.queue) && (n == 0 || size+len(c.queue[n]) <= batchBytes) {
		size += len(c.queue[n])
		n++
	}
	batch = c.queue[:n:n]
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return batch, size, c.code != 0
}

func (c *conn) wrote(size int) {
	c.mu.Lock()
	c.queued -= size
	var call []func()
	if c.queued <= c.limit/2 {
		close(c.room)
		c.room = make(chan struct{})
		call, c.onRoom = c.onRoom, nil
	}
	c.mu.Unlock()
	for _, fn := range call {
		fn()
	}
}

// sayClose sends the close frame and gives the peer a moment to answer; the
// reader sees that answer.
func (c *conn) sayClose() {
	c.mu.Lock()
	code, reason := c.code, c.reason
	c.mu.Unlock()
	if len(reason) > 120 { // a control frame holds 125 bytes
		reason = reason[:120]
	}
	body := ws.NewCloseFrameBody(code, reason)
	if code == ws.StatusNoStatusRcvd {
		body = nil
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(closeWait))
	if ws.WriteFrame(c.net, ws.NewCloseFrame(body)) == nil {
		_ = c.net.SetReadDeadline(time.Now().Add(closeWait))
		// Half of a TCP connection ends here; the reader ends at the deadline or
		// with the peer's close.
		if t, ok := c.net.(*net.TCPConn); ok {
			_ = t.CloseWrite()
			var buf [512]byte
			for {
				if _, err := t.Read(buf[:]); err != nil {
					return
				}
			}
		}
	}
}
