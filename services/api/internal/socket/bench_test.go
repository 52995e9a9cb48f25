package socket

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
)

// The benchmarks' clients are a child process, so that what is measured is the
// server alone: FONDACO_BENCH_CLIENTS of them connect to FONDACO_BENCH_ADDR.
func TestMain(m *testing.M) {
	if addr := os.Getenv("FONDACO_BENCH_ADDR"); addr != "" {
		n, _ := strconv.Atoi(os.Getenv("FONDACO_BENCH_CLIENTS"))
		slow, _ := strconv.Atoi(os.Getenv("FONDACO_BENCH_SLOW"))
		crowd(addr, n, slow)
		return
	}
	os.Exit(m.Run())
}

const burst = 8 // messages that come together, such as the events of a block

// result is what a crowd of clients says when its server is gone.
type result struct {
	Frames        uint64
	P50, P99, Max time.Duration // from the message's making to its reading, of the clients that are not slow
}

// crowd connects, subscribes, says "ready", and counts until all are closed.
// The slow ones never read.
func crowd(addr string, n, slow int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all result
	var took []time.Duration
	ready := make(chan struct{}, n)
	gate := make(chan struct{}, 64)
	for i := range n {
		wg.Go(func() {
			gate <- struct{}{}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			lazy := i < slow
			if lazy {
				_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			}
			fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			buf := make([]byte, 4096)
			until := func(what string) {
				for got := 0; !strings.Contains(string(buf[:got]), what); {
					k, err := c.Read(buf[got:])
					if err != nil {
						fmt.Fprintln(os.Stderr, err)
						os.Exit(1)
					}
					got += k
				}
			}
			until("\r\n\r\n")
			_, _ = c.Write(masked(ws.OpText, true, `{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`))
			until("subscribed")
			<-gate
			ready <- struct{}{}
			if lazy {
				select {} // until the process ends
			}
			frames, mine := count(c, buf)
			mu.Lock()
			all.Frames += frames
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	for range n {
		<-ready
	}
	fmt.Println("ready")
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	// The server says on standard input that it has ended: the slow ones do not
	// hear it.
	_, _ = io.ReadAll(os.Stdin)
	if slow == 0 {
		<-done
	} else {
		time.Sleep(time.Second) //nolint:forbidigo // a benchmark's client
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	if len(took) > 0 {
		all.P50, all.P99, all.Max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	_ = json.NewEncoder(os.Stdout).Encode(all)
}

// count reads frames until the end; each event says when it was made.
func count(c net.Conn, buf []byte) (frames uint64, took []time.Duration) {
	n := 0
	for {
		k, err := c.Read(buf[n:])
		if err != nil {
			return frames, took
		}
		now := time.Now().UnixNano()
		n += k
		at := 0
		for {
			size, ok, err := readHead(buf[at:n], &ws.Header{})
			if !ok || err != nil {
				break
			}
			var h ws.Header
			_, _, _ = readHead(buf[at:n], &h)
			if at+size+int(h.Length) > n {
				break
			}
			if h.OpCode == ws.OpClose {
				return frames, took
			}
			if h.OpCode == ws.OpText {
				payload := buf[at+size : at+size+int(h.Length)]
				if i := slices.Index(payload, '@'); i >= 0 {
					made, _ := strconv.ParseInt(string(payload[i+1:i+20]), 10, 64)
					took = append(took, time.Duration(now-made))
					frames++
				}
			}
			at += size + int(h.Length)
		}
		n = copy(buf, buf[at:n])
	}
}

// clients runs the child; end tells it that the server ended and reads what it
// counted.
func clients(b *testing.B, addr string, n, slow int) (end func() result) {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "FONDACO_BENCH_ADDR="+addr, "FONDACO_BENCH_CLIENTS="+strconv.Itoa(n), "FONDACO_BENCH_SLOW="+strconv.Itoa(slow), "GOGC=400")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "ready\n" {
		b.Fatalf("the clients say %q: %v", line, err)
	}
	return func() (res result) {
		_ = in.Close()
		if err := json.NewDecoder(r).Decode(&res); err != nil {
			b.Error(err)
		}
		_ = cmd.Wait()
		return res
	}
}

// fair is a server of the real kind, its feed and its address.
func fair(b *testing.B) (*Server, *feed.Feed, string) {
	b.Helper()
	reg := prometheus.NewRegistry()
	h := hub.New([]string{"dev"}, nil, nil, reg, zap.NewNop())
	srv := New(Config{}, []config.Network{{Name: "dev", Kind: config.KindEVM}}, Feeds{Hub: h}, nil, nil, reg, zap.NewNop())
	h.Feed("dev").Start("e", 1)
	return srv, h.Feed("dev"), listenHTTP(b, func(w http.ResponseWriter, r *http.Request) { _ = srv.Serve(w, r, nil, "0123456789abcdef") })
}

func listenHTTP(b *testing.B, handle http.HandlerFunc) string {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	// A small buffer of the kernel: what the slow do not take waits here, where it
	// is counted.
	web := &http.Server{Handler: handle, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
		return ctx
	}}
	go func() { _ = web.Serve(ln) }()
	b.Cleanup(func() { _ = web.Close() })
	return ln.Addr().String()
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// held is what the process holds in memory, in bytes: heap, and stacks.
func held() (heap, stacks uint64) {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// BenchmarkIdle is the memory of idle connections with one subscription each,
// beside that of gorilla's with a goroutine to read and one to write.
func BenchmarkIdle(b *testing.B) {
	const n = 5000
	report := func(b *testing.B, heap, stacks uint64) {
		h, s := held()
		b.ReportMetric(float64(int64(h)-int64(heap))/n, "heap-B/conn")
		b.ReportMetric(float64(int64(s)-int64(stacks))/n, "stack-B/conn")
		b.ReportMetric(float64(int64(h+s)-int64(heap+stacks))/n, "B/conn")
		b.ReportMetric(0, "ns/op")
	}
	for _, parks := range []bool{true, false} {
		b.Run(map[bool]string{true: "fondaco", false: "fondaco-without-poller"}[parks], func(b *testing.B) {
			srv, _, addr := fair(b)
			srv.loop.linger = 50 * time.Millisecond
			srv.loop.run()
			poller := srv.loop.poller
			if !parks {
				srv.loop.poller = nil
			}
			heap, stacks := held()
			end := clients(b, addr, n, 0)
			for parks && srv.loop.parked.Load() < n {
				time.Sleep(10 * time.Millisecond) //nolint:forbidigo // a benchmark
			}
			report(b, heap, stacks)
			srv.loop.poller = poller
			srv.Shutdown(b.Context())
			end()
		})
	}
	b.Run("gorilla", func(b *testing.B) {
		g := &gorilla{}
		addr := listenHTTP(b, g.serve)
		heap, stacks := held()
		end := clients(b, addr, n, 0)
		report(b, heap, stacks)
		g.close()
		end()
	})
}

// gorilla is a plain broadcaster: a goroutine to read and one to write for each
// connection, a channel between, a write for each message.
type gorilla struct {
	mu    sync.Mutex
	conns map[*websocket.Conn]chan []byte
	wg    sync.WaitGroup
}

func (g *gorilla) serve(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	_, _, _ = c.ReadMessage() // the subscription
	queue := make(chan []byte, 256)
	queue <- []byte(`{"op":"subscribed"}`)
	g.mu.Lock()
	if g.conns == nil {
		g.conns = map[*websocket.Conn]chan []byte{}
	}
	g.conns[c] = queue
	g.mu.Unlock()
	g.wg.Go(func() {
		for m := range queue {
			if c.WriteMessage(websocket.TextMessage, m) != nil {
				return
			}
		}
		_ = c.WriteMessage(websocket.CloseMessage, nil)
		_ = c.Close()
	})
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			return
		}
	}
}

func (g *gorilla) broadcast(m []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.conns {
		q <- m
	}
}

func (g *gorilla) close() {
	g.mu.Lock()
	for c, q := range g.conns {
		close(q)
		delete(g.conns, c)
	}
	g.mu.Unlock()
	g.wg.Wait()
}

// body is an event of 200 bytes that says when it was made.
func body() []byte {
	return fmt.Appendf(nil, `{"made":"@%d","number":21000000,"hash":"0x%064x","parent_hash":"0x%064x"}`, time.Now().UnixNano(), 1, 2)
}

// BenchmarkBroadcast tells bursts of messages to many connections, at a pace
// that the machine can keep, and measures the server's CPU.
func BenchmarkBroadcast(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		const rate = 80000 // messages a second to all together
		pace, rounds := time.Duration(n*burst)*time.Second/rate, 5*rate/(n*burst)
		report := func(b *testing.B, used time.Duration, r result) {
			b.ReportMetric(float64(r.Frames)/used.Seconds(), "msg/s/core")
			b.ReportMetric(float64(r.P50.Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(r.P99.Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(r.Frames), "msgs")
			b.ReportMetric(0, "ns/op")
		}
		for _, slow := range []int{0, n / 10} {
			b.Run(fmt.Sprintf("fondaco/%d/slow=%d", n, slow), func(b *testing.B) {
				srv, f, addr := fair(b)
				end := clients(b, addr, n, slow)
				pos, began := uint64(1), cpu()
				writes, frames := srv.loop.writes.Load(), srv.loop.frames.Load()
				paced(rounds, pace, func() {
					var msgs []*feed.Message
					for range burst {
						pos++
						data := body()
						msgs = append(msgs, feed.NewMessage(pos, "event", feed.Blocks, feed.Scope{Key: "network", Value: "dev"}, "e", nil, 600, func() []byte { return data }))
					}
					f.Publish(msgs, pos)
				})
				for _, c := range srv.loop.wheel.all() {
					for slow == 0 && c.waiting() > 0 {
						time.Sleep(time.Millisecond) //nolint:forbidigo // a benchmark
					}
				}
				used := cpu() - began
				b.ReportMetric(float64(srv.loop.frames.Load()-frames)/float64(srv.loop.writes.Load()-writes), "frames/write")
				srv.Shutdown(b.Context())
				report(b, used, end())
			})
		}
		b.Run(fmt.Sprintf("gorilla/%d", n), func(b *testing.B) {
			g := &gorilla{}
			end := clients(b, listenHTTP(b, g.serve), n, 0)
			began := cpu()
			paced(rounds, pace, func() {
				for range burst {
					g.broadcast(body())
				}
			})
			g.close()
			report(b, cpu()-began, end())
		})
	}
}

func paced(rounds int, pace time.Duration, fn func()) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for range rounds {
		fn()
		<-tick.C
	}
}
