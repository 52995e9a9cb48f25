package trace_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/trace/tracetest"
)

const foreign = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// TestFollow: a request's trace goes on in another service; a client's own is
// taken only where that is set.
func TestFollow(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{false, true} {
		in := tracetest.Start(t)
		open := func(service string) *trace.Tracer {
			tr, err := trace.Open(t.Context(), trace.Config{Endpoint: in.URL + "/", PerMille: 1000, FromClients: allowed}, service, "1", zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}
		api, book := open("api"), open("orderbook")
		r := httptest.NewRequest(http.MethodPost, "/v1/orders", nil)
		r.Header.Set("traceparent", foreign)
		ctx, span := api.Request(r)
		parent := trace.Parent(ctx)
		end, own := book.Follow("apply pack", parent+",nonsense")
		end()
		came := time.Now()
		api.Back(ctx, came, foreign+","+own)
		span.Answered("/v1/orders", "r-1", 500)
		book.Close()
		api.Close()
		got := in.Spans()
		if len(got) != 3 {
			t.Fatalf("%+v", got)
		}
		first, back, second := got[0], got[1], got[2]
		if first.Service != "fondaco-orderbook" || second.Service != "fondaco-api" || first.TraceID != second.TraceID || first.ParentID != second.ID ||
			second.Attributes["http.route"] != "/v1/orders" || second.Attributes["fondaco.request_id"] != "r-1" || !strings.Contains(parent, second.ID) {
			t.Errorf("%+v", got)
		}
		if back.Name != "answer" || back.ParentID != second.ID || !back.Begin.Equal(came) || back.End.After(second.End) || !slices.Contains(back.Links, first.ID) ||
			slices.Contains(back.Links, "b7ad6b7169203331") != allowed {
			t.Errorf("the way back: %+v of %+v", back, got)
		}
		if went := second.TraceID == "0af7651916cd43dd8448eb211c80319c"; went != allowed {
			t.Errorf("the client's trace was gone on with: %v, want %v", went, allowed)
		}
	}
}

// TestOff: without an endpoint there is no tracer, and none is needed; a request
// that is not sampled carries nothing.
func TestOff(t *testing.T) {
	t.Parallel()
	off, err := trace.Open(t.Context(), trace.Config{PerMille: 1000}, "api", "", zap.NewNop())
	if off != nil || err != nil {
		t.Fatalf("%v, %v", off, err)
	}
	if end, own := off.Follow("x", foreign); end != nil || own != "" {
		t.Error("a tracer that is off follows")
	}
	off.Close()
	in := tracetest.Start(t)
	never, err := trace.Open(t.Context(), trace.Config{Endpoint: in.URL}, "api", "", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := never.Request(httptest.NewRequest(http.MethodGet, "/", nil))
	if p := trace.Parent(ctx); p != "" {
		t.Errorf("got %q", p)
	}
	span.Answered("/", "r", 200)
	never.Close()
	if got := in.Spans(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	r := env.New(func(k string) (string, bool) {
		v, ok := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "FONDACO_TRACE_PERMILLE": "1001"}[k]
		return v, ok
	})
	if cfg := trace.ConfigFromEnv(r); cfg.Endpoint != "http://x:4318" || r.Err() == nil || !strings.Contains(r.Err().Error(), "FONDACO_TRACE_PERMILLE") {
		t.Errorf("%+v, %v", cfg, r.Err())
	}
}
