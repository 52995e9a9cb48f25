package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/proto/config"
)

func TestDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		units int64
		scale uint32
		want  string
	}{{1, 2, "0.01"}, {2050, 2, "20.5"}, {300, 2, "3"}, {7, 0, "7"}, {1, 18, "0.000000000000000001"}} {
		if got := decimal(c.units, c.scale); got != c.want {
			t.Errorf("decimal(%d, %d) = %s, want %s", c.units, c.scale, got, c.want)
		}
	}
}

// venue answers like the api and notes what was asked.
type venue struct {
	mu     sync.Mutex
	tokens map[string]bool
	acts   []string
	placed int
}

func (v *venue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	token := r.Header.Get("Authorization")
	if !v.tokens[token] {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.Method {
	case http.MethodGet:
		fmt.Fprint(w, `{"data":[]}`)
	case http.MethodDelete:
		v.acts = append(v.acts, token+r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	case http.MethodPost:
		var o newOrder
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		v.placed++
		v.acts = append(v.acts, fmt.Sprint(token, o))
		fmt.Fprintf(w, `{"id":%d,"status":"open"}`, v.placed)
	}
}

func (v *venue) run(t *testing.T, until int) []string {
	t.Helper()
	srv := httptest.NewServer(v)
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	asked := 0
	file := &config.File{Assets: []config.Asset{{Name: "USD", Scale: 2}, {Name: "WINE"}}, Markets: []config.Market{{Symbol: "WINE-USD", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1}}}
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Base: srv.URL, File: file, Seed: 7, Log: zap.NewNop(), Tokens: func(_ context.Context, names []string, fresh bool) (map[string]string, error) {
			asked++
			if asked > 1 && !fresh {
				t.Error("refused tokens were not asked for anew")
			}
			out := map[string]string{}
			for _, name := range names {
				out[name] = fmt.Sprintf("%s-%d", name, asked)
				if asked == 2 {
					v.mu.Lock()
					v.tokens["Bearer "+out[name]] = true
					v.mu.Unlock()
				}
			}
			return out, nil
		}})
	}()
	for {
		v.mu.Lock()
		acts := slices.Clone(v.acts)
		v.mu.Unlock()
		if len(acts) >= until || ctx.Err() != nil {
			cancel()
			<-done
			return acts
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestBotsRenewTokensAndRepeatThemselves(t *testing.T) {
	t.Parallel()
	const until = 12
	first := (&venue{tokens: map[string]bool{}}).run(t, until)
	second := (&venue{tokens: map[string]bool{}}).run(t, until)
	if len(first) < until || len(second) < until {
		t.Fatalf("%d and %d acts", len(first), len(second))
	}
	if !slices.Equal(first[:until], second[:until]) {
		t.Errorf("the same seed traded differently:\n%v\n%v", first[:until], second[:until])
	}
}
