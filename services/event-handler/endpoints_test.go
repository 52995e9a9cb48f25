package eventhandler_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/topology"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// endpointsOf reads what the status bucket says.
func (h *house) endpointsOf(network string) topology.EndpointsStatus {
	h.t.Helper()
	var s topology.EndpointsStatus
	kv, err := h.bus.JetStream().KeyValue(h.t.Context(), topology.BucketStatus)
	if err != nil {
		h.t.Fatal(err)
	}
	if entry, err := kv.Get(h.t.Context(), topology.EndpointsKey(network)); err == nil {
		if err := json.Unmarshal(entry.Value(), &s); err != nil {
			h.t.Fatal(err)
		}
	}
	return s
}

// TestEndpointsAreTold: in the status bucket and as metrics, without the keys
// that URLs hold.
func TestEndpointsAreTold(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	for range 10 {
		c.Mine()
	}
	good, broken := fakenode.NewServer(c), fakenode.NewServer(c)
	broken.Fault = func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusBadGateway); return true }
	url := serve(t, good)
	h := newHouse(t, evmNetwork(url+"/v3/secret", url+"/v3/secret2", serve(t, broken)+"/?key=secret"))
	run := h.start()
	eventually(t, "three endpoints are told", func() bool {
		e := h.endpointsOf("dev").Endpoints
		return len(e) == 3 && e[0].State == topology.EndpointHealthy && e[0].Head == 10 && e[1].State == topology.EndpointHealthy && strings.Contains(e[2].Error, "502")
	})
	e := h.endpointsOf("dev").Endpoints
	if e[0].Name != url || e[1].Name != url+"#2" || !e[0].Current {
		t.Errorf("got %+v", e)
	}
	text, err := json.Marshal(e)
	_, metrics := run.get("/metrics")
	if err != nil || strings.Contains(string(text)+metrics, "secret") {
		t.Error("a key is told")
	}
	for _, want := range []string{
		`fondaco_eventhandler_endpoint_state{endpoint="` + url + `",network="dev",state="healthy"} 1`,
		`fondaco_eventhandler_endpoint_head{endpoint="` + url + `#2",network="dev"} 10`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no metric %s", want)
		}
	}
}

// TestHungNetworkEndsTheService: the node answers, and its head stands still.
func TestHungNetworkEndsTheService(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	for range 10 {
		c.Mine()
	}
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	cfg := eventhandler.Config{
		File: h.file, Bus: bus.Config{URL: h.srv.URL, Name: "event-handler"}, AdminAddr: freeAddr(t), Poll: 20 * time.Millisecond, HungAfter: 2 * time.Second,
	}
	done := make(chan error, 1)
	go func() { done <- eventhandler.Run(t.Context(), cfg, zlog.Nop()) }()
	run := &handler{admin: cfg.AdminAddr}
	eventually(t, "it says so first", run.says("no progress of the head"))
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "network dev hangs") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Error("it goes on")
	}
}

// TestDeepReorgIsTold: while endpoints disagree on what was final nothing is
// published, and /readyz and a metric say so.
func TestDeepReorgIsTold(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	for range 40 {
		c.Mine()
	}
	c.Finalize(30)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	cfg := eventhandler.Config{
		File: h.file, Bus: bus.Config{URL: h.srv.URL, Name: "event-handler"}, AdminAddr: freeAddr(t), Poll: 20 * time.Millisecond, DeepConfirm: time.Hour,
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- eventhandler.Run(ctx, cfg, zlog.Nop()) }()
	defer func() { cancel(); <-done }()
	run := &handler{admin: cfg.AdminAddr}
	eventually(t, "ready", run.ready)
	c.Fork(20)
	for range 30 {
		c.Mine()
	}
	eventually(t, "the dispute is told", run.says("reorganisation deeper than finality"))
	if _, metrics := run.get("/metrics"); !strings.Contains(metrics, `fondaco_eventhandler_deep_reorg{network="dev"} 1`) {
		t.Error("no metric says so")
	}
}
