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
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
)

// orderBody is an order that rests: buys far below every sale. Sells come from
// nobody, so the book only grows. ref differs for each.
func orderBody(b []byte, ref uint64) []byte {
	b = append(b, `{"symbol":"WINE-USD","side":"buy","type":"limit","time_in_force":"GTC","price":"`...)
	b = strconv.AppendUint(b, 1+ref%97, 10)
	b = append(b, `.50","quantity":"10","client_ref":`...)
	return append(strconv.AppendUint(b, ref, 10), '}')
}

// refs are never used twice in a run.
var refs atomic.Uint64

// request is one HTTP request with `many` orders: alone, or as a batch.
func appendRequest(b []byte, host, token string, many int) []byte {
	var body []byte
	path := "/v1/orders"
	if many == 1 {
		body = orderBody(nil, refs.Add(1))
	} else {
		path = "/v1/orders/batch"
		body = appendOrders(nil, many, `"op":"place",`)
	}
	b = append(b[:0], "POST "+path+" HTTP/1.1\r\nHost: "+host+"\r\nAuthorization: Bearer "+token+"\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(append(b, "\r\n\r\n"...), body...)
}

// appendOrders is an array of orders, each with more fields in front.
func appendOrders(b []byte, many int, more string) []byte {
	b = append(b, '[')
	for i := range many {
		if i > 0 {
			b = append(b, ',')
		}
		at := len(b)
		b = orderBody(b, refs.Add(1))
		if more != "" {
			b = slices.Insert(b, at+1, []byte(more)...)
		}
	}
	return append(b, ']')
}

// answered reads one response; an error unless it is 200 or 201. By hand, since
// net/http's reader took as much processor time from the services as they had
// for the order.
func answered(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	good := bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) || bytes.HasPrefix(line, []byte("HTTP/1.1 201 "))
	status := ""
	if !good {
		status = string(bytes.TrimSpace(line))
	}
	length := -1 // chunks
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return fmt.Errorf("reading an answer's header: %w", err)
		}
		if len(line) <= 2 {
			break
		}
		const name = "Content-Length: "
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return fmt.Errorf("reading an answer's length: %w", err)
			}
		}
	}
	switch {
	case !good:
		text, _ := r.Peek(min(max(length, 0), 300))
		return fmt.Errorf("an order was answered %s: %s", status, text)
	case length >= 0:
		_, err = r.Discard(length)
		return err
	}
	if _, err = io.Copy(io.Discard, httputil.NewChunkedReader(r)); err == nil {
		_, err = r.Discard(2) // the empty line behind the last chunk
	}
	return err
}

// client sends one request after the other until end; due waits until the n-th
// may leave and says when that was.
func client(ctx context.Context, host, token string, many int, end time.Time, due func(n int) time.Time) (took []time.Duration, err error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_ = c.SetDeadline(end.Add(20 * time.Second))
	r := bufio.NewReaderSize(c, 64<<10)
	var request []byte
	for n := 0; time.Now().Before(end) && ctx.Err() == nil; n++ {
		at := due(n)
		request = appendRequest(request, host, token, many)
		if _, err := c.Write(request); err != nil {
			return took, err
		}
		if err := answered(r); err != nil {
			return took, err
		}
		took = append(took, time.Since(at))
	}
	return took, nil
}

// bareHandler parses an order and answers, and does nothing else.
func bareHandler() (host string, stop func(), err error) {
	e := echo.New()
	e.POST("/v1/orders", func(c echo.Context) error {
		var o struct {
			Symbol, Side, Type, Price, Quantity string
			TimeInForce                         string `json:"time_in_force"`
			ClientRef                           uint64 `json:"client_ref"`
		}
		if err := json.NewDecoder(c.Request().Body).Decode(&o); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"id": o.ClientRef, "symbol": o.Symbol, "status": "open", "price": o.Price, "quantity": o.Quantity})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: e}
	go func() { _ = srv.Serve(ln) }()
	return ln.Addr().String(), func() { _ = srv.Close() }, nil
}
