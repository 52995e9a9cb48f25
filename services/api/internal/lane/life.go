package lane

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// life is a request's context. It ends with the request, and when the client
// goes: that is watched for from when somebody asks for it, since most handlers
// answer before it could matter.
type life struct {
	conn *conn

	mu      sync.Mutex
	reading bool            // the body is still to come: whoever reads it sees the client go
	inner   context.Context // nil until somebody asks
	cancel  context.CancelFunc
	ended   bool
	watched chan struct{} // closed when the watch is over; nil = there is none
	heard   int           // bytes of the next request that came meanwhile
	lost    bool          // the client went
}

// begin makes it that of the connection's next request. Nobody asked for the end
// of the one before while it lasted.
func (l *life) begin() {
	l.mu.Lock()
	l.inner, l.cancel, l.ended, l.reading = nil, nil, false, false
	l.mu.Unlock()
}

// Deadline is none.
func (l *life) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed at the end.
func (l *life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner == nil {
		l.inner, l.cancel = context.WithCancel(l.conn.server.base)
		if l.ended {
			l.cancel()
		} else if !l.reading {
			l.watch()
		}
	}
	return l.inner.Done()
}

// Err is nil before the end.
func (l *life) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.inner != nil:
		return l.inner.Err()
	case l.ended:
		return context.Canceled
	}
	return l.conn.server.base.Err()
}

// Value is the server's.
func (l *life) Value(key any) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil {
		return l.inner.Value(key) // where a child finds what to hang on to
	}
	return l.conn.server.base.Value(key)
}

// came is told that the body is there, whole.
func (l *life) came() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.reading {
		return
	}
	l.reading = false
	if l.conn.enter(answer, l.conn.server.http.WriteTimeout) != body {
		l.conn.gone = true // the bound was reached at the same time: reads fail
	} else if l.inner != nil && !l.ended {
		l.watch()
	}
}

// watch waits for a byte of the next request, or for the client to go. The lock
// is held; nobody else reads or moves what was read until end.
func (l *life) watch() {
	c := l.conn
	if c.have == len(c.buf) {
		return // who sent so much ahead is there
	}
	done := make(chan struct{})
	l.watched = done
	go func() {
		defer close(done)
		n, err := c.tcp.Read(c.buf[c.have : c.have+1])
		l.heard = n
		var late net.Error
		if err != nil && !(errors.As(err, &late) && late.Timeout()) {
			l.lost = true
			l.cancel()
		}
	}()
}

// end is called when the handler returned, and may be called twice. It says
// whether somebody asked for the end, and may hang on to it.
func (l *life) end() (asked bool) {
	l.mu.Lock()
	cancel, watched := l.cancel, l.watched
	l.ended, l.watched = true, nil
	l.mu.Unlock()
	if cancel == nil {
		return false
	}
	cancel()
	if watched == nil {
		return true
	}
	_ = l.conn.tcp.SetReadDeadline(past)
	<-watched
	_ = l.conn.tcp.SetReadDeadline(time.Time{})
	l.conn.have += l.heard
	l.conn.gone = l.conn.gone || l.lost
	return true
}

// reading is a request's body.
type reading struct {
	life *life
	left int64 // bytes
}

// Read is what io.Reader says. The end comes with the last bytes.
func (b *reading) Read(p []byte) (n int, err error) {
	c := b.life.conn
	switch {
	case b.left == 0:
		return 0, io.EOF
	case c.gone:
		return 0, io.ErrUnexpectedEOF
	case len(p) == 0:
		return 0, nil
	}
	p = p[:min(int64(len(p)), b.left)]
	if c.at < c.have {
		n = copy(p, c.buf[c.at:c.have])
		c.at += n
	} else if n, err = c.tcp.Read(p); err != nil {
		c.gone = true
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	if b.left -= int64(n); b.left > 0 {
		return n, err
	}
	b.life.came()
	return n, io.EOF
}

// Close does nothing: what is not read is passed over.
func (b *reading) Close() error { return nil }

// drain passes over what the handler did not read. It is false when that did not
// come.
func (b *reading) drain() bool {
	var room [2048]byte
	for b.left > 0 && !b.life.conn.gone {
		if _, err := b.Read(room[:]); err != nil && err != io.EOF {
			return false
		}
	}
	return true
}
