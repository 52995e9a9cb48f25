package socket

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"gopkg.in/yaml.v3"

	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/peer"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/store"
)

// bareServer has one network and nothing behind it.
func bareServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	reg := prometheus.NewRegistry()
	h := hub.New([]string{"dev"}, nothing{}, nil, reg, zap.NewNop())
	h.Feed("dev").Start("e", 7)
	return New(cfg, []config.Network{{Name: "dev", Kind: config.KindEVM}}, Feeds{Hub: h}, nil, auth.New(nothing{}), reg, zap.NewNop())
}

// nothing is a database that holds nothing.
type nothing struct{}

func (nothing) Token(context.Context, []byte) (store.Account, error) {
	return store.Account{}, store.ErrNotFound
}

func (nothing) FeedRows(context.Context, string, store.Kinds, uint64, uint64, int) (store.Page, error) {
	return store.Page{}, store.ErrBehind
}

// front serves a Server over HTTP; a request's error is its answer.
func front(t *testing.T, srv *Server, who *auth.Who) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := problem.Of(srv.Serve(w, r, who, "id")); ok {
			http.Error(w, p.Code, p.Status)
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
	})
	return strings.TrimPrefix(web.URL, "http://")
}

// open is the answer's first line, and the connection behind it.
func open(t *testing.T, addr, path string, header ...string) (string, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: api.example", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions: permessage-deflate"}, header...)
	if _, err := fmt.Fprint(c, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var answer []byte
	for one := make([]byte, 1); !strings.HasSuffix(string(answer), "\r\n\r\n"); answer = append(answer, one...) {
		if _, err := c.Read(one); err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
	}
	first, rest, _ := strings.Cut(string(answer), "\r\n")
	if strings.Contains(strings.ToLower(rest), "sec-websocket-extensions") {
		t.Errorf("an extension was agreed to: %s", rest)
	}
	return first, c
}

// ask sends a message and reads one frame.
func ask(t *testing.T, c net.Conn, text string) map[string]any {
	t.Helper()
	if _, err := c.Write(masked(ws.OpText, true, text)); err != nil {
		t.Fatal(err)
	}
	_, answer, err := readFrame(c)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return out
}

// TestOrigins: a page of another origin follows what is public and has no
// credentials; a token in the URL is refused with a sentence.
func TestOrigins(t *testing.T) {
	t.Parallel()
	who := &auth.Who{Account: 1, Role: identityv1.Role_ROLE_TRADER}
	for _, c := range []struct {
		name, origin, path string
		who                *auth.Who
		status, auth       string
	}{
		{"no page", "", "/", nil, "101", "bad_token"},
		{"own page", "https://api.example", "/", nil, "101", "bad_token"},
		{"listed page", "https://app.example", "/", nil, "101", "bad_token"},
		{"other page", "https://evil.example", "/", nil, "101", "origin_refused"},
		{"listed host, other scheme", "http://app.example", "/", nil, "101", "origin_refused"},
		{"no origin of a page", "null", "/", nil, "101", "origin_refused"},
		{"other page with a header", "https://evil.example", "/", who, "403", ""},
		{"own page with a header", "https://api.example", "/", who, "101", "bad_token"},
		{"token in the URL", "", "/?token=secret", nil, "400", ""},
		{"access token in the URL", "", "/?x=1&Access_Token=secret", nil, "400", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := bareServer(t, Config{Origins: []string{"https://app.example"}})
			var header []string
			if c.origin != "" {
				header = []string{"Origin: " + c.origin}
			}
			status, conn := open(t, front(t, srv, c.who), c.path, header...)
			if !strings.Contains(status, c.status) {
				t.Fatalf("answered %s", status)
			}
			if c.auth == "" {
				return
			}
			if f := ask(t, conn, `{"op":"auth","token":""}`); f["code"] != c.auth {
				t.Errorf("signing in: %v", f)
			}
			if f := ask(t, conn, `{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`); f["op"] != "subscribed" || f["seq"] != 7.0 {
				t.Errorf("%v", f)
			}
		})
	}
}

