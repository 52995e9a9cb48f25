package run_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"fondaco.dev/pkg/run"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready.Load() {
			http.Error(w, "waiting for nats", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	if err := run.Healthcheck(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "waiting for nats") {
		t.Errorf("a service that is not ready: %v", err)
	}
	ready.Store(true)
	_, port, _ := strings.Cut(addr, ":")
	for _, a := range []string{addr, ":" + port, "0.0.0.0:" + port} {
		if err := run.Healthcheck(t.Context(), a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if err := run.Healthcheck(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "FONDACO_ADMIN_ADDR") {
		t.Errorf("without an address: %v", err)
	}
}
