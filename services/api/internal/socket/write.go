package socket

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"
)

const (
	closeWait = time.Second // for the peer's close frame
	penBytes  = 32 << 10    // handed to the kernel at a time
)

// pen is what one write needs. Frames are copied together: a call for eight
// small ones costs little more than a call for one.
type pen struct {
	buf    []byte
	out    []byte // to be written: of buf, or one large frame itself
	frames int
	size   int // of all that was taken from the queue

	n   int
	err error
	fn  func(fd uintptr) bool
}

var pens = sync.Pool{New: func() any { return newPen() }}

func newPen() *pen {
	p := &pen{buf: make([]byte, 0, penBytes)}
	p.fn = p.once
	return p
}

// once hands the bytes to the kernel and does not wait for room.
func (p *pen) once(fd uintptr) bool {
	for {
		p.n, p.err = syscall.Write(int(fd), p.out)
		if p.err != syscall.EINTR {
			return true
		}
	}
}

// fill takes up to penBytes from the queue, whose lock is held; false when
// there is nothing to write.
func (p *pen) fill(c *conn) bool {
	p.out, p.frames, p.size, p.err = p.buf[:0], 0, 0, nil
	if c.drop && c.code != 0 {
		c.queue, c.queued = nil, 0
		return false
	}
	n := 0
	for ; n < len(c.queue); n++ {
		frame := c.queue[n]
		if len(frame) > penBytes && p.size == 0 {
			p.out, p.size, p.frames = frame, len(frame), 1
			n++
			break
		}
		if p.size+len(frame) > penBytes {
			break
		}
		if p.out = append(p.out, frame...); frame != nil {
			p.frames++
		}
		p.size += len(frame)
	}
	c.taken += uint64(n)
	if n == len(c.queue) {
		clear(c.queue)
		c.queue = c.queue[:0]
	} else {
		clear(c.queue[:n])
		c.queue = c.queue[n:]
	}
	return p.size > 0
}

// try writes what the kernel takes at once; what is left stays in out.
func (p *pen) try(c *conn) error {
	if c.raw == nil {
		return nil
	}
	if err := c.raw.Write(p.fn); err != nil {
		return err
	}
	if p.n > 0 {
		p.out = p.out[p.n:]
	}
	if p.err == syscall.EAGAIN {
		return nil
	}
	return p.err
}

// wait writes the rest; the client has the stall's time to take it.
func (p *pen) wait(c *conn) error {
	_ = c.net.SetWriteDeadline(time.Now().Add(c.loop.cfg.Stall))
	_, err := c.net.Write(p.out)
	_ = c.net.SetWriteDeadline(time.Time{})
	return err
}

// flush is a flusher's turn at the connection. It is true when the pen was
// left to a goroutine, since the client takes no more for now.
func (c *conn) flush(p *pen) (left bool) {
	c.mu.Lock()
	c.due = false
	if c.writing {
		c.mu.Unlock()
		return false
	}
	for p.fill(c) {
		c.writing = true
		c.mu.Unlock()
		if err := p.try(c); err != nil {
			c.broken(err)
		} else if len(p.out) > 0 {
			go c.continued(p)
			return true
		}
		c.loop.wrote(p)
		c.mu.Lock()
		c.freed(p.size)
	}
	c.flushed = now()
	if c.writing = c.code != 0; c.writing {
		go c.drain()
	}
	c.mu.Unlock()
	return false
}

// continued waits for a client that a flusher could not wait for.
func (c *conn) continued(p *pen) {
	c.finishWrite(p)
	pens.Put(p)
	c.drain()
}

func (c *conn) finishWrite(p *pen) {
	if len(p.out) > 0 {
		if err := p.wait(c); err != nil {
			c.broken(err)
		}
	}
	c.loop.wrote(p)
	c.mu.Lock()
	c.freed(p.size)
	c.mu.Unlock()
}

// drain writes until nothing waits; its caller has the right to write. When
// the connection closes, it ends it.
func (c *conn) drain() {
	p := pens.Get().(*pen)
	for {
		c.mu.Lock()
		if !p.fill(c) {
			over := c.code != 0
			c.writing = over
			c.mu.Unlock()
			p.out = nil
			pens.Put(p)
			if over {
				c.finish()
			}
			return
		}
		c.mu.Unlock()
		if err := p.try(c); err != nil {
			c.broken(err)
			p.out = nil
		}
		c.finishWrite(p)
	}
}

// freed makes room; the lock is held.
func (c *conn) freed(size int) {
	if c.queued = max(0, c.queued-size); c.queued > c.loop.cfg.QueueBytes/2 {
		return
	}
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	for _, fn := range c.onRoom {
		go fn()
	}
	c.onRoom = nil
}

// broken ends a connection that takes no more bytes. Half a frame may be out:
// nothing can be said after it.
func (c *conn) broken(err error) {
	code := ws.StatusAbnormalClosure
	if errors.Is(err, os.ErrDeadlineExceeded) {
		code = CodeSlow
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, tooSlow, true)
	c.drop, c.torn = true, true
}

// finish says why the connection closes, gives the peer a moment to say the
// same, and ends everything. It runs once, with the right to write.
func (c *conn) finish() {
	if c.sayClose() {
		// Half of a TCP connection ends here; the other with the peer's close.
		if t, ok := c.net.(*net.TCPConn); ok {
			_ = t.CloseWrite()
		}
	} else {
		_ = c.net.Close()
	}
	c.mu.Lock()
	_ = c.net.SetReadDeadline(time.Now().Add(closeWait))
	was := c.reader
	switch was {
	case parked:
		c.reader = ended
		c.loop.poller.forget(c)
	case read:
		c.gone = make(chan struct{})
	}
	c.mu.Unlock()
	if was == parked {
		c.discard()
	} else if was == read {
		<-c.gone
	}
	_ = c.net.Close()
	c.client.end()
	c.loop.ended(c)
}

// sayClose sends the close frame; false when nobody will read it.
func (c *conn) sayClose() bool {
	if c.torn || c.code == ws.StatusAbnormalClosure {
		return false
	}
	reason := c.reason
	if len(reason) > 120 { // a control frame holds 125 bytes
		reason = reason[:120]
	}
	body := ws.NewCloseFrameBody(c.code, reason)
	if c.code == ws.StatusNoStatusRcvd {
		body = nil
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(closeWait))
	return ws.WriteFrame(c.net, ws.NewCloseFrame(body)) == nil
}

// discard reads until the peer closes or the deadline has passed.
func (c *conn) discard() {
	var buf [512]byte
	for {
		if _, err := c.net.Read(buf[:]); err != nil {
			return
		}
	}
}
