package socket

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// loop is what all connections of the process share: flushers that write what
// gathers, the poller that waits for the bytes of who is silent, and the wheel
// that pings.
type loop struct {
	cfg      Config
	linger   time.Duration // a goroutine waits for who sent orders lately
	flushers []*flusher
	poller   *poller // nil where the system has none: then a goroutine waits
	wheel    wheel
	guard    func(*conn) // deferred: keeps a panic in one connection from touching another
	gone     func(*conn) // told of each end

	next   atomic.Uint32 // connection's flusher
	writes atomic.Uint64
	frames atomic.Uint64
	parked atomic.Int64

	start sync.Once
	stop  chan struct{}
	wg    sync.WaitGroup
}

func newLoop(cfg Config, guard, gone func(*conn)) *loop {
	return &loop{cfg: cfg.withDefaults(), linger: 5 * time.Second, guard: guard, gone: gone, stop: make(chan struct{})}
}

// run starts what the first connection needs.
func (l *loop) run() {
	l.start.Do(func() {
		for range min(4, runtime.GOMAXPROCS(0)) {
			f := newFlusher(l.cfg.Tick)
			l.flushers = append(l.flushers, f)
			l.wg.Go(func() { f.run(l.stop) })
		}
		if p, err := newPoller(); err == nil {
			l.poller = p
			l.wg.Go(p.run)
		}
		l.wg.Go(func() { l.wheel.run(l.stop) })
	})
}

// close ends what run started, once no connection is left.
func (l *loop) close() {
	l.start.Do(func() {}) // from now on nothing starts
	close(l.stop)
	if l.poller != nil {
		l.poller.stop()
	}
	l.wg.Wait()
}

// begin takes a connection over, with the bytes that came already.
func (l *loop) begin(c *conn, first []byte) {
	c.line = l.next.Add(1)
	l.wheel.add(c)
	c.client.begin()
	go c.receive(first)
}

func (l *loop) ended(c *conn) {
	l.wheel.remove(c)
	l.gone(c)
}

func (l *loop) wrote(p *pen) {
	l.writes.Add(1)
	l.frames.Add(uint64(p.frames))
}

func (l *loop) flusher(c *conn) *flusher { return l.flushers[c.line%uint32(len(l.flushers))] }

// flusher writes for many connections in turn. The first frame after a
// connection's silence leaves at once; those that follow within a tick leave
// together.
type flusher struct {
	tick time.Duration
	wake chan struct{} // buffered

	mu    sync.Mutex
	now   []*conn
	later []*conn
}

func newFlusher(tick time.Duration) *flusher {
	return &flusher{tick: tick, wake: make(chan struct{}, 1)}
}

// add takes a connection that something waits for; each at most once, by its
// own account.
func (f *flusher) add(c *conn, now bool) {
	f.mu.Lock()
	list := &f.later
	if now {
		list = &f.now
	}
	*list = append(*list, c)
	first := len(*list) == 1
	f.mu.Unlock()
	if !first {
		return
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flusher) run(stop <-chan struct{}) {
	p := pens.Get().(*pen)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var now, later []*conn // lists of the last turn, to be used again
	armed, ripe := false, false
	for {
		select {
		case <-stop:
			return
		case <-f.wake:
		case <-timer.C:
			ripe = armed
		}
		f.mu.Lock()
		now, f.now = f.now, now[:0]
		if ripe {
			later, f.later = f.later, later[:0]
			armed, ripe = false, false
		} else {
			later = later[:0]
		}
		if len(f.later) > 0 && !armed {
			armed = true
			timer.Reset(f.tick)
		}
		f.mu.Unlock()
		for _, list := range [][]*conn{now, later} {
			for _, c := range list {
				if c.flush(p) {
					p = pens.Get().(*pen)
				}
			}
			clear(list)
		}
	}
}
