package rest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/api/internal/maintenance"
)

// TestMaintenancePage: what is closed is a problem for programs and a page for
// browsers; what is not goes on.
func TestMaintenancePage(t *testing.T) {
	t.Parallel()
	s := bare(t)
	s.Maintenance = maintenance.New(prometheus.NewRegistry(), zap.NewNop())
	ask := func(path, accept string) *httptest.ResponseRecorder {
		r, rec := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
		r.Header.Set("Accept", accept)
		s.Handler().ServeHTTP(rec, r)
		return rec
	}
	m := &bus.Maintenance{Scope: bus.ScopeAll, Message: "The cellar is counted.\nBack at <noon>.", Since: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}
	s.Maintenance.Set(m)
	for _, path := range []string{"/", "/v1/networks", "/blocks", "/v1/ws"} {
		rec := ask(path, "application/json")
		if rec.Code != 503 || rec.Header().Get("Retry-After") != "30" || rec.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(rec.Body.String(), `"code":"maintenance"`) || !strings.Contains(rec.Body.String(), "The cellar is counted.") {
			t.Errorf("%s: %d %v %s", path, rec.Code, rec.Header(), rec.Body)
		}
	}
	rec := ask("/", "text/html,application/xhtml+xml,*/*;q=0.8")
	page := rec.Body.String()
	if rec.Code != 503 || rec.Header().Get("Retry-After") != "30" || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") ||
		!strings.Contains(page, "Back at &lt;noon&gt;.") || !strings.Contains(page, "22 November 2026, 09:30 UTC") || !strings.Contains(page, rec.Header().Get("X-Request-Id")) {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), page)
	}
	if path := os.Getenv("FONDACO_TEST_PAGE"); path != "" {
		if err := os.WriteFile(path, rec.Body.Bytes(), 0o600); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"/livez", "/version"} {
		if rec := ask(path, "text/html"); rec.Code != 200 {
			t.Errorf("%s is closed too: %d", path, rec.Code)
		}
	}
	writes := *m
	writes.Scope = bus.ScopeWrites
	s.Maintenance.Set(&writes)
	if rec := ask("/v1/markets", "application/json"); strings.Contains(rec.Body.String(), "maintenance") {
		t.Errorf("a read is refused: %s", rec.Body)
	}
	s.Maintenance.Set(nil)
	if rec := ask("/", "application/json"); rec.Code != 200 {
		t.Errorf("after its end: %d", rec.Code)
	}
}
