package bench

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestWire: what a wire sends a library's server understands, and the other way
// round, at every length of a frame's head and between pings.
func TestWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for {
			_, text, err := c.Read(r.Context())
			if err != nil || string(text) == "end" {
				_ = c.Close(websocket.StatusNormalClosure, "done")
				return
			}
			ponged := make(chan error, 1)
			go func() { ponged <- c.Ping(r.Context()) }() // its answer is behind the next message
			if c.Write(r.Context(), websocket.MessageText, text) != nil {
				return
			}
			go func() { <-ponged }()
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	until := time.Now().Add(time.Minute)
	if _, err := dialWire(context.Background(), host, "none", until); err == nil {
		t.Fatal("a socket that was refused is open")
	}
	l, err := dialWire(context.Background(), host, "secret", until)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, n := range []int{0, 1, 7, 125, 126, 1000, 1<<16 - 1, 1 << 16, 200_000} {
		want := bytes.Repeat([]byte("abcdefghijk"), n/11+1)[:n]
		if err := l.send(func(b []byte) []byte { return append(b, want...) }); err != nil {
			t.Fatal(err)
		}
		got, err := l.read()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d others", n, len(got))
		}
	}
	if err := l.send(func(b []byte) []byte { return append(b, "end"...) }); err != nil {
		t.Fatal(err)
	}
	if _, err := l.read(); err == nil || !strings.Contains(err.Error(), "done") {
		t.Errorf("the end of a socket reads as %v", err)
	}
}
