package socket

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	readBytes = 4 << 10  // taken from the kernel at a time
	wideBytes = 32 << 10 // by who sends arrays of orders
	keepText  = 16 << 10 // a reader's buffer above this is not used again
	burstTime = 4        // seconds' worth of messages may come at once
)

// reader is what reading needs; connections have one only while bytes come.
type reader struct {
	buf   []byte
	n     int    // bytes in buf that were not taken yet
	small []byte // the reader's own buffer while it has a wide one
	frames
}

var readers = sync.Pool{New: func() any { return &reader{buf: make([]byte, readBytes)} }}

var wides = sync.Pool{New: func() any { return new([wideBytes]byte) }}

// widen lets messages that a wide buffer has room for stay in it until they are
// whole: taken piece by piece they are copied once more, at four calls of the
// system each.
func (r *reader) widen() {
	r.small, r.buf = r.buf, wides.Get().(*[wideBytes]byte)[:]
	copy(r.buf, r.small[:r.n])
	r.hold = len(r.buf)
}

func (r *reader) free() {
	if r.small != nil {
		wides.Put((*[wideBytes]byte)(r.buf))
		r.buf, r.small = r.small, nil
	}
	if cap(r.text) > keepText {
		r.text = nil
	}
	r.n, r.frames = 0, frames{text: r.text[:0], control: r.control[:0]}
	readers.Put(r)
}

// budget is how many messages a client may still send.
type budget struct {
	used float64
	last instant
}

// spend takes one, of perSecond and four seconds' worth at once.
func (b *budget) spend(at instant, perSecond int) bool {
	b.used = max(0, b.used-at.sub(b.last).Seconds()*float64(perSecond)) + 1
	b.last = at
	return b.used <= float64(perSecond*burstTime)
}

// readable is called by the poller: a reader goes on.
func (c *conn) readable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reader != parked {
		return
	}
	c.reader = read
	c.loop.parked.Add(-1)
	go c.receive(nil)
}

// receive takes the client's messages until the connection ends, or until the
// client is silent and the poller waits for it.
func (c *conn) receive(first []byte) {
	r := readers.Get().(*reader)
	r.limit = c.loop.cfg.MessageBytes
	if len(first) > len(r.buf) { // net/http buffers as much as a reader
		r.buf = make([]byte, len(first))
	}
	r.n = copy(r.buf, first)
	asked, woken := instant(0), c.token != 0
	for ; ; woken = false {
		if c.takeAll(r, &asked) != nil {
			break
		}
		if c.park(r, asked, woken) {
			return
		}
		if asked != 0 && r.small == nil && len(r.buf) < wideBytes && r.inside && r.head.Length > int64(len(r.buf)) {
			r.widen()
		}
		n, err := c.net.Read(r.buf[r.n:])
		r.n += n
		if err != nil && n == 0 {
			if quiet(err) && c.closing() == 0 { // too long a silence is the wheel's
				continue
			}
			c.failed(err)
			break
		}
	}
	r.free()
	if c.closing() != 0 {
		c.discard()
	}
	c.mu.Lock()
	c.reader = ended
	if c.gone != nil {
		close(c.gone)
	}
	c.mu.Unlock()
}

// takeAll takes what is in the buffer. An error ends the reader; the connection
// is closing then.
func (c *conn) takeAll(r *reader, asked *instant) error {
	at := 0
	for {
		n, op, payload, err := r.next(r.buf[at:r.n])
		at += n
		if err != nil {
			c.failed(err)
			return err
		}
		if op == ws.OpContinuation {
			r.n = copy(r.buf, r.buf[at:r.n])
			return nil
		}
		if c.closing() != 0 {
			return errClosed
		}
		c.heard.Store(time.Now().UnixNano())
		came := now()
		own := false
		switch op {
		case ws.OpText:
			if own = c.message(payload); own {
				*asked = came
			}
		case ws.OpPing:
			c.Say(ws.MustCompileFrame(ws.NewPongFrame(payload)))
		case ws.OpClose:
			c.closed(payload)
			return errClosed
		}
		if !own && op != ws.OpPong && !c.messages.spend(came, c.loop.cfg.MessagesPerSecond) {
			c.Close(CodeFlooding, "too many messages")
			return errClosed
		}
	}
}

func (c *conn) message(text []byte) bool {
	defer c.loop.guard(c)
	return c.client.take(text)
}

func (c *conn) closing() ws.StatusCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// park leaves the connection to the poller when nothing is half read and the
// client sent no orders lately; else it says how long to wait for more. woken:
// the poller says that there is something, which was not read yet.
func (c *conn) park(r *reader, asked instant, woken bool) bool {
	at := now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code != 0 {
		return false // the deadline is the closer's
	}
	may := !woken && c.loop.poller != nil && c.raw != nil && r.idle() && r.n == 0
	if !may {
		c.until = 0
		_ = c.net.SetReadDeadline(time.Now().Add(idleAfter))
		return false
	}
	if at.sub(asked) < c.loop.linger {
		if at.sub(c.until) > c.loop.linger/5 { // setting it costs
			c.until = at
			_ = c.net.SetReadDeadline(time.Now().Add(c.loop.linger))
		}
		return false
	}
	c.until = 0
	if err := c.loop.poller.arm(c); err != nil {
		_ = c.net.SetReadDeadline(time.Now().Add(idleAfter))
		return false
	}
	c.reader = parked
	c.loop.parked.Add(1)
	r.free()
	return true
}

// quiet says whether the error is only that nothing came for a while.
func quiet(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// closed answers the peer's close frame with its own code.
func (c *conn) closed(payload []byte) {
	code, reason := ws.ParseCloseFrameData(payload)
	switch {
	case len(payload) == 0:
		c.Close(ws.StatusNoStatusRcvd, "")
	case len(payload) == 1 || code > 4999 || ws.CheckCloseFrameData(code, reason) != nil:
		c.Close(ws.StatusProtocolError, "bad close frame")
	default:
		c.Close(code, reason)
	}
}

func (c *conn) failed(err error) {
	var p ws.ProtocolError
	switch {
	case errors.Is(err, errTooLong):
		c.Close(ws.StatusMessageTooBig, "the message is too long")
	case errors.Is(err, errNotUTF8):
		c.Close(ws.StatusInvalidFramePayloadData, errNotUTF8.Error())
	case errors.Is(err, errBinary):
		c.Close(ws.StatusUnsupportedData, errBinary.Error())
	case errors.As(err, &p), errors.Is(err, ws.ErrHeaderLengthMSB):
		c.Close(ws.StatusProtocolError, err.Error())
	default: // the peer is gone
		c.abort(ws.StatusAbnormalClosure, "")
	}
}
