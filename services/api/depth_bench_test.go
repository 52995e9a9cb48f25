package api_test

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// cost is what requests took of this process, clients and servers included.
type cost struct {
	requests           float64 // a second
	cpu, allocs, bytes float64 // a request; cpu in us
	p50                time.Duration
}

// spent drives a server and says what a request cost.
func spent(b *testing.B, addr, request string, clients int, d time.Duration) (c cost) {
	b.Helper()
	cpu, was := processor(b), memory()
	perSecond, p50 := drive(b, addr, request, clients, d)
	n, now := perSecond*d.Seconds(), memory()
	return cost{requests: perSecond, p50: p50, cpu: float64((processor(b) - cpu).Nanoseconds()) / 1000 / n,
		allocs: float64(now.Mallocs-was.Mallocs) / n, bytes: float64(now.TotalAlloc-was.TotalAlloc) / n}
}

func memory() (m runtime.MemStats) {
	runtime.ReadMemStats(&m)
	return m
}

// processor is the time that this process had, in user and system mode.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report prints both sides, and the ratio of what they served.
func report(b *testing.B, got, ceiling cost) {
	for name, v := range map[string]float64{"requests/s": got.requests, "bare/s": ceiling.requests, "ratio": got.requests / ceiling.requests,
		"cpu-us/req": got.cpu, "bare-cpu-us/req": ceiling.cpu, "allocs/req": got.allocs, "bare-allocs/req": ceiling.allocs, "B/req": got.bytes} {
		b.ReportMetric(v, name)
	}
}

// sending is a bare net/http handler that writes one body.
func sending(b *testing.B, body string) (host string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write([]byte(body))
	})}
	go func() { _ = srv.Serve(ln) }()
	b.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

// BenchmarkDepth: a book of 50 levels a side out of memory, beside a bare
// net/http handler that writes the same bytes to the same clients in turn.
func BenchmarkDepth(b *testing.B) {
	a := newApp(b)
	startEngine(b, a)
	a.env["FONDACO_LIMIT_ADDRESS_READS"], a.env["LOG_LEVEL"] = "10000000", "info"
	a.start()
	a.ready()
	var orders []string
	for i := range 100 {
		side, price := "buy", 100-i
		if i%2 == 1 {
			side, price = "sell", 100+i
		}
		orders = append(orders, fmt.Sprintf(`{"op":"place","symbol":"WINE18-USD","side":%q,"price":"%d.00","quantity":"%d","client_ref":%d}`, side, price, 2*i+2, i+1))
	}
	if code, body, _ := a.do("POST", "/v1/orders/batch", "["+strings.Join(orders, ",")+"]", bearer("alice-token")...); code != 200 {
		b.Fatalf("%d %s", code, body)
	}
	const path = "/v1/markets/WINE18-USD/depth?limit=50"
	body := ""
	a.eventually("the levels", func() bool { _, body = a.get(path); return strings.Count(body, "[") > 50 })
	host, bare := strings.TrimPrefix(a.url, "http://"), sending(b, body)
	get := func(host string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: application/json\r\n\r\n"
	}
	for range b.N {
		ceiling := spent(b, bare, get(bare), 32, time.Second)
		report(b, spent(b, host, get(host), 32, time.Second), ceiling)
	}
}
