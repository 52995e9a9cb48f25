package socket

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// stuck is a connection whose peer takes nothing before drain is called: a pipe
// holds no bytes.
func stuck(t *testing.T, cfg Config) (c *conn, drain func() heard) {
	t.Helper()
	l, _ := plant(t, cfg)
	a, b := net.Pipe()
	c = newConn(l, a)
	c.client = &echo{c: c}
	l.begin(c, nil)
	t.Cleanup(func() { b.Close() })
	return c, func() heard { return listen(t, b) }
}

func text(s string) []byte { return feed.TextFrame([]byte(s)) }

// TestQueue: a full queue refuses frames of feeds, lets pushed ones wait, and
// says when there is room.
func TestQueue(t *testing.T) {
	t.Parallel()
	c, drain := stuck(t, Config{QueueBytes: 1000})
	frame := text(strings.Repeat("x", 300))
	for range 3 {
		if got := c.Offer(frame); got != feed.Taken {
			t.Fatalf("got %v", got)
		}
	}
	if c.Offer(frame) != feed.Full {
		t.Error("a fourth frame fits")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.Push(ctx, frame); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	room := make(chan struct{})
	c.mu.Lock()
	c.onRoom = append(c.onRoom, func() { close(room) })
	c.mu.Unlock()
	got := make(chan heard, 1)
	go func() { got <- drain() }()
	<-room
	if err := c.Push(context.Background(), frame); err != nil {
		t.Error(err)
	}
	c.Close(ws.StatusNormalClosure, "")
	if c.Offer(frame) != feed.Closed || c.Push(context.Background(), frame) != errClosed {
		t.Error("a closed connection takes frames")
	}
	if h := <-got; h.code != 1000 || len(h.texts) != 4 {
		t.Errorf("code %d after %d frames", h.code, len(h.texts))
	}
}

// TestNewest: what waits of a state is replaced by what is newer, in the order
// of the subscriptions, and never by another candle; facts stay.
func TestNewest(t *testing.T) {
	t.Parallel()
	c, drain := stuck(t, Config{})
	c.Say(text("first")) // is with the kernel, or rather stays there
	ticker, candle := newest{}, newest{}
	offer := func(n *newest, state uint64, s string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if got := c.replace(n, state, text(s)); got != feed.Taken {
			t.Errorf("%s: %v", s, got)
		}
	}
	for i := range 100 {
		c.Offer(text(fmt.Sprint("fact ", i)))
		offer(&ticker, 0, fmt.Sprint("ticker ", i))
		offer(&candle, uint64(i/50), fmt.Sprint("candle ", i))
	}
	c.mu.Lock()
	waits := c.waits(&ticker) && c.waits(&candle)
	c.mu.Unlock()
	if !waits {
		t.Error("nothing waits")
	}
	go c.Close(ws.StatusNormalClosure, "")
	var facts, states []string
	h := drain()
	for _, s := range h.texts {
		if strings.HasPrefix(s, "fact") {
			facts = append(facts, s)
		} else {
			states = append(states, s)
		}
	}
	if len(facts) != 100 || facts[0] != "fact 0" || facts[99] != "fact 99" {
		t.Errorf("%d facts: %q", len(facts), facts)
	}
	// What the writer had taken already could not be replaced.
	if n := len(states); n < 4 || n > 8 || states[0] != "first" || !slices.Contains(states, "ticker 99") || !slices.Contains(states, "candle 49") || !slices.Contains(states, "candle 99") {
		t.Errorf("%q", states)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queued != 0 {
		t.Errorf("%d bytes are counted in an empty queue", c.queued)
	}
}

// TestForget: a whole state makes void what waits of it.
func TestForget(t *testing.T) {
	t.Parallel()
	c, drain := stuck(t, Config{})
	c.Say(text("first"))
	n := newest{}
	c.mu.Lock()
	c.add(text("second"), false)
	c.replace(&n, 0, text("old"))
	c.forget(&n)
	c.say(text("whole"), true)
	c.replace(&n, 0, text("new"))
	c.mu.Unlock()
	go c.Close(ws.StatusNormalClosure, "")
	if got := strings.Join(drain().texts, " "); got != "first second whole new" {
		t.Errorf("got %s", got)
	}
}

// TestSlowPeer: who takes nothing for the stall's time is closed with 4001, and
// the flusher goes on with the others meanwhile.
func TestSlowPeer(t *testing.T) {
	t.Parallel()
	l, done := plant(t, Config{Stall: 200 * time.Millisecond})
	l.flushers = l.flushers[:1] // one writes for both
	slow, peer := serve(t, l)
	_ = slow.net.(*net.TCPConn).SetWriteBuffer(4 << 10)
	_ = peer.(*net.TCPConn).SetReadBuffer(4 << 10)
	healthy, other := serve(t, l)
	frame := text(strings.Repeat("x", 60<<10))
	for slow.Offer(frame) == feed.Taken {
	}
	for i := range 20 {
		healthy.Offer(text(fmt.Sprint(i)))
		if _, got, err := readFrame(other); err != nil || string(got) != fmt.Sprint(i) {
			t.Fatalf("%q %v", got, err)
		}
	}
	if ended := <-done; ended != slow || ended.code != CodeSlow {
		t.Errorf("code %d", ended.code)
	}
}

// TestParking: a silent connection has neither a goroutine nor a buffer, and is
// there when the client speaks again, closes, or is closed.
func TestParking(t *testing.T) {
	t.Parallel()
	l, done := plant(t, Config{})
	l.linger = time.Millisecond
	if l.poller == nil {
		t.Skip("this system has no poller")
	}
	const n = 50
	var peers []net.Conn
	var conns []*conn
	for range n {
		c, peer := serve(t, l)
		peers, conns = append(peers, peer), append(conns, c)
	}
	silent := func(want int64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); l.parked.Load() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d connections are parked, want %d", l.parked.Load(), want)
			}
		}
	}
	for round := range 3 {
		silent(n)
		for i, p := range peers {
			// A message in two pieces: its reader waits for the second.
			m := masked(ws.OpText, true, fmt.Sprint(round, " ", i))
			if _, err := p.Write(m[:3]); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Write(m[3:]); err != nil {
				t.Fatal(err)
			}
			if _, got, err := readFrame(p); err != nil || string(got) != fmt.Sprint(round, " ", i) {
				t.Fatalf("%q %v", got, err)
			}
		}
	}
	silent(n)
	conns[0].Close(ws.StatusGoingAway, "")
	if h := listen(t, peers[0]); h.code != 1001 {
		t.Errorf("code %d", h.code)
	}
	peers[0].Close()
	if c := <-done; c != conns[0] {
		t.Error("another connection ended")
	}
	peers[1].Close()
	if c := <-done; c != conns[1] || c.code != ws.StatusAbnormalClosure {
		t.Errorf("code %d", c.code)
	}
	if _, err := peers[2].Write(over); err != nil {
		t.Fatal(err)
	}
	if h := listen(t, peers[2]); h.code != 1000 {
		t.Errorf("code %d", h.code)
	}
	if !conns[1].client.(*echo).ended.Load() {
		t.Error("the client was not told the end")
	}
}

