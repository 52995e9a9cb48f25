package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/auth"
)

// TestRequestIDs: a caller's own id is taken when it is short and plain.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s := bare(t)
	for id, taken := range map[string]bool{"mine-7": true, "a.b_c": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a b": false, "a\"b": false, "": false, "\u00e4": false} {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/livez", nil)
		req.Header.Set("X-Request-Id", id)
		s.Handler().ServeHTTP(rec, req)
		if got := rec.Header().Get("X-Request-Id"); (got == id) != taken || len(got) == 0 {
			t.Errorf("%q is answered as %q", id, got)
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/livez", nil))
		seen[rec.Header().Get("X-Request-Id")] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d ids of 1000 requests", len(seen))
	}
}

// TestNothingStays: what is known of one request is not known of the next that
// is served with the same memory.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	s := bare(t)
	var who, first, second string
	s.echo.GET("/v1/keep", func(c echo.Context) error {
		if w := caller(c); w != nil {
			who = w.Name
		}
		second = c.QueryParam("a") + c.QueryParam("b")
		if first == "" {
			x := of(c)
			x.is(auth.Who{Name: "alice"})
			first = second
		}
		return c.NoContent(http.StatusNoContent)
	})
	for _, path := range []string{"/v1/keep?a=1&b=2", "/v1/keep?a=%33"} {
		s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	if who != "" || first != "12" || second != "3" {
		t.Errorf("who %q, %q, %q", who, first, second)
	}
}

// FuzzQueryParam: a value is the one that net/url reads.
func FuzzQueryParam(f *testing.F) {
	for _, q := range []string{"a=1&b=2", "a&b", "a=1&a=2", "&&a=", "b=%31&a=+", "a=1;b=2", "=5&a=="} {
		f.Add(q)
	}
	e := echo.New()
	f.Fuzz(func(t *testing.T, query string) {
		x := &exchange{Context: e.NewContext(nil, nil)}
		r := &http.Request{URL: &url.URL{RawQuery: query}}
		x.begin(httptest.NewRecorder(), r)
		for _, name := range []string{"a", "b", "c", ""} {
			if got, want := x.QueryParam(name), r.URL.Query().Get(name); got != want {
				t.Fatalf("%q of %q is %q, not %q", name, query, got, want)
			}
		}
	})
}

// BenchmarkChain: what the way to a handler and back costs where the handler
// does nothing, without an access line and with one in each form.
func BenchmarkChain(b *testing.B) {
	for _, format := range []string{"none", "json", "", "brief"} {
		b.Run("lines="+format, func(b *testing.B) {
			s := bare(b)
			if format != "none" {
				log, err := zlog.New(zlog.Config{Level: "info", Format: format}, "api", io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				s.Access = log.Lines("http", "access")
			}
			w, req := &discard{h: http.Header{}}, httptest.NewRequest("GET", "/livez", nil)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				s.ServeHTTP(w, req)
			}
		})
	}
}

// discard is an http.ResponseWriter that costs nothing.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
