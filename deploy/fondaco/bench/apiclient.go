package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const helperSockets = "api-sockets"

// socketSpec is many WebSocket clients.
type socketSpec struct {
	Host, Path string
	Conns      int
	Subscribe  []string // what to send first, in turn; none = nothing
	Slow       int      // of them read nothing once they are subscribed
}

// socketCount is what the clients that read got since the last reset.
type socketCount struct {
	Messages int64
	P50, P99 time.Duration // from the time that a message says to its arrival, in whole ms
	Closed   int64         // connections that ended, in all
}

// clients is such a process.
type clients struct{ *helper }

// sockets starts one and returns when all are connected and subscribed.
func sockets(s socketSpec) (*clients, error) {
	if s.Path == "" {
		s.Path = "/v1/ws"
	}
	h, err := spawn(helperSockets, s)
	if err != nil {
		return nil, err
	}
	var failed string
	if err = h.read(&failed); err == nil && failed != "" {
		err = fmt.Errorf("%s", failed)
	}
	if err != nil {
		h.stop()
		return nil, fmt.Errorf("connecting %d sockets: %w", s.Conns, err)
	}
	return &clients{h}, nil
}

func (c *clients) ask(word string) (n socketCount, err error) {
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		return n, err
	}
	return n, c.read(&n)
}

// reset counts from zero again.
func (c *clients) reset() error {
	_, err := c.ask("reset")
	return err
}

// until waits for that many messages.
func (c *clients) until(ctx context.Context, messages int64) (n socketCount, err error) {
	for deadline := time.Now().Add(time.Minute); ; {
		if n, err = c.ask("report"); err != nil || n.Messages >= messages {
			return n, err
		}
		if time.Now().After(deadline) {
			return n, fmt.Errorf("%d messages came of %d, %d connections ended", n.Messages, messages, n.Closed)
		}
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// listeners is the clients' own side.
type listeners struct {
	spec     socketSpec
	messages atomic.Int64
	closed   atomic.Int64
	late     [60_000]atomic.Int64 // messages by their age in ms
}

func runSockets(text []byte) error {
	l := &listeners{}
	if err := json.Unmarshal(text, &l.spec); err != nil {
		return err
	}
	raise(uint64(l.spec.Conns) + 1000)
	var wg sync.WaitGroup
	var first atomic.Pointer[error]
	next := make(chan int)
	for range 32 { // as many handshakes at once
		wg.Go(func() {
			for i := range next {
				if err := l.open(i); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	for i := range l.spec.Conns {
		next <- i
	}
	close(next)
	wg.Wait()
	out := json.NewEncoder(os.Stdout)
	failed := ""
	if err := first.Load(); err != nil {
		failed = (*err).Error()
	}
	if err := out.Encode(failed); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "reset" {
			l.messages.Store(0)
			for i := range l.late {
				l.late[i].Store(0)
			}
		}
		if err := out.Encode(l.count()); err != nil {
			return err
		}
	}
	return nil
}

func (l *listeners) count() socketCount {
	n := socketCount{Messages: l.messages.Load(), Closed: l.closed.Load()}
	all, sum := int64(0), int64(0)
	for i := range l.late {
		all += l.late[i].Load()
	}
	for i := range l.late {
		was := sum
		sum += l.late[i].Load()
		for _, p := range []struct {
			of   float64
			into *time.Duration
		}{{0.5, &n.P50}, {0.99, &n.P99}} {
			if edge := int64(p.of * float64(all)); was <= edge && edge < sum {
				*p.into = time.Duration(i) * time.Millisecond
			}
		}
	}
	return n
}

// open connects one client, subscribes it and leaves it to a goroutine.
func (l *listeners) open(i int) error {
	slow := i < l.spec.Slow
	d := net.Dialer{Timeout: 20 * time.Second}
	if slow {
		d.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		}
	}
	c, err := d.Dial("tcp", l.spec.Host)
	if err != nil {
		return err
	}
	ok := false
	defer func() {
		if !ok {
			_ = c.Close()
		}
	}()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		l.spec.Path, l.spec.Host); err != nil {
		return err
	}
	in := bufio.NewReaderSize(c, 2048)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return fmt.Errorf("upgrading: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("upgrading: %s", resp.Status)
	}
	var buf []byte
	if n := len(l.spec.Subscribe); n > 0 {
		if _, err := c.Write(masked(0x1, []byte(l.spec.Subscribe[i%n]))); err != nil {
			return err
		}
		_, text, err := nextFrame(in, buf)
		if err != nil || !bytes.Contains(text, []byte(`"subscribed"`)) {
			return fmt.Errorf("subscribing: %.200s %w", text, err)
		}
	}
	_ = c.SetDeadline(time.Time{})
	ok = true
	if !slow {
		go l.listen(c, in)
	}
	return nil
}

func (l *listeners) listen(c net.Conn, in *bufio.Reader) {
	defer func() { l.closed.Add(1); _ = c.Close() }()
	var buf, said []byte
	var at time.Time
	for {
		op, text, err := nextFrame(in, buf)
		if err != nil || op == 0x8 {
			return
		}
		buf = text
		switch {
		case op == 0x9:
			if _, err := c.Write(masked(0xa, text)); err != nil {
				return
			}
		case bytes.HasPrefix(text, []byte(`{"op":"event"`)):
			if i := bytes.Index(text, []byte(`"at":"`)); i >= 0 {
				stamp := text[i+6:]
				stamp = stamp[:max(0, bytes.IndexByte(stamp, '"'))]
				if !bytes.Equal(stamp, said) { // messages of one burst say the same
					said = append(said[:0], stamp...)
					at, _ = time.Parse(time.RFC3339Nano, string(stamp))
				}
				l.late[min(max(0, int(time.Since(at)/time.Millisecond)), len(l.late)-1)].Add(1)
			}
			l.messages.Add(1)
		}
	}
}

// masked is a whole frame of a client, whose mask is zero; payloads up to 64 KiB.
func masked(op byte, payload []byte) []byte {
	out := []byte{0x80 | op}
	if n := len(payload); n < 126 {
		out = append(out, 0x80|byte(n))
	} else {
		out = append(out, 0x80|126, byte(n>>8), byte(n))
	}
	return append(append(out, 0, 0, 0, 0), payload...)
}

// nextFrame reads an unmasked frame into buf, which it may replace.
func nextFrame(in *bufio.Reader, buf []byte) (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1] & 0x7f)
	if n >= 126 {
		wide := 2
		if n == 127 {
			wide = 8
		}
		n = 0
		for range wide {
			b, err := in.ReadByte()
			if err != nil {
				return 0, nil, err
			}
			n = n<<8 | uint64(b)
		}
	}
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	if uint64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	_, err = io.ReadFull(in, buf)
	return head[0] & 0xf, buf, err
}
