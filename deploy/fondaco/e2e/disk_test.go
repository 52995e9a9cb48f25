package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/house"
)

// A disk that is nearly full stops what comes in, by name and before anything
// breaks; what is there is served, cancels pass, and with room again nothing is
// missing.
func TestNearlyFullDiskStopsTheIntake(t *testing.T) {
	needPostgres(t)
	dir := filepath.Join(shallow(t), "data")
	var full atomic.Bool
	u := start(t, house.Options{Demo: true, DataDir: dir, Environ: demoEnviron(t), Disk: func(string) (house.Space, error) {
		if full.Load() {
			return house.Space{Free: 100 << 20, Total: 100 << 30}, nil
		}
		return house.Space{Free: 90 << 30, Total: 100 << 30}, nil
	}})
	base := u.run.HTTP
	becomesOK(t, base)
	out, err := command(t, "account", "create", "dora", "--role", "trader", "--deposit", "USD=100", "--data-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	var dora struct{ Token string }
	if err := json.Unmarshal([]byte(out), &dora); err != nil {
		t.Fatal(err)
	}
	place := func(id string) answer {
		a, err := call(t.Context(), http.MethodPost, base+"/v1/orders", dora.Token,
			map[string]string{"symbol": "WINE18-USD", "side": "buy", "type": "limit", "price": "1.00", "quantity": "1", "client_order_id": id})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var resting struct{ ID json.Number }
	eventually(t, 20*time.Second, "an order to be taken while there is room", func() error {
		a := place("before")
		if a.code != http.StatusOK {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		a.decode(t, &resting)
		return nil
	})

	full.Store(true)
	ready := "http://" + u.run.Admin["event-handler"] + "/readyz"
	eventually(t, 20*time.Second, "the event-handler to say that it pauses", func() error {
		a, err := call(t.Context(), http.MethodGet, ready, "", nil)
		if err != nil {
			return err
		}
		if a.code != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "100 MiB free") {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	eventually(t, 20*time.Second, "new orders to be refused by name", func() error {
		if a := place("during"); a.code != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "intake_stopped") {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	if a, err := call(t.Context(), http.MethodDelete, base+"/v1/orders/"+resting.ID.String(), dora.Token, nil); err != nil || a.code != http.StatusOK {
		t.Errorf("a cancel must pass: %d %s, %v", a.code, a.body, err)
	}

	full.Store(false)
	eventually(t, 20*time.Second, "orders to be taken in again", func() error {
		if a := place("after"); a.code != http.StatusOK {
			return fmt.Errorf("%d %s", a.code, a.body)
		}
		return nil
	})
	becomesOK(t, base)
	u.end()
}
