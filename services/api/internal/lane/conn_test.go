package lane

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const plain = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"

func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// answered reads one answer's body.
func answered(t testing.TB, in *bufio.Reader) string {
	t.Helper()
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestClientGoes: a handler that waits by its context ends when the client goes,
// also when it read a body first, and whoever derives a context from it.
func TestClientGoes(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan error, 1)
	_, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		_, _ = io.ReadAll(r.Body)
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
	})})
	for _, parts := range [][]string{{plain}, {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n", "abc", "def"}} {
		c := dial(t, addr)
		for _, p := range parts {
			send(t, c, p)
		}
		<-began
		_ = c.Close()
		select {
		case err := <-ended:
			if err != context.Canceled {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the handler waits for a client that is gone")
		}
	}
}

// TestContextEnds: a request's context ends with it, whether anybody asked
// before or not, and that of the next one goes on.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	contexts := make(chan context.Context, 2)
	_, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/asks" {
			_ = r.Context().Done()
		}
		if r.Context().Err() != nil || r.Context().Value(http.ServerContextKey) == nil {
			t.Error("a context that ended before its request, or knows nothing")
		}
		contexts <- r.Context()
	})})
	c := dial(t, addr)
	in := bufio.NewReader(c)
	for _, path := range []string{"/a", "/a", "/asks", "/asks", "/a", "/asks"} { // the same header is not read twice
		send(t, c, strings.Replace(plain, "/a", path, 1))
		answered(t, in)
		ctx := <-contexts
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Error("it goes on")
		}
		if ctx.Err() != context.Canceled {
			t.Error(ctx.Err())
		}
	}
}

// TestAskingAhead: what a client sends while a handler watches for its end is
// the next request, not lost and not taken for the end.
func TestAskingAhead(t *testing.T) {
	t.Parallel()
	ahead := make(chan struct{})
	_, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			ended := r.Context().Done()
			<-ahead
			select {
			case <-ended:
				t.Error("the client is there")
			default:
			}
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})})
	c := dial(t, addr)
	in := bufio.NewReader(c)
	for range 20 {
		send(t, c, plain)
		send(t, c, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
		ahead <- struct{}{}
		if got := answered(t, in) + answered(t, in); got != "/a/b" {
			t.Fatal(got)
		}
	}
}

// TestUpgrade: who asks for another protocol gets the connection itself, with
// what the client sent behind its request.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	_, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if _, ok := c.(*net.TCPConn); !ok {
			t.Errorf("a %T", c)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(rw, first); err != nil {
			t.Error(err)
		}
		_, _ = c.Write(first)
	})})
	c := dial(t, addr)
	send(t, c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
	if got, err := io.ReadAll(c); string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestShutdown: who waits for nothing is closed, who is answered is answered,
// and is told that it was the last one.
func TestShutdown(t *testing.T) {
	t.Parallel()
	began, go1 := make(chan struct{}), make(chan struct{})
	s, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			began <- struct{}{}
			<-go1
		}
		_, _ = io.WriteString(w, "ok")
	})})
	quiet, left, busy := dial(t, addr), dial(t, addr), dial(t, addr)
	send(t, quiet, plain)
	answered(t, bufio.NewReader(quiet))
	send(t, left, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") // in the hands of net/http
	answered(t, bufio.NewReader(left))
	send(t, busy, strings.Replace(plain, "/a", "/slow", 1))
	<-began
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	for _, c := range []net.Conn{quiet, left} {
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Error("a connection that is idle stays open")
		}
	}
	close(go1)
	text, err := io.ReadAll(busy)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 OK\r\n") || !strings.Contains(string(text), "\r\nConnection: close\r\n") {
		t.Errorf("%q, %v", text, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

// TestPanics: a handler's panic ends its own connection.
func TestPanics(t *testing.T) {
	t.Parallel()
	_, addr := serving(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("why")
		}
	})})
	other, c := dial(t, addr), dial(t, addr)
	send(t, c, strings.Replace(plain, "/a", "/panic", 1))
	if text, _ := io.ReadAll(c); len(text) != 0 {
		t.Errorf("%q", text)
	}
	send(t, other, plain)
	answered(t, bufio.NewReader(other))
}

// TestBounds: a client that is slow with its header or its body, or that does
// not take its answer, is let go; one that keeps to them is not.
func TestBounds(t *testing.T) {
	t.Parallel()
	var failed atomic.Int64
	_, addr := serving(t, &http.Server{ReadHeaderTimeout: 200 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, WriteTimeout: 300 * time.Millisecond, IdleTimeout: 300 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				failed.Add(1)
				w.WriteHeader(http.StatusRequestTimeout)
			}
			for block := make([]byte, 1<<20); r.URL.Path == "/endless"; {
				if _, err := w.Write(block); err != nil {
					failed.Add(1)
					return
				}
			}
		})})
	for name, text := range map[string]string{"silent": "", "header": "GET /a HT", "idle": plain, "body": "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"} {
		c := dial(t, addr)
		send(t, c, text)
		got, err := io.ReadAll(c)
		want := map[string]string{"idle": "HTTP/1.1 200 ", "body": "HTTP/1.1 408 "}[name]
		if late, ok := err.(net.Error); ok && late.Timeout() || !strings.HasPrefix(string(got), want) || want == "" && len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	c := dial(t, addr)
	send(t, c, strings.Replace(plain, "/a", "/endless", 1))
	for deadline := time.Now().Add(10 * time.Second); failed.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d failed", failed.Load())
		}
	}
	steady := dial(t, addr)
	in := bufio.NewReader(steady)
	for range 10 {
		send(t, steady, plain)
		answered(t, in)
		time.Sleep(50 * time.Millisecond)
	}
}
