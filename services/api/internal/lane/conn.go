package lane

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// bufferSize bounds a request's header, and what is read ahead. It is that of
// net/http's reader too, so that what is left to it is in its hands with one
// read.
const bufferSize = 4096

// What a connection is bound by now, in the lowest bits of conn.until.
const (
	idle   = int64(iota) // until a request begins; then it is closed
	header               // until the header is whole; then it is closed
	body                 // until the body is; then reading fails
	answer               // until the answer is written; then writing fails
	phases
)

const (
	never   = int64(1) << 61
	overdue = int64(-1)
)

// past is a deadline that ends what waits.
var past = time.Unix(1, 0)

// conn is one client's connection; its goroutine owns all but until.
type conn struct {
	server  *Server
	tcp     *net.TCPConn
	handler http.Handler
	remote  string

	buf      []byte
	at, have int  // buf[at:have] was read and not used
	gone     bool // no further request can be read

	// until is when the phase ends, in ns since the server began, times phases,
	// plus the phase; overdue once the server has ended it.
	until atomic.Int64

	last   *exchange // the one before, which may be used again; nil = none
	began  int64     // of the request
	later  bool      // it is not the first one
	posted bool      // the last one was a POST
	blanks int       // that came behind it
}

// enter begins a phase and gives the one before; overdue when that was.
func (c *conn) enter(phase int64, d time.Duration) (before int64) {
	return c.enterFrom(c.server.now.Load(), phase, d)
}

func (c *conn) enterFrom(began, phase int64, d time.Duration) (before int64) {
	until := never + phase
	if d > 0 {
		until = (began+int64(d))*phases + phase
	}
	if before = c.until.Swap(until); before == overdue {
		return overdue
	}
	return before % phases
}

// late ends a phase that is out of bounds. The sweep calls it.
func (c *conn) late() {
	until := c.until.Load()
	if until == overdue || until/phases > c.server.now.Load() {
		return
	}
	switch until % phases {
	case idle, header:
		if c.until.CompareAndSwap(until, overdue) {
			_ = c.tcp.SetReadDeadline(past)
		}
	case body:
		next := never + answer
		if d := c.server.http.WriteTimeout; d > 0 {
			next = (c.server.now.Load()+int64(d))*phases + answer
		}
		if c.until.CompareAndSwap(until, next) {
			_ = c.tcp.SetReadDeadline(past)
		}
	case answer:
		if c.until.CompareAndSwap(until, overdue) {
			_ = c.tcp.SetWriteDeadline(past)
		}
	}
}

// hush ends a connection that waits for a request; others end with their
// answer. The server's lock is held.
func (c *conn) hush() {
	until := c.until.Load()
	if until != overdue && until%phases == idle && c.until.CompareAndSwap(until, overdue) {
		_ = c.tcp.SetReadDeadline(past)
	}
}

// serve reads requests and answers them, one after the other.
func (c *conn) serve() {
	defer c.server.forget(c)
	for {
		x, ok := c.next()
		if !ok {
			_ = c.tcp.Close()
			return
		}
		if x == nil {
			c.server.forget(c)
			c.server.leave(&behind{TCPConn: c.tcp, first: slices.Clone(c.buf[c.at:c.have])})
			return
		}
		if !c.exchange(x) {
			_ = c.tcp.Close()
			return
		}
		if c.enter(idle, c.server.http.IdleTimeout) == overdue || c.server.closing.Load() {
			_ = c.tcp.Close()
			return
		}
	}
}

