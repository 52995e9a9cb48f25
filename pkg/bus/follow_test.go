package bus_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
)

// gate stands between a client and its server. Once armed it keeps the server's
// answers to itself from the first request on whose subject holds a text.
type gate struct {
	ln     net.Listener
	server string
	text   []byte

	seen   chan struct{} // closed when the request came
	opened chan struct{}
	open   func() // lets the answers pass again

	mu    sync.Mutex
	armed bool
	shut  bool // answers wait for opened
	conns []net.Conn
}

func newGate(t *testing.T, server, text string) *gate {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{ln: ln, server: strings.TrimPrefix(server, "nats://"), text: []byte(text), seen: make(chan struct{}), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { g.pass(client) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); g.open(); g.cut(); serving.Wait() })
	return g
}

// pass connects a client with the server until either is gone.
func (g *gate) pass(client net.Conn) {
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		_ = client.Close()
		return
	}
	g.mu.Lock()
	g.conns = append(g.conns, client, server)
	g.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(spy{server, g}, client); _ = server.Close() })
	both.Go(func() { _, _ = io.Copy(late{client, g}, server); _ = client.Close() })
	both.Wait()
}

// spy passes requests on, after a look at them.
type spy struct {
	net.Conn
	gate *gate
}

func (s spy) Write(p []byte) (int, error) {
	g := s.gate
	g.mu.Lock()
	if g.armed && bytes.Contains(p, g.text) {
		g.armed, g.shut = false, true
		close(g.seen)
	}
	g.mu.Unlock()
	return s.Conn.Write(p)
}

// late passes answers on while the gate is open.
type late struct {
	net.Conn
	gate *gate
}

func (l late) Write(p []byte) (int, error) {
	l.gate.mu.Lock()
	shut := l.gate.shut
	l.gate.mu.Unlock()
	if shut {
		<-l.gate.opened
	}
	return l.Conn.Write(p)
}

func (g *gate) arm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = true
}

// cut breaks every connection.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

// A reader of a quiet stream is closed at the moment at which its consumer is
// being made anew, after the connection broke. It ends; it once waited for ever
// for the next message, and with it whoever closed it: an order book that had to
// stop serving went on saying that it was ready.
func TestFollowerEndsWhileItsConsumerIsMadeAnew(t *testing.T) {
	t.Parallel()
	srv, direct := setup(t)
	ctx := within(t, 30*time.Second)
	g := newGate(t, srv.URL, "$JS.API.CONSUMER.CREATE.")
	b, err := bus.Connect(ctx, bus.Config{URL: "nats://" + g.ln.Addr().String(), Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	f := b.Follow(ctx, stream, []string{subject}, 0)
	if _, err := direct.PublishOnce(ctx, subject, "1", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(ctx, 1); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { _, err := f.Next(ctx, 1); ended <- err }()
	g.arm()
	g.cut()
	select {
	case <-g.seen:
	case <-ctx.Done():
		t.Fatal("the consumer is not made anew after a reconnect: the test tests nothing")
	}
	closed := make(chan struct{})
	go func() { f.Close(); close(closed) }()
	for range 20 { // meanwhile it has begun to end
		if _, err := direct.Stream(ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	g.open()
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("a closed reader goes on reading")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("its reader was told %v", err)
	}
}

// TestFollowerInBursts: a reader that rests gets what came meanwhile at once, after
// the rest or when it is hurried, and is not woken for it before.
func TestFollowerInBursts(t *testing.T) {
	t.Parallel()
	_, b := setup(t)
	ctx := within(t, 30*time.Second)
	f := b.Follow(ctx, stream, []string{subject}, 0)
	defer f.Close()
	rest := time.Hour
	f.Rest = func() time.Duration { return rest }
	n := 0
	publish := func(count int) {
		t.Helper()
		for range count {
			n++
			if _, err := b.PublishOnce(ctx, subject, strconv.Itoa(n), []byte(strconv.Itoa(n)), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := uint64(0)
	next := func(want int) {
		t.Helper()
		for read < uint64(want) {
			msgs, err := f.Next(ctx, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range msgs {
				if read++; m.Seq != read || string(m.Data) != strconv.FormatUint(read, 10) {
					t.Fatalf("message %d came as the %d.: %s", m.Seq, read, m.Data)
				}
			}
		}
	}
	publish(3)
	next(3) // the first burst waits for nothing
	publish(2)
	early, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if msgs, err := f.Next(early, 1<<20); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it rests no longer: %d messages, %v", len(msgs), err)
	}
	f.Hurry()
	next(5)
	// From bursts to all at once and back.
	for i := range 20 {
		if rest = -1; i%2 == 0 {
			rest = 0
		}
		publish(3)
		next(5 + 3*(i+1))
	}
}

// TestFollowerOutlivesItsConsumer: the server forgets the consumer, and nothing is
// lost or comes twice.
func TestFollowerOutlivesItsConsumer(t *testing.T) {
	t.Parallel()
	_, b := setup(t)
	ctx := within(t, 30*time.Second)
	f := b.Follow(ctx, stream, []string{subject}, 0)
	defer f.Close()
	for n := uint64(1); n <= 4; n++ {
		if _, err := b.PublishOnce(ctx, subject, strconv.FormatUint(n, 10), []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil || len(msgs) != 1 || msgs[0].Seq != n {
			t.Fatalf("%v %v", msgs, err)
		}
		s, err := b.JetStream().Stream(ctx, stream)
		if err != nil {
			t.Fatal(err)
		}
		gone := 0
		for name := range s.ConsumerNames(ctx).Name() {
			if err := s.DeleteConsumer(ctx, name); err != nil {
				t.Fatal(err)
			}
			gone++
		}
		if gone == 0 {
			t.Fatal("the stream has no consumer: the test tests nothing")
		}
	}
}

// TestFollowerBoundsWhatItHandsOut: a message that does not fit comes first in the
// next answer.
func TestFollowerBoundsWhatItHandsOut(t *testing.T) {
	t.Parallel()
	_, b := setup(t)
	ctx := within(t, 30*time.Second)
	for n := range 10 {
		if _, err := b.PublishOnce(ctx, subject, strconv.Itoa(n), make([]byte, 100), nil); err != nil {
			t.Fatal(err)
		}
	}
	f := b.Follow(ctx, stream, []string{subject}, 3)
	defer f.Close()
	for next := uint64(3); next <= 10; {
		msgs, err := f.Next(ctx, 250)
		if err != nil || len(msgs) == 0 || len(msgs) > 2 {
			t.Fatalf("%d messages, %v", len(msgs), err)
		}
		for _, m := range msgs {
			if m.Seq != next || m.Pending != 10-next {
				t.Fatalf("message %d with %d behind it, want %d", m.Seq, m.Pending, next)
			}
			next++
		}
	}
}
