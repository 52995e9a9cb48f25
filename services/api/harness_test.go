package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/coder/websocket"
	"github.com/redis/go-redis/v9"

	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/api"
	"fondaco.dev/services/api/internal/apitest"
)

const testConfig = `
networks:
  - {name: casper-test, kind: casper, sse: ["http://127.0.0.1:1"]}
  - name: dev
    kind: evm
    chain_id: 1337
    rpc: ["http://127.0.0.1:1"]
    contracts:
      - {name: usd, address: "0x00000000000000000000000000000000000000aa", abi: erc20.json, events: [Transfer]}
      - {name: any-erc20, address: "*", abi: erc20.json, events: [Transfer]}
venue: main
assets: [{name: USD, scale: 2}, {name: WINE18, scale: 0}]
markets: [{symbol: WINE18-USD, base: WINE18, quote: USD, tick: "0.01", lot: "1"}]
`

// app is one running api with its Postgres, NATS and Redis.
type app struct {
	t     testing.TB
	db    *apitest.DB
	nats  *bustest.Server
	redis *miniredis.Miniredis
	rdb   *redis.Client
	url   string
	env   map[string]string
	log   *logBuffer
	stop  func()
}

// newApp prepares everything but does not start the api.
func newApp(t testing.TB) *app {
	t.Helper()
	a := &app{t: t, db: apitest.New(t), nats: bustest.Start(t), redis: miniredis.RunT(t)}
	bustest.Provision(t, a.nats, topology.Streams(), topology.Buckets(), topology.Objects())
	a.rdb = redis.NewClient(&redis.Options{Addr: a.redis.Addr(), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = a.rdb.Close() })
	dir := t.TempDir()
	abi, err := os.ReadFile("testdata/erc20.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"fondaco.yaml": testConfig, "erc20.json": string(abi)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.env = map[string]string{"FONDACO_CONFIG": filepath.Join(dir, "fondaco.yaml"), "FONDACO_HTTP_ADDR": "127.0.0.1:0", "FONDACO_ADMIN_ADDR": "-",
		"FONDACO_NATS_URL": a.nats.URL, "FONDACO_NATS_USER": "", "FONDACO_PG_URL": a.db.Reader.Reveal(), "FONDACO_REDIS_URL": "redis://" + a.redis.Addr()}
	return a
}

// start runs the api until the test ends or a.stop is called.
func (a *app) start() {
	a.t.Helper()
	cfg, err := api.ConfigFromEnv(env.Lookup(func(k string) (string, bool) { v, ok := a.env[k]; return v, ok }))
	if err != nil {
		a.t.Fatal(err)
	}
	a.log = &logBuffer{t: a.t, addr: make(chan string, 1)}
	log, err := zlog.New(zlog.Config{Level: "debug", Format: "json"}, "api", a.log)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Run(ctx, cfg, log) }()
	select {
	case addr := <-a.log.addr:
		a.url = "http://" + addr
	case err := <-done:
		a.t.Fatalf("the api stopped: %v", err)
	case <-time.After(20 * time.Second):
		a.t.Fatal("the api does not listen")
	}
	var once sync.Once
	a.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					a.t.Errorf("the api did not stop cleanly: %v", err)
				}
			case <-time.After(15 * time.Second):
				a.t.Error("the api does not stop")
			}
		})
	}
	a.t.Cleanup(a.stop)
}

// logBuffer collects the lines and finds the address.
type logBuffer struct {
	t    testing.TB
	addr chan string
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	var line struct{ Msg, Addr string }
	if bytes.Contains(p, []byte(`"serving"`)) && json.Unmarshal(p, &line) == nil && line.Msg == "serving" {
		l.addr <- line.Addr
	}
	if _, measuring := l.t.(*testing.B); measuring {
		return len(p), nil // nobody reads what a benchmark's requests were
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// ready waits until /readyz says so.
func (a *app) ready() {
	a.t.Helper()
	a.eventually("ready", func() bool { code, _ := a.get("/readyz"); return code == 200 })
}

func (a *app) eventually(what string, ok func() bool) {
	a.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(end) {
			_, body := a.get("/readyz")
			a.t.Fatalf("never %s; /readyz: %s", what, body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *app) get(path string, header ...string) (int, string) {
	a.t.Helper()
	code, body, _ := a.do("GET", path, "", header...)
	return code, body
}

func (a *app) do(method, path, body string, header ...string) (int, string, http.Header) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	apitest.Conform(a.t, method, path, resp.StatusCode, resp.Header, data)
	return resp.StatusCode, string(data), resp.Header
}

// getJSON reads an answer that must be a 200.
func (a *app) getJSON(path string, into any, header ...string) {
	a.t.Helper()
	code, body := a.get(path, header...)
	if code != 200 {
		a.t.Fatalf("GET %s: %d %s", path, code, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		a.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// sock is a client's socket.
type sock struct {
	t testing.TB
	c *websocket.Conn
}

func (a *app) dial(path string, header ...string) *sock {
	a.t.Helper()
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	c, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(a.url, "http")+path, &websocket.DialOptions{HTTPHeader: h})
	if err != nil {
		a.t.Fatal(err)
	}
	c.SetReadLimit(8 << 20)
	a.t.Cleanup(func() { _ = c.CloseNow() })
	return &sock{t: a.t, c: c}
}

func (s *sock) send(text string) {
	s.t.Helper()
	if err := s.c.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// frame is any frame of the protocol.
type frame struct {
	Op        string          `json:"op"`
	ID        json.RawMessage `json:"id"`
	Channel   string          `json:"channel"`
	Network   string          `json:"network"`
	Symbol    string          `json:"symbol"`
	Epoch     string          `json:"epoch"`
	Seq       uint64          `json:"seq"`
	Data      json.RawMessage `json:"data"`
	Code      string          `json:"code"`
	Message   string          `json:"message"`
	Parameter string          `json:"parameter"`

	RetryAfterMS int64  `json:"retry_after_ms"`
	RetryMS      int64  `json:"retry_ms"`
	Account      uint64 `json:"account"`
	Role         string `json:"role"`
}

func (s *sock) raw() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	_, data, err := s.c.Read(ctx)
	return data, err
}

// next reads a frame; position frames are passed over.
func (s *sock) next() frame {
	s.t.Helper()
	for {
		data, err := s.raw()
		if err != nil {
			s.t.Fatal(err)
		}
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			s.t.Fatalf("%v in %s", err, data)
		}
		if f.Op != "position" {
			return f
		}
	}
}

func (s *sock) want(op string) frame {
	s.t.Helper()
	f := s.next()
	if f.Op != op {
		s.t.Fatalf("got %+v, want op %s", f, op)
	}
	return f
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func (f frame) String() string { return fmt.Sprintf("%s %s %d %s", f.Op, f.Channel, f.Seq, f.Data) }
