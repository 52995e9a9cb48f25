package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/api"
)

// twin is a second replica on the same servers.
func (a *app) twin() *app {
	b := &app{t: a.t, db: a.db, nats: a.nats, redis: a.redis, rdb: a.rdb, env: a.env}
	b.start()
	return b
}

// TestLimitsOfReplicas: two replicas share a client's limits, which its answers
// tell; another client is not touched, a forged address is not believed, and
// guessing tokens is limited.
func TestLimitsOfReplicas(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_LIMIT_ADDRESS_READS"], a.env["FONDACO_LIMIT_READS"], a.env["FONDACO_TRUSTED_PROXIES"] = "5", "100", "127.0.0.1"
	startEngine(t, a)
	a.start()
	a.ready()
	b := a.twin()
	b.ready()
	from := func(addr string) []string { return []string{"X-Forwarded-For", addr} }
	_, _, h := a.do("GET", "/v1/networks", "", from("192.0.2.1")...)
	if got := h.Get("RateLimit"); got != `"read";r=9;t=1` || h.Get("RateLimit-Policy") != `"read";q=10;w=2` {
		t.Errorf("%q, %q", got, h.Get("RateLimit-Policy"))
	}
	passed, refused := 0, 0
	for i := range 60 {
		// The left part is the client's own claim.
		code, body, h := []*app{a, b}[i%2].do("GET", "/v1/networks", "", from(fmt.Sprintf("198.51.100.%d, 192.0.2.1", i))...)
		switch {
		case code == 200:
			passed++
		case code == 429 && strings.Contains(body, `"rate_limited"`) && h.Get("Retry-After") == "1" && strings.Contains(h.Get("RateLimit"), `"read";r=0;`):
			refused++
		default:
			t.Fatalf("%d %s %v", code, body, h)
		}
	}
	// A bucket of 10 that two replicas share, what it fills by meanwhile, and a
	// debt of one each.
	if passed < 8 || passed > 18 || refused == 0 {
		t.Errorf("%d passed, %d were refused", passed, refused)
	}
	if code, body := b.get("/v1/networks", from("192.0.2.2")...); code != 200 {
		t.Errorf("another address: %d %s", code, body)
	}
	if code, _, h := b.do("GET", "/v1/networks", "", append(from("192.0.2.1"), bearer("alice-token")...)...); code != 200 || !strings.HasPrefix(h.Get("RateLimit-Policy"), `"read";q=200;`) {
		t.Errorf("an account at that address: %d %v", code, h)
	}
	for _, path := range []string{"/livez", "/version"} {
		if code, _ := a.get(path, from("192.0.2.1")...); code != 200 {
			t.Errorf("%s counts: %d", path, code)
		}
	}
	guesses := map[int]int{}
	for i := range 30 {
		code, _ := a.get("/v1/balances", append(from("192.0.2.9"), bearer(fmt.Sprint("guess-", i))...)...)
		guesses[code]++
	}
	if guesses[401] == 0 || guesses[429] == 0 || guesses[401]+guesses[429] != 30 {
		t.Errorf("guessing: %v", guesses)
	}
	for _, app := range []*app{a, b} {
		app.eventually("the lines", func() bool { return strings.Contains(app.log.String(), `"status":429`) })
	}
	var line struct{ Session, Request, Method, Route, Path, From string }
	for _, text := range strings.Split(a.log.String(), "\n") {
		if strings.Contains(text, `"status":429`) {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if line.From != "192.0.2.1" || line.Route != "/v1/networks" || line.Method != "GET" || line.Request == "" || line.Session != "-" {
		t.Errorf("%+v", line)
	}
}

// TestOrdersWithoutRedis: new orders end when Redis is gone for longer than the
// grace, over HTTP and on a socket; cancels, keep-alives and reads go on, and
// orders begin again with it.
func TestOrdersWithoutRedis(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_LIMIT_GRACE"], a.env["FONDACO_ORDERS_PER_SECOND"] = "200ms", "20"
	startEngine(t, a)
	a.start()
	a.ready()
	order := func(ref int) (int, string) {
		code, body, _ := a.do("POST", "/v1/orders", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_ref":%d}`, ref), bearer("alice-token")...)
		return code, body
	}
	s := a.dial("/v1/ws", bearer("alice-token")...)
	if code, body := order(1); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	a.redis.Close()
	ref := 1
	a.eventually("orders are refused", func() bool {
		ref++
		code, body := order(ref)
		return code == 503 && strings.Contains(body, `"limits_unavailable"`)
	})
	s.send(`{"op":"order.place","id":1,"data":{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}}`)
	if f := s.want("error"); f.Code != "limits_unavailable" {
		t.Errorf("%+v", f)
	}
	if code, body, _ := a.do("DELETE", "/v1/orders/by-client-ref/1", "", bearer("alice-token")...); code != 200 {
		t.Errorf("a cancel: %d %s", code, body)
	}
	if code, body, _ := a.do("PUT", "/v1/keepalive", `{"timeout_ms":60000}`, bearer("alice-token")...); code != 200 {
		t.Errorf("a keep-alive: %d %s", code, body)
	}
	if code, body := a.get("/v1/orders", bearer("alice-token")...); code != 200 {
		t.Errorf("a read: %d %s", code, body)
	}
	if err := a.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	a.eventually("orders pass again", func() bool {
		ref++
		code, _ := order(ref)
		return code == 200
	})
}

// TestMaintenance: writes are closed and cancels are not; then everything is;
// then nothing. Open sockets are kept, and the channel status tells each change.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	ctx, js := t.Context(), a.nats.Bus(t).JetStream()
	order := func() (int, string) {
		code, body, _ := a.do("POST", "/v1/orders", `{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}`, bearer("alice-token")...)
		return code, body
	}
	s := a.dial("/v1/ws", bearer("alice-token")...)
	told := a.status()
	closed := func(scope, message string) {
		t.Helper()
		told.until(func(s *status) bool {
			return s.Maintenance != nil && s.Maintenance.Scope == scope && s.Maintenance.Message == message
		})
	}
	_, body := order()
	var placed struct{ ID uint64 }
	if err := json.Unmarshal([]byte(body), &placed); err != nil || placed.ID == 0 {
		t.Fatalf("%s: %v", body, err)
	}
	if err := bus.StartMaintenance(ctx, js, bus.Maintenance{Scope: bus.ScopeWrites, Message: "the cellar is counted", Since: time.Now().UTC()}); err != nil {
		t.Fatal(err)
	}
	if err := bus.StartMaintenance(ctx, js, bus.Maintenance{Scope: bus.ScopeAll}); err != bus.ErrMaintenance {
		t.Errorf("a second one: %v", err)
	}
	a.eventually("orders are refused", func() bool {
		code, body := order()
		return code == 503 && strings.Contains(body, `"code":"maintenance"`) && strings.Contains(body, "the cellar is counted")
	})
	closed(bus.ScopeWrites, "the cellar is counted")
	s.send(`{"op":"order.place","id":1,"data":{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}}`)
	if f := s.want("error"); f.Code != "maintenance" || f.Message != "the cellar is counted" {
		t.Errorf("%+v", f)
	}
	s.send(fmt.Sprintf(`{"op":"order.cancel","id":2,"data":{"id":%d}}`, placed.ID))
	s.want("result")
	if code, body := a.get("/v1/markets"); code != 200 {
		t.Errorf("a read: %d %s", code, body)
	}
	if m, err := bus.EndMaintenance(ctx, js); err != nil || m.Message != "the cellar is counted" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := bus.EndMaintenance(ctx, js); err != bus.ErrNoMaintenance {
		t.Errorf("a second end: %v", err)
	}
	if err := bus.StartMaintenance(ctx, js, bus.Maintenance{Scope: bus.ScopeAll, Message: "moving house", Since: time.Now().UTC()}); err != nil {
		t.Fatal(err)
	}
	a.eventually("all is closed", func() bool { code, _ := a.get("/v1/markets"); return code == 503 })
	closed(bus.ScopeAll, "moving house")
	code, page, h := a.do("GET", "/", "", "Accept", "text/html")
	if code != 503 || h.Get("Retry-After") == "" || !strings.Contains(page, "moving house") {
		t.Errorf("a browser gets %d %v %s", code, h, page)
	}
	if code, _, _ := a.do("DELETE", "/v1/orders", "", bearer("alice-token")...); code != 503 {
		t.Errorf("a cancel under scope all: %d", code)
	}
	s.send(`{"op":"ping","id":3}`)
	s.want("pong")
	if code, body := a.get("/readyz"); code != http.StatusOK {
		t.Errorf("not ready: %d %s", code, body)
	}
	if _, err := bus.EndMaintenance(ctx, js); err != nil {
		t.Fatal(err)
	}
	a.eventually("open again", func() bool { code, _ := order(); return code == 200 })
	told.until(func(s *status) bool { return s.Maintenance == nil })
}

// TestLimitSettings: what is malformed is named; without a Redis of its own
// each process counts for itself.
func TestLimitSettings(t *testing.T) {
	t.Parallel()
	read := func(env map[string]string) (api.Config, error) {
		return api.ConfigFromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	}
	if cfg, err := read(map[string]string{"FONDACO_CONFIG": "x"}); err != nil && strings.Contains(err.Error(), "LIMIT") || cfg.Limits.Shared || cfg.Limits.Rules.Order.PerSecond != 2000 {
		t.Errorf("%+v, %v", cfg.Limits, err)
	}
	if cfg, _ := read(map[string]string{"FONDACO_REDIS_URL": "redis://x"}); !cfg.Limits.Shared {
		t.Error("not shared with a Redis")
	}
	_, err := read(map[string]string{"FONDACO_LIMIT_READS": "-1", "FONDACO_TRUSTED_PROXIES": "10.0.0.0/8, x"})
	if err == nil || !strings.Contains(err.Error(), "FONDACO_LIMIT_READS") || !strings.Contains(err.Error(), `FONDACO_TRUSTED_PROXIES: "x"`) {
		t.Errorf("%v", err)
	}
}
