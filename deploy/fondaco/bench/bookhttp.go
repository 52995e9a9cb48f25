package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
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

// answered reads one response; an error unless it is 200 or 201.
func answered(r *bufio.Reader) error {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return fmt.Errorf("an order was answered %s: %s", resp.Status, text)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// driven is what clients saw.
type driven struct {
	took   []time.Duration // of each request, sorted
	orders float64         // a second
}

// drive sends requests over clients connections spread over the hosts, each
// waiting for its answer. With a rate it offers that many orders a second, and a
// request's time begins when it was due: one that waits for an answer before it
// is late, not left out.
func (b *Book) drive(ctx context.Context, hosts, tokens []string, clients, many, rate int) (driven, error) {
	var mu sync.Mutex
	var out driven
	var errs []error
	var wg sync.WaitGroup
	began := time.Now()
	end := began.Add(b.Window)
	for i := range clients {
		wg.Go(func() {
			due := func(int) time.Time { return time.Now() }
			if rate > 0 {
				gap := time.Second * time.Duration(clients) / time.Duration(rate)
				due = func(n int) time.Time {
					at := began.Add(gap*time.Duration(n) + gap*time.Duration(i)/time.Duration(clients))
					time.Sleep(time.Until(at))
					return at
				}
			}
			took, err := client(ctx, hosts[i%len(hosts)], tokens[i%len(tokens)], many, end, due)
			mu.Lock()
			defer mu.Unlock()
			out.took = append(out.took, took...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return out, fmt.Errorf("%d of %d clients: %w", len(errs), clients, errs[0])
	}
	if len(out.took) == 0 {
		return out, errors.New("nobody was answered")
	}
	slices.Sort(out.took)
	out.orders = float64(len(out.took)*many) / time.Since(began).Seconds()
	return out, ctx.Err()
}

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

// sockets sends arrays of a hundred orders over WebSockets, several under way on
// each, and returns the orders answered a second.
func (b *Book) sockets(ctx context.Context, host string, tokens []string, clients, pipelined int) (float64, error) {
	const many = 100
	var done atomic.Int64
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	began := time.Now()
	end := began.Add(b.Window)
	for i := range clients {
		wg.Go(func() {
			n, err := socket(ctx, host, tokens[i%len(tokens)], many, pipelined, end)
			done.Add(int64(n))
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

func socket(ctx context.Context, host, token string, many, pipelined int, end time.Time) (orders int, err error) {
	ctx, cancel := context.WithDeadline(ctx, end.Add(20*time.Second))
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+host+"/v1/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	defer c.CloseNow()
	c.SetReadLimit(8 << 20)
	var frame []byte
	next := func(id int) error {
		frame = append(strconv.AppendInt(append(frame[:0], `{"op":"order.place","id":`...), int64(id), 10), `,"data":`...)
		frame = append(appendOrders(frame, many, ""), '}')
		return c.Write(ctx, websocket.MessageText, frame)
	}
	sent, got := 0, 0
	for ; sent < pipelined; sent++ {
		if err := next(sent + 1); err != nil {
			return 0, err
		}
	}
	for got < sent {
		_, text, err := c.Read(ctx)
		if err != nil {
			return orders, fmt.Errorf("reading a result: %w", err)
		}
		if !strings.HasPrefix(string(text[:min(len(text), 16)]), `{"op":"result",`) {
			continue // what else a socket is told
		}
		if n := strings.Count(string(text), `"status":"open"`); n != many {
			return orders, fmt.Errorf("%d of %d orders are open: %.300s", n, many, text)
		}
		got++
		if time.Now().Before(end) {
			orders += many
			if err := next(sent + 1); err != nil {
				return orders, err
			}
			sent++
		}
	}
	return orders, nil
}
