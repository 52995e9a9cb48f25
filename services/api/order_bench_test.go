package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/labstack/echo/v4"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protowire"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/apitest"
)

// accepting answers every command of every pack with an open order, as an
// engine that costs nothing would: what is measured is the api and the bus.
func accepting(ctx context.Context, b *testing.B, a *app) {
	nc := a.nats.Bus(b)
	f := nc.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects("main")}, 1)
	defer f.Close()
	id := uint64(0)
	for {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			return
		}
		for _, m := range msgs {
			gateway, no, n := headOf(m.Data)
			reply := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), no)
			reply = protowire.AppendVarint(protowire.AppendTag(reply, 2, protowire.VarintType), m.Seq)
			for range n {
				id++
				var o []byte
				o = protowire.AppendFixed64(protowire.AppendTag(o, 2, protowire.Fixed64Type), id)
				o = protowire.AppendVarint(protowire.AppendTag(o, 3, protowire.VarintType), 1)
				o = protowire.AppendFixed64(protowire.AppendTag(o, 5, protowire.Fixed64Type), 5)
				reply = protowire.AppendBytes(protowire.AppendTag(reply, 3, protowire.BytesType), o)
			}
			_ = nc.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.ReplySubject(gateway), Data: reply, Header: nats.Header{"Fondaco-Reply": {"orders"}}})
		}
	}
}

// headOf reads a pack's gateway, number and count of commands.
func headOf(b []byte) (gateway string, no uint64, n int) {
	for len(b) > 0 {
		num, typ, k := protowire.ConsumeTag(b)
		b = b[k:]
		switch {
		case num == 1:
			v, k := protowire.ConsumeBytes(b)
			gateway, b = string(v), b[k:]
		case num == 2:
			v, k := protowire.ConsumeVarint(b)
			no, b = v, b[k:]
		default:
			if num == 4 {
				n++
			}
			b = b[protowire.ConsumeFieldValue(num, typ, b):]
		}
	}
	return gateway, no, n
}

// benchApp is an api whose orders are all accepted.
func benchApp(b *testing.B) *app {
	b.Helper()
	a := newApp(b)
	a.env["FONDACO_ORDERS_PER_SECOND"], a.env["FONDACO_WS_ORDERS_PER_SECOND"], a.env["LOG_LEVEL"] = "0", "0", "info"
	e := apitest.NewEngine(b, a.db, a.nats.Bus(b), "main")
	e.Emit(b, apitest.Setup()...)
	a.db.Account(b, 1, 2, "alice-token")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { accepting(ctx, b, a) })
	b.Cleanup(func() { cancel(); wg.Wait() })
	a.start()
	a.ready()
	return a
}

const orderBody = `{"symbol":"WINE18-USD","side":"buy","type":"limit","time_in_force":"GTC","price":"12.50","quantity":"10","client_ref":12345}`

// drive sends one request over and over on each of `clients` connections and
// returns the answers a second and the median of their latencies.
func drive(b *testing.B, addr, request string, clients int, d time.Duration) (perSecond float64, p50 time.Duration) {
	b.Helper()
	var done atomic.Uint64
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	end := time.Now().Add(d)
	for range clients {
		wg.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReaderSize(c, 4096)
			var mine []time.Duration
			for time.Now().Before(end) {
				at := time.Now()
				if _, err := io.WriteString(c, request); err != nil {
					b.Error(err)
					return
				}
				if !answered(r) {
					b.Error("no 200")
					return
				}
				mine = append(mine, time.Since(at))
				done.Add(1)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return float64(done.Load()) / d.Seconds(), median(took)
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// answered reads one response and says whether it was a 200.
func answered(r *bufio.Reader) bool {
	line, err := r.ReadSlice('\n')
	if err != nil || !strings.HasPrefix(string(line), "HTTP/1.1 200") {
		return false
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(v))
		}
	}
	_, err = r.Discard(length)
	return err == nil && length > 0
}

func request(host string) string {
	return fmt.Sprintf("POST /v1/orders HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer alice-token\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", host, len(orderBody), orderBody)
}

// bareHandler parses an order and answers, and does nothing else.
func bareHandler(b *testing.B) string {
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
		return c.JSON(http.StatusOK, map[string]any{"id": 1, "symbol": o.Symbol, "status": "open", "price": o.Price, "quantity": o.Quantity})
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: e}
	go func() { _ = srv.Serve(ln) }()
	b.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

// BenchmarkHTTPOrders: single orders over HTTP through a real, syncing bus,
// beside a handler that only parses and answers, on the same machine with the
// same clients.
func BenchmarkHTTPOrders(b *testing.B) {
	a := benchApp(b)
	host := strings.TrimPrefix(a.url, "http://")
	bare := bareHandler(b)
	for range b.N {
		ceiling := spent(b, bare, request(bare), 256, 2*time.Second)
		got := spent(b, host, request(host), 256, 3*time.Second)
		report(b, got, ceiling)
		b.ReportMetric(float64(got.p50.Microseconds())/1000, "p50-ms")
	}
}

// BenchmarkSocketOrders: orders in arrays of a hundred, pipelined on a few
// sockets.
func BenchmarkSocketOrders(b *testing.B) {
	a := benchApp(b)
	for range b.N {
		b.ReportMetric(socketOrders(b, a, 8, 8, 3*time.Second), "orders/s")
	}
}

func socketOrders(b *testing.B, a *app, clients, pipelined int, d time.Duration) float64 {
	b.Helper()
	var sb strings.Builder
	sb.WriteString(`{"op":"order.place","id":1,"data":[`)
	for i := range 100 {
		if i > 0 {
			sb.WriteByte(',')
		}
		sb.WriteString(orderBody)
	}
	sb.WriteString(`]}`)
	frame := ws.MustCompileFrame(ws.MaskFrameInPlace(ws.NewTextFrame([]byte(sb.String()))))
	var done atomic.Uint64
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for range clients {
		wg.Go(func() {
			dialer := ws.Dialer{Header: ws.HandshakeHeaderHTTP(http.Header{"Authorization": {"Bearer alice-token"}})}
			c, br, _, err := dialer.Dial(context.Background(), "ws"+strings.TrimPrefix(a.url, "http")+"/v1/ws")
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			var r io.Reader = bufio.NewReaderSize(c, 64<<10)
			if br != nil {
				r = br
			}
			for range pipelined {
				if _, err := c.Write(frame); err != nil {
					b.Error(err)
					return
				}
			}
			buf := make([]byte, 256<<10)
			for time.Now().Before(end) {
				h, err := ws.ReadHeader(r)
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(r, buf[:h.Length]); err != nil {
					b.Error(err)
					return
				}
				if !strings.HasPrefix(string(buf[:16]), `{"op":"result",`) {
					b.Errorf("%.200s", buf[:h.Length])
					return
				}
				done.Add(100)
				if _, err := c.Write(frame); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / d.Seconds()
}
