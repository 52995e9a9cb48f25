package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// listening is a server whose bounds are short, and its address. It has two
// routes more: /body reads its request, /long answers as much as is taken.
func listening(t *testing.T, b bounds) string {
	t.Helper()
	s := bare(t)
	s.bounds = b
	s.echo.POST("/body", func(c echo.Context) error {
		n, err := io.Copy(io.Discard, c.Request().Body)
		if err != nil {
			return c.String(http.StatusRequestTimeout, err.Error())
		}
		return c.String(http.StatusOK, fmt.Sprint(n))
	})
	s.echo.GET("/long", func(c echo.Context) error {
		c.Response().WriteHeader(http.StatusOK)
		for block := make([]byte, 1<<20); ; {
			if _, err := c.Response().Write(block); err != nil {
				return nil
			}
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// ended reads to the end and gives what came and how long it took.
func ended(t *testing.T, c net.Conn) (string, time.Duration) {
	t.Helper()
	began := time.Now()
	all, err := io.ReadAll(c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection is not closed")
	}
	return string(all), time.Since(began)
}

// trickle sends a byte now and then, until the server closes.
func trickle(c net.Conn, every time.Duration) {
	for {
		if _, err := c.Write([]byte{'x'}); err != nil {
			return
		}
		time.Sleep(every)
	}
}

const long = time.Minute

func TestSlowHeader(t *testing.T) {
	t.Parallel()
	addr := listening(t, bounds{readHeader: 200 * time.Millisecond, read: long, write: long, idle: long, header: 1 << 10})
	c := dial(t, addr)
	send(t, c, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	go trickle(c, 20*time.Millisecond)
	if _, took := ended(t, c); took < 100*time.Millisecond || took > 10*time.Second {
		t.Errorf("closed after %v", took)
	}
	silent := dial(t, addr)
	if _, took := ended(t, silent); took > 10*time.Second {
		t.Errorf("a connection that says nothing was closed after %v", took)
	}
}

func TestSlowBody(t *testing.T) {
	t.Parallel()
	c := dial(t, listening(t, bounds{readHeader: long, read: 300 * time.Millisecond, write: long, idle: long, header: 1 << 10}))
	send(t, c, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
	go trickle(c, 20*time.Millisecond)
	if text, took := ended(t, c); !strings.HasPrefix(text, "HTTP/1.1 408 ") || took > 10*time.Second {
		t.Errorf("after %v: %.200s", took, text)
	}
}

func TestClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	c := dial(t, listening(t, bounds{readHeader: long, read: long, write: 300 * time.Millisecond, idle: long, header: 1 << 10}))
	send(t, c, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
	one := make([]byte, 1)
	began := time.Now()
	for {
		if _, err := c.Read(one); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
		if time.Since(began) > time.Second {
			_, _ = io.Copy(io.Discard, c) // what the kernels hold
			break
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it was served for %v", took)
	}
}

func TestIdleConnection(t *testing.T) {
	t.Parallel()
	c := dial(t, listening(t, bounds{readHeader: long, read: long, write: long, idle: 200 * time.Millisecond, header: 1 << 10}))
	send(t, c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
	if text, took := ended(t, c); !strings.HasPrefix(text, "HTTP/1.1 200 ") || took > 10*time.Second {
		t.Errorf("after %v: %.200s", took, text)
	}
}

func TestLargeRequests(t *testing.T) {
	t.Parallel()
	addr := listening(t, bounds{readHeader: long, read: long, write: long, idle: long, header: 1 << 10})
	c := dial(t, addr)
	send(t, c, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 6000)+"\r\n\r\n")
	if text, _ := ended(t, c); !strings.HasPrefix(text, "HTTP/1.1 431 ") {
		t.Errorf("a large header: %.200s", text)
	}
	for size, status := range map[int]string{maxBody: "200", maxBody + 1: "408"} {
		c := dial(t, addr)
		send(t, c, fmt.Sprintf("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+status) {
			t.Errorf("a body of %d bytes: %s, %v", size, line, err)
		}
	}
	// One that does not say how large it is.
	c = dial(t, addr)
	send(t, c, "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n"+strings.Repeat("x", 0x20000)+"\r\n0\r\n\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 408") {
		t.Errorf("a chunked body: %s, %v", line, err)
	}
}

// TestOddRequests: what an attacker may send is refused in so many words, and
// nothing behind it is taken for another request; what is only unusual is
// answered. FuzzAsNetHTTP of the lane has many more.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	addr := listening(t, bounds{readHeader: long, read: long, write: long, idle: long, header: 1 << 10})
	const next, ws = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for text, want := range map[string]string{
		"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n":                                                                      "200 200",
		"GET http://y/livez HTTP/1.1\r\nHost: x\r\n\r\n":                                                              "200 200",
		"GET /livez HTTP/1.0\r\n\r\n":                                                                                 "200",
		"GET /livez HTTP/1.1\r\n\r\n":                                                                                 "400",
		"GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n":                                                           "400",
		"GET /livez HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n":                                                           "400",
		"GET /li\x00vez HTTP/1.1\r\nHost: x\r\n\r\n":                                                                  "400",
		"GET /livez HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n":                                                             "400",
		"GET /livez HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n":                                                           "400",
		"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n":                                                                      "505",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd":                        "400",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc":                                             "400",
		"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n":                                           "501",
		"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "501",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n":          "200",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc":                      "100 200 200",
		"POST /body HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\nabc":                            "417",
		"GET /v1/ws HTTP/1.1\r\nHost: x\r\n" + ws + "Content-Length: 3\r\n\r\nabc":                                    "400 200",
		"GET /v1/ws HTTP/1.1\r\nHost: x\r\n" + ws + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n":                     "400",
		"GET /blocks HTTP/1.1\r\nHost: x\r\n" + ws + "Content-Length: 1\r\n\r\na":                                     "400 200",
		"GET /v1/ws HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":                                              "426 200",
	} {
		c := dial(t, addr)
		send(t, c, text+next)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		got, _ := ended(t, c)
		var codes []string
		for _, answer := range strings.Split(got, "HTTP/1.")[1:] {
			codes = append(codes, answer[2:5])
		}
		if strings.Join(codes, " ") != want {
			t.Errorf("%q is answered %v, not %s", text, codes, want)
		}
	}
}

// TestPanics: a request that panics is a plain 500 with its id, also for one on
// the same connection, and tells nothing.
func TestPanics(t *testing.T) {
	t.Parallel()
	s := bare(t)
	s.echo.GET("/v1/panic", func(echo.Context) error { panic("the secret of alice") })
	s.echo.GET("/v1/unknown", func(echo.Context) error { return errors.New("the secret of bob") })
	srv := newHTTP(t, s)
	for _, path := range []string{"/v1/panic", "/v1/unknown", "/v1/panic"} {
		resp, err := http.Get(srv + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		id := resp.Header.Get("X-Request-Id")
		if err != nil || resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" || id == "" ||
			!strings.Contains(string(body), `"code":"internal"`) || !strings.Contains(string(body), `"request_id":"`+id+`"`) || strings.Contains(string(body), "secret") {
			t.Errorf("%s: %d %s %v", path, resp.StatusCode, body, err)
		}
	}
}

func newHTTP(t *testing.T, s *Server) string {
	t.Helper()
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}
