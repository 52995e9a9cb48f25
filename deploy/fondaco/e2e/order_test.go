package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/infra"
)

// Services are started before anything that they need is there: none of them
// ends, each says on /readyz what it waits for, and all become ready when the
// servers come.
func TestStartOrderIsFree(t *testing.T) {
	needPostgres(t)
	net, path := chains(t)
	late := startInfra(t, infra.Config{})
	// The addresses and passwords are those of servers that stop now and come
	// back later on the same ports.
	s := newStack(t, late, path)
	natsPort, pgPort := late.Ports()
	late.Stop()

	one := s.start("api", "api")
	s.start("writer", "writer")
	s.start("orderbook", "orderbook")
	s.start("event-handler", "event-handler")
	for name, what := range map[string]string{"api": "nats", "writer": "", "orderbook": "nats", "event-handler": "nats"} {
		p := s.procs[name]
		eventually(t, 30*time.Second, name+" to say what it waits for", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			a, err := call(ctx, http.MethodGet, "http://"+p.admin+"/readyz", "", nil)
			switch {
			case err != nil:
				return err
			case a.code != http.StatusServiceUnavailable || !strings.Contains(string(a.body), what):
				return fmt.Errorf("/readyz answers %d %s", a.code, a.body)
			}
			return nil
		})
	}
	if st, err := readStatus(one.http); err != nil || st.Status != "loading" {
		t.Errorf("GET / without anything behind it: %+v, %v", st, err)
	}

	again, err := infra.Start(t.Context(), infra.Config{Dir: late.Dir(), NATSPort: natsPort, PGPort: pgPort, RedisURL: "redis://127.0.0.1:1",
		System: infra.System{Profile: "dev", ManualDeposits: true}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Stop)
	began := time.Now()
	s.allReady(60 * time.Second)
	t.Logf("all were ready %v after the servers", time.Since(began))
	becomesOK(t, one.http)
	for name, p := range s.procs {
		if n := p.Starts(); n != 1 {
			t.Errorf("%s was started %d times: it ended while it waited", name, n)
		}
	}
	if _, err := net.EVM.Commit(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "a new block to arrive", func() error { return reached(t.Context(), again, net) })
}