// TestBounds: sockets of an address, of the process, and subscriptions of one.
func TestBounds(t *testing.T) {
	t.Parallel()
	proxies, err := peer.Parse([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	srv := bareServer(t, Config{PerAddress: 2, MaxConns: 4, Subscriptions: 2, Proxies: proxies})
	addr := front(t, srv, nil)
	var conns []net.Conn
	for _, step := range []struct{ from, status string }{
		{"192.0.2.1", "101"}, {"192.0.2.1", "101"}, {"192.0.2.1", "429"}, {"2001:db8::1", "101"}, {"2001:db8::2", "101"}, {"192.0.2.9", "503"},
	} {
		status, c := open(t, addr, "/", "X-Forwarded-For: "+step.from)
		if !strings.Contains(status, step.status) {
			t.Errorf("from %s: %s, want %s", step.from, status, step.status)
		}
		conns = append(conns, c)
	}
	for i, want := range []string{"subscribed", "subscribed", "error"} {
		if f := ask(t, conns[0], fmt.Sprintf(`{"op":"subscribe","id":%d,"channel":"blocks","network":"dev"}`, i)); f["op"] != want {
			t.Errorf("subscription %d: %v", i, f)
		}
	}
	// An end makes room.
	if _, err := conns[1].Write(over); err != nil {
		t.Fatal(err)
	}
	listen(t, conns[1])
	conns[1].Close()
	for {
		srv.mu.Lock()
		n := srv.open
		srv.mu.Unlock()
		if n == 3 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if status, _ := open(t, addr, "/", "X-Forwarded-For: 192.0.2.1"); !strings.Contains(status, "101") {
		t.Errorf("%s", status)
	}
}

// TestGoodbye: each client is told another time at which to come back.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	srv := bareServer(t, Config{Spread: time.Hour})
	addr := front(t, srv, nil)
	var conns []net.Conn
	for range 8 {
		_, c := open(t, addr, "/")
		ask(t, c, `{"op":"ping","id":1}`)
		conns = append(conns, c)
	}
	go srv.Shutdown(context.Background())
	var after []int64
	for _, c := range conns {
		h := listen(t, c)
		var f struct {
			Op      string
			RetryMS int64 `json:"retry_ms"`
		}
		if len(h.texts) != 1 || json.Unmarshal([]byte(h.texts[0]), &f) != nil || f.Op != "goodbye" || h.code != 1001 {
			t.Fatalf("%+v", h)
		}
		after = append(after, f.RetryMS)
		c.Close()
	}
	slices.Sort(after)
	if len(slices.Compact(after)) < 7 || after[0] < 0 || after[len(after)-1] > time.Hour.Milliseconds() {
		t.Errorf("%v", after)
	}
}

// TestDescription: asyncapi.yaml and the tables in code say the same.
func TestDescription(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type described struct {
		Address, Title, Description string
		Policy                      auth.Policy `yaml:"x-policy"`
		Class                       Class       `yaml:"x-class"`
		Scope                       string      `yaml:"x-scope"`
		Filter                      []string    `yaml:"x-filter"`
	}
	var doc struct {
		Channels map[string]described
		Codes    []Closing `yaml:"x-close-codes"`
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	delete(doc.Channels, "connection") // what belongs to no channel
	for _, c := range channels {
		d, ok := doc.Channels[c.Name]
		scope := c.Scope
		if scope == "" {
			scope = "none"
		}
		if !ok || d.Address != c.Name || d.Title == "" || d.Description == "" || d.Policy != c.Policy || d.Class != c.Class || d.Scope != scope || !slices.Equal(d.Filter, c.Filter) {
			t.Errorf("%+v is described as %+v", c, d)
		}
		if !c.Policy.Known() {
			t.Errorf("%s declares no policy", c.Name)
		}
		delete(doc.Channels, c.Name)
	}
	for name := range doc.Channels {
		t.Errorf("%s is described and does not exist", name)
	}
	if !slices.Equal(doc.Codes, closings) {
		t.Errorf("the close codes are described as %v, and are %v", doc.Codes, closings)
	}
}
