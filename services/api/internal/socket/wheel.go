package socket

import (
	"sync"
	"time"

	"github.com/gobwas/ws"
)

const (
	pingEvery  = 20 * time.Second // the wheel's turn
	idleAfter  = 60 * time.Second // without any frame of the client, not even a pong
	wheelSlots = 200
)

var pingFrame = ws.MustCompileFrame(ws.NewPingFrame(nil))

// wheel holds all connections and visits each once a turn: it is the one timer
// that they have. The zero value is ready.
type wheel struct {
	mu    sync.Mutex
	slots [wheelSlots][]*conn
	at    int
	count int
}

// add puts a connection where the wheel has just been.
func (w *wheel) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.slot, c.at = w.at, len(w.slots[w.at])
	w.slots[w.at] = append(w.slots[w.at], c)
	w.count++
}

func (w *wheel) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.slots[c.slot]
	last := list[len(list)-1]
	list[c.at], last.at = last, c.at
	list[len(list)-1] = nil
	w.slots[c.slot] = list[:len(list)-1]
	w.count--
}

// all is every connection as of now.
func (w *wheel) all() []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]*conn, 0, w.count)
	for _, list := range w.slots {
		out = append(out, list...)
	}
	return out
}

func (w *wheel) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// run turns the wheel.
func (w *wheel) run(stop <-chan struct{}) {
	tick := time.NewTicker(pingEvery / wheelSlots)
	defer tick.Stop()
	var due []*conn
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			due = w.step(due[:0])
			for _, c := range due {
				c.visit(now)
			}
			clear(due)
		}
	}
}

func (w *wheel) step(due []*conn) []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = (w.at + 1) % wheelSlots
	return append(due, w.slots[w.at]...)
}

// visit pings, so that proxies keep a quiet connection open, and closes one
// whose client was not heard for long.
func (c *conn) visit(now time.Time) {
	if now.Sub(time.Unix(0, c.heard.Load())) > idleAfter {
		c.Close(CodeIdle, "nothing was heard for a minute")
		return
	}
	c.trim()
	c.mu.Lock()
	c.say(pingFrame, false)
	c.mu.Unlock()
	c.client.visit(now)
}
