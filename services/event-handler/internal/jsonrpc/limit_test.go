package jsonrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// TestDrippingAnswer: a node that sends a byte now and then is given up long
// before the whole deadline, and asking for less is not tried.
func TestDrippingAnswer(t *testing.T) {
	t.Parallel()
	drip := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	c := client(t, drip, jsonrpc.Options{Timeout: time.Minute, Stall: 50 * time.Millisecond})
	err := c.Call(t.Context(), nil, "eth_x", nil)
	if jsonrpc.ClassOf(err) != jsonrpc.ClassStalled || jsonrpc.AskForLess(err) || jsonrpc.MayBeTooMuch(err) {
		t.Errorf("got %v", err)
	}
}

// TestSlowButSteady: an answer that takes many stall intervals and keeps growing
// is read to its end.
func TestSlowButSteady(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 64<<10)
	steady := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":%q}`, text)
		for len(body) > 0 {
			n := min(len(body), 4<<10)
			_, _ = io.WriteString(w, body[:n])
			w.(http.Flusher).Flush()
			body = body[n:]
			time.Sleep(20 * time.Millisecond) // the pace of the line is what is tested
		}
	}
	var got string
	c := client(t, steady, jsonrpc.Options{Stall: 200 * time.Millisecond})
	if err := c.Call(t.Context(), &got, "eth_x", nil); err != nil || got != text {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestHalfOpenConnection: the other end takes the request and never answers.
func TestHalfOpenConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := jsonrpc.New("http://"+l.Addr().String(), jsonrpc.Options{Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), nil, "eth_x", nil); jsonrpc.ClassOf(err) != jsonrpc.ClassTimeout {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Call(ctx, nil, "eth_x", nil); jsonrpc.ClassOf(err) != jsonrpc.ClassTimeout {
		t.Errorf("with a deadline of the caller: %v", err)
	}
}

// TestLargeAnswers: 20 MB are read, and not a byte above the limit.
func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	body := []byte(`{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat("x", 20<<20) + `"}`)
	for name, announced := range map[string]bool{"announced": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			serve := func(w http.ResponseWriter, _ *http.Request) {
				if announced {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				}
				_, _ = io.Copy(w, bytes.NewReader(body))
			}
			var got string
			if err := client(t, serve, jsonrpc.Options{}).Call(t.Context(), &got, "eth_x", nil); err != nil || len(got) != 20<<20 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			err := client(t, serve, jsonrpc.Options{MaxBody: 20 << 20}).Call(t.Context(), nil, "eth_x", nil)
			if jsonrpc.ClassOf(err) != jsonrpc.ClassTooMuch {
				t.Errorf("above the limit: %v", err)
			}
		})
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 503} {
		busy := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
		}
		var e *jsonrpc.Error
		if err := client(t, busy, jsonrpc.Options{}).Call(t.Context(), nil, "eth_x", nil); !errors.As(err, &e) || e.RetryAfter != 7*time.Second {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// TestCallsPerSecond: batches never hold more than a second's worth, and what
// is above waits its turn; the end of the context ends the wait.
func TestCallsPerSecond(t *testing.T) {
	t.Parallel()
	var largest atomic.Int64
	serve := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n := strings.Count(string(body), `"method"`)
		largest.Store(max(largest.Load(), int64(n)))
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`{"id":%d,"result":"x"}`, i+1))
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
	}
	c := client(t, serve, jsonrpc.Options{PerSecond: 50})
	calls := make([]*jsonrpc.Call, 60)
	var s string
	for i := range calls {
		calls[i] = &jsonrpc.Call{Method: "eth_a", Result: &s}
	}
	start := time.Now()
	if err := c.Batch(t.Context(), calls); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 190*time.Millisecond || largest.Load() != 50 {
		t.Errorf("60 calls at 50 a second took %v, the largest batch was %d", took, largest.Load())
	}
	if st := c.Stats(); st.Calls != 60 || st.Requests != 2 || st.Errors != 0 {
		t.Errorf("counted %+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Batch(ctx, calls[:50]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