// TestVisits: the wheel pings, and closes who was not heard for a minute.
func TestVisits(t *testing.T) {
	t.Parallel()
	l, _ := plant(t, Config{})
	c, peer := serve(t, l)
	c.visit(time.Now())
	if h, _, err := readFrame(peer); err != nil || h.OpCode != ws.OpPing {
		t.Fatalf("%+v %v", h, err)
	}
	c.visit(time.Now().Add(idleAfter + time.Second))
	if h := listen(t, peer); h.code != CodeIdle {
		t.Errorf("code %d", h.code)
	}
	w := &wheel{}
	var all []*conn
	for range 1000 {
		all = append(all, &conn{})
		w.add(all[len(all)-1])
		w.step(nil)
	}
	for i := 0; i < len(all); i += 2 {
		w.remove(all[i])
	}
	seen := map[*conn]int{}
	for range wheelSlots {
		for _, c := range w.step(nil) {
			seen[c]++
		}
	}
	for i, c := range all {
		if seen[c] != i%2 {
			t.Fatalf("connection %d was visited %d times in a turn", i, seen[c])
		}
	}
}

// TestFlooding: messages and pings count; what has a limit of its own does not.
func TestFlooding(t *testing.T) {
	t.Parallel()
	l, _ := plant(t, Config{MessagesPerSecond: 20})
	for _, m := range [][]byte{masked(ws.OpText, true, "x"), masked(ws.OpPing, true, "x")} {
		_, peer := serve(t, l)
		go func() {
			for range 20 * burstTime * 3 {
				if _, err := peer.Write(m); err != nil {
					return
				}
			}
		}()
		if h := listen(t, peer); h.code != CodeFlooding {
			t.Errorf("code %d", h.code)
		}
	}
}

// TestPanic: one in a client's message ends its own connection.
func TestPanic(t *testing.T) {
	t.Parallel()
	l, _ := plant(t, Config{})
	l.guard = func(c *conn) {
		if recover() != nil {
			c.Close(ws.StatusInternalServerError, "")
		}
	}
	server, peer := pair(t)
	c := newConn(l, server)
	c.client = panics{&echo{c: c}}
	l.begin(c, nil)
	_, other := serve(t, l)
	if _, err := peer.Write(masked(ws.OpText, true, "x")); err != nil {
		t.Fatal(err)
	}
	if h := listen(t, peer); h.code != 1011 {
		t.Errorf("code %d", h.code)
	}
	if _, err := other.Write(cat(masked(ws.OpText, true, "y"), over)); err != nil {
		t.Fatal(err)
	}
	if h := listen(t, other); h.code != 1000 || len(h.texts) != 1 {
		t.Errorf("%+v", h)
	}
	_, _ = io.Copy(io.Discard, other)
}

type panics struct{ client }

func (panics) take([]byte) bool { panic("a bug") }
