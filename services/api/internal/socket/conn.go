package socket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// slack above the queue's limit is for answers to the client's own messages,
// in bytes.
const slack = 64 << 10

const tooSlow = "too slow; resume with since"

var errClosed = errors.New("the socket is closed")

// client is who speaks on a connection.
type client interface {
	// begin is called once, before the first take.
	begin()
	// take handles a message; the text is the reader's. It says whether the
	// message has a limit of its own.
	take(text []byte) bool
	// visit is called about every 20 s and must not block.
	visit(now time.Time)
	// bye tells the client before the server goes away to come back after a
	// while.
	bye(after time.Duration)
	// end is called once, after the last take.
	end()
}

// conn is one WebSocket connection. Nothing of it runs while nothing happens:
// bytes that arrive get a reader (read.go), frames that wait a writer
// (write.go), and pings come from the process's wheel.
type conn struct {
	loop   *loop
	net    net.Conn
	raw    syscall.RawConn // nil when it is no TCP connection
	from   netip.Addr      // the client's network, as limits count it
	id     string          // of the request that it began with
	path   string          // and that request's path
	client client
	began  instant
	heard  atomic.Int64 // Unix nanoseconds of the last whole frame of the client

	mu     sync.Mutex
	ctx    context.Context // see context; nil while nobody asked for it
	cancel context.CancelFunc
	queue  [][]byte // a nil one was taken back
	taken  uint64   // frames that left the queue so far
	queued int      // bytes in queue and in the write under way
	room   chan struct{}
	onRoom []func() // called once when there is room again
	code   ws.StatusCode
	reason string
	drop   bool // close without sending what waits
	torn   bool // the last frame is out in part; the writer's alone
	// One at a time has the right to write; due: a flusher will look here.
	writing, due bool
	flushed      instant // when a flusher last wrote

	reader reading
	gone   chan struct{} // closed by the reader when it ends; made when somebody waits
	token  uint64        // of the poller, 0 = it does not know the connection yet

	messages budget  // of the client's messages; the reader's alone, as is until
	until    instant // when the read deadline was last set

	line     uint32 // which flusher is its own
	slot, at int    // on the wheel
}

// reading says who waits for the client's bytes.
type reading int8

const (
	read   reading = iota // a goroutine
	parked                // the poller
	ended                 // nobody any more
)

func newConn(l *loop, c net.Conn) *conn {
	out := &conn{loop: l, net: c, began: now()}
	out.heard.Store(time.Now().UnixNano())
	if t, ok := c.(*net.TCPConn); ok {
		if out.raw, _ = t.SyscallConn(); out.raw != nil {
			_ = boundUnsent(out.raw, l.cfg.UnsentBytes) // without it a slow client costs more
		}
	}
	return out
}

// context ends when the connection begins to close. Most connections never need
// one, and it is a tenth of their memory.
func (c *conn) context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancel(context.Background())
		if c.code != 0 {
			c.cancel()
		}
	}
	return c.ctx
}

// Offer queues a frame if there is room.
func (c *conn) Offer(frame []byte) feed.Offered {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offer(frame)
}

func (c *conn) offer(frame []byte) feed.Offered {
	switch {
	case c.code != 0:
		return feed.Closed
	case c.queued > 0 && c.queued+len(frame) > c.loop.cfg.QueueBytes:
		return feed.Full
	}
	c.add(frame, false)
	return feed.Taken
}

// Hint queues a frame that may be left out.
func (c *conn) Hint(frame []byte) { c.Offer(frame) }

// newest is where the frame of a state waits in a connection's queue, whose
// lock it belongs to.
type newest struct {
	slot  uint64 // the frame's number in the connection's life, from 1; 0 = none
	state uint64 // what it is of: another candle does not replace it
}

func (c *conn) waits(n *newest) bool { return n.slot > c.taken }

// replace queues a frame, or puts it in the place of the one that waits. A
// replacement always fits: it makes nothing longer by more than itself.
func (c *conn) replace(n *newest, state uint64, frame []byte) feed.Offered {
	if c.code == 0 && c.waits(n) && n.state == state {
		old := &c.queue[n.slot-1-c.taken]
		c.queued += len(frame) - len(*old)
		*old = frame
		return feed.Taken
	}
	got := c.offer(frame)
	if got == feed.Taken {
		n.slot, n.state = c.taken+uint64(len(c.queue)), state
	}
	return got
}

// forget takes back the frame that waits: a whole state follows.
func (c *conn) forget(n *newest) {
	if c.waits(n) {
		old := &c.queue[n.slot-1-c.taken]
		c.queued -= len(*old)
		*old = nil
	}
	n.slot = 0
}

// Say queues an answer, which leaves at once. A client that asks and does not
// read is closed.
func (c *conn) Say(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(frame, true)
}

func (c *conn) say(frame []byte, now bool) {
	if c.code != 0 {
		return
	}
	if c.queued > c.loop.cfg.QueueBytes+slack {
		c.closeLocked(CodeSlow, tooSlow, true)
		return
	}
	c.add(frame, now)
}

// Push queues a frame once there is room.
func (c *conn) Push(ctx context.Context, frame []byte) error {
	for {
		c.mu.Lock()
		if c.code != 0 {
			c.mu.Unlock()
			return errClosed
		}
		if c.queued == 0 || c.queued+len(frame) <= c.loop.cfg.QueueBytes/2 {
			c.add(frame, true)
			c.mu.Unlock()
			return nil
		}
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.context().Done():
			return errClosed
		case <-room:
		}
	}
}

// add queues a frame and sees to it that somebody writes it: a goroutine at
// once, or a flusher, which lets several gather when one just left.
func (c *conn) add(frame []byte, now bool) {
	c.queue = append(c.queue, frame)
	c.queued += len(frame)
	switch {
	case c.writing: // who writes sees it
	case now || c.raw == nil:
		c.writing = true
		go c.drain()
	case !c.due:
		c.due = true
		c.loop.flusher(c).add(c, c.flushed.since() >= c.loop.cfg.Tick)
	}
}

// Close ends the connection with a code, after what waits was sent.
func (c *conn) Close(code ws.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason, false)
}

// abort ends it without sending anything more.
func (c *conn) abort(code ws.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(code, reason, true)
}

func (c *conn) closeLocked(code ws.StatusCode, reason string, drop bool) {
	if c.code != 0 {
		return
	}
	c.code, c.reason, c.drop = code, reason, drop
	if c.cancel != nil {
		c.cancel()
	}
	if !c.writing {
		c.writing = true
		go c.drain()
	}
}

// waiting is how many bytes wait for the client.
func (c *conn) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued
}

// trim gives back what a burst left.
func (c *conn) trim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 && !c.writing {
		c.queue = nil
	}
}
