package orderbook

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
)

const yaml = `
venue: main
assets: [{name: USD, scale: 2}, {name: WINE, scale: 0}]
markets: [{symbol: WINE-USD, base: WINE, quote: USD, tick: "0.01", lot: "1"}]
`

// process is one Run with its admin port.
type process struct {
	t      *testing.T
	admin  string
	cancel context.CancelFunc
	done   chan error
}

func start(t *testing.T, srv *bustest.Server, text string) *process {
	t.Helper()
	file, err := config.Parse([]byte(text), "fondaco.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{t: t, admin: addr, cancel: cancel, done: make(chan error, 1)}
	cfg := Config{File: file, Bus: bus.Config{URL: srv.URL, Name: "orderbook"}, AdminAddr: addr, SnapshotPacks: 1000, SnapshotEvery: time.Second}
	go func() { p.done <- Run(ctx, cfg, zlogtest.Test(t)) }()
	t.Cleanup(cancel)
	return p
}

func (p *process) stop() error {
	p.cancel()
	select {
	case err := <-p.done:
		return err
	case <-time.After(5 * time.Second):
		p.t.Fatal("a stop takes more than 5 s")
		return nil
	}
}

// readiness is what /readyz says; empty while nobody answers.
func (p *process) readiness() string {
	res, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// ready waits until /readyz says that it is ready, or names want.
func (p *process) ready(want string) {
	p.t.Helper()
	if want == "" {
		want = `"ready"`
	}
	body := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if body = p.readiness(); strings.Contains(body, want) {
			return
		}
	}
	p.t.Fatalf("/readyz says %s, want %q", body, want)
}

func provision(t *testing.T, srv *bustest.Server) {
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
}

// TestWaitsForTheStreams: start order is free.
func TestWaitsForTheStreams(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	p := start(t, srv, yaml)
	p.ready("waiting for the provisioner")
	provision(t, srv)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestStandbyTakesOver when the leader stops; a clean stop leaves a snapshot.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	first := start(t, srv, yaml)
	first.ready("")
	second := start(t, srv, yaml)
	second.ready("holds the lease orderbook.main")
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second.ready("")
	objects, err := srv.Bus(t).JetStream().ObjectStore(t.Context(), topology.ObjectSnapshots)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := objects.List(t.Context()); err != nil || len(list) == 0 {
		t.Fatalf("no snapshot after a clean stop: %v", err)
	}
	if err := second.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestChangedTermsAreRefused: tick, lot, scale and fees of what exists.
func TestChangedTermsAreRefused(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(yaml, "assets: [", "assets: [{name: OIL, scale: 3}, ", 1)
	for old, changed := range map[string]string{
		`tick: "0.01"`: `tick: "0.02"`, `lot: "1"`: `lot: "2"`, `USD, scale: 2`: `USD, scale: 3`, `lot: "1"}`: `lot: "1", taker_fee_ppm: 5}`,
	} {
		p := start(t, srv, strings.Replace(more, old, changed, 1))
		select {
		case err := <-p.done:
			if err == nil || !strings.Contains(err.Error(), "USD") || !strings.Contains(err.Error(), "never change") {
				t.Errorf("%s: %v", changed, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s was taken", changed)
		}
	}
	added := start(t, srv, more)
	added.ready("")
	if err := added.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestRegressedStreamIsNamed: the process lives and says how to go on.
func TestRegressedStreamIsNamed(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	js := srv.Bus(t).JetStream()
	if err := js.DeleteStream(t.Context(), ordersv1.Stream); err != nil {
		t.Fatal(err)
	}
	provision(t, srv)
	p = start(t, srv, yaml)
	p.ready("restore ORDERS, TRADES and the object store")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestServerRestartHeals: the bus goes away for a moment; the venue is served
// again without anybody's help.
func TestServerRestartHeals(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	srv.Stop()
	p.ready("nats")
	srv.Restart(t)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestNoVenue: a configuration without one is served by doing nothing.
func TestNoVenue(t *testing.T) {
	t.Parallel()
	p := start(t, bustest.Start(t), `networks: [{name: c, kind: casper, sse: ["http://127.0.0.1:1"]}]`)
	p.ready("")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// TestMetrics: the counters move.
func TestMetrics(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	provision(t, srv)
	p := start(t, srv, yaml)
	p.ready("")
	b := srv.Bus(t)
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: "g", PackNo: 1, SentAtMs: time.Now().UnixMilli(), Commands: []*ordersv1.Command{{}}})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := b.Conn().SubscribeSync(ordersv1.ReplySubject("g"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PublishOnce(t.Context(), ordersv1.Subject("main", ordersv1.FromAPI), "g:1", data, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := sub.NextMsg(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	res, err := http.Get("http://" + p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	for _, want := range []string{`fondaco_orderbook_commands_rejected_total{venue="main"} 1`, `fondaco_orderbook_leader{venue="main"} 1`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestConfigFromEnv(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fondaco.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"FONDACO_CONFIG": path, "FONDACO_SNAPSHOT_PACKS": "7", "FONDACO_NATS_PASSWORD": "hush"}
	lookup := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	cfg, err := ConfigFromEnv(lookup)
	if err != nil || cfg.AdminAddr != "127.0.0.1:9104" || cfg.SnapshotPacks != 7 || cfg.SnapshotEvery != 30*time.Second || cfg.File.Venue != "main" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	if b, err := json.Marshal(cfg.Bus); err != nil || strings.Contains(string(b), "hush") {
		t.Fatalf("the password shows: %s %v", b, err)
	}
	vars = map[string]string{"FONDACO_SNAPSHOT_PACKS": "many", "FONDACO_SNAPSHOT_INTERVAL": "1ms"}
	_, err = ConfigFromEnv(lookup)
	for _, want := range []string{"FONDACO_SNAPSHOT_PACKS", "FONDACO_SNAPSHOT_INTERVAL", "FONDACO_CONFIG"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}