// next reads a request; nil when it is none for here, false when there is none.
func (c *conn) next() (*exchange, bool) {
	if c.at > 0 {
		c.have = copy(c.buf, c.buf[c.at:c.have])
		c.at = 0
	}
	fresh := true
	for looked := 0; ; {
		if c.have > 0 {
			if c.posted && looked == 0 && c.blank() {
				continue
			}
			if fresh {
				if fresh = false; c.enter(header, c.server.http.ReadHeaderTimeout) == overdue {
					return nil, false
				}
				c.began = c.server.now.Load()
			}
			if x, whole := c.read(looked); whole {
				if x != nil {
					c.at = len(x.text)
					c.later, c.posted, c.blanks = true, x.asked.Method == http.MethodPost, 0
				}
				return x, true
			}
			if enough := !c.later || c.have+c.blanks >= few; enough && (c.have == len(c.buf) || !crlf(c.buf[:c.have])) {
				return nil, true
			}
			looked = max(0, c.have-3)
		}
		n, err := c.tcp.Read(c.buf[c.have:])
		if c.have += n; err != nil {
			// Of half a request net/http knows what to say.
			return nil, err == io.EOF && c.have > 0 && (!c.later || c.have+c.blanks >= few)
		}
	}
}

// read reads a header, of which looked bytes do not hold the end. It is nil when
// the header is not plain, and false when it is not whole. Clients say the same
// again and again: then the exchange before is used as it was parsed.
func (c *conn) read(looked int) (x *exchange, whole bool) {
	if x = c.last; x != nil && c.have >= len(x.text) && string(c.buf[:len(x.text)]) == x.text {
		x.begin()
		return x, true
	}
	i := bytes.Index(c.buf[looked:c.have], []byte("\r\n\r\n"))
	if i < 0 {
		return nil, false
	}
	if x == nil {
		x = newExchange(c)
		c.last = x
	}
	if !x.parse(string(c.buf[:looked+i+4])) {
		return nil, true
	}
	x.begin()
	return x, true
}

// few bytes are none: of a request that is not the first net/http waits for so
// many before it has an opinion, and behind a POST it passes over so many of
// empty lines.
const few = 4

// blank passes over one byte of an empty line behind a POST.
func (c *conn) blank() bool {
	if b := c.buf[0]; c.blanks == few || b != '\r' && b != '\n' {
		return false
	}
	c.blanks++
	c.have = copy(c.buf, c.buf[1:c.have])
	return true
}

// crlf says whether the lines so far end as they should, and the first begins
// with a letter.
func crlf(b []byte) bool {
	if b[0] < 'A' || b[0] > 'Z' {
		return false
	}
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return true
		}
		if i += n; i == 0 || b[i-1] != '\r' {
			return false
		}
	}
}

// exchange answers one request. It is false when the connection ends with it.
func (c *conn) exchange(x *exchange) (again bool) {
	bounds := c.server.http
	before := int64(0)
	if x.body.left > int64(c.have-c.at) {
		x.life.reading = true
		before = c.enterFrom(c.began, body, bounds.ReadTimeout)
	} else {
		before = c.enter(answer, bounds.WriteTimeout)
	}
	if before == overdue {
		return false
	}
	w := responses.Get().(*response)
	w.begin(c, x)
	defer func() {
		p := recover()
		if x.life.end() {
			c.last = nil // who derived a context from this one sees it ended
		}
		if p != nil {
			again = false
			if p != http.ErrAbortHandler && bounds.ErrorLog != nil {
				bounds.ErrorLog.Printf("a handler panicked: %v\n%s", p, debug.Stack())
			}
		}
		w.end()
		responses.Put(w)
	}()
	c.handler.ServeHTTP(w, &x.request)
	x.life.end()
	w.close = w.close || !x.body.drain()
	return w.finish() && !c.gone
}

// behind is a connection of which something was read already.
type behind struct {
	*net.TCPConn
	first []byte
}

func (b *behind) Read(p []byte) (int, error) {
	if len(b.first) > 0 {
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	}
	return b.TCPConn.Read(p)
}

// upgraded gives who hijacks a connection the connection itself.
type upgraded struct{ http.ResponseWriter }

func (u upgraded) Unwrap() http.ResponseWriter { return u.ResponseWriter }

func (u upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if b, ok := c.(*behind); ok && len(b.first) == 0 {
		c = b.TCPConn
	}
	return c, rw, err
}
