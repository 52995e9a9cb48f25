package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
)

// client places orders for one account, each under a client order id of its
// own, and repeats what was not answered until it is.
type client struct {
	name    string
	account uint64
	token   string
	bases   []string // api replicas
	rng     *rand.Rand

	answered map[string]placed
	retries  int
	canceled map[string]bool // ids whose cancel was answered
}

// placed is what an order was answered with the first time it was answered.
type placed struct {
	ID     string
	Status string
	Fills  int
}

// newClients makes accounts with money before the storm.
func newClients(t *testing.T, in *infra.Infra, file *config.File, bases []string, n int) []*client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	b := operatorBus(t, in)
	deposits, err := operator.ParseDeposits([]string{"USD=1000000", "WINE18=100000"}, file)
	if err != nil {
		t.Fatal(err)
	}
	var out []*client
	for i := range n {
		name := fmt.Sprintf("trader-%d", i)
		made, err := operator.CreateAccount(ctx, b, operator.Account{Name: name, Role: identityv1.Role_ROLE_TRADER, Venue: file.Venue, Deposits: deposits})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &client{name: name, account: made.Account, token: made.Token, bases: bases,
			rng: rand.New(rand.NewPCG(uint64(i), 99)), answered: map[string]placed{}, canceled: map[string]bool{}})
	}
	return out
}

// trade places and cancels orders until stop is closed. An order that was sent
// is always followed up to its answer, also after that.
func (c *client) trade(ctx context.Context, stop <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if n%5 == 4 {
			if err := c.cancelOne(ctx); err != nil {
				return err
			}
			continue
		}
		side := []string{"buy", "sell"}[c.rng.IntN(2)]
		body := map[string]string{"symbol": "WINE18-USD", "side": side, "quantity": fmt.Sprint(1 + c.rng.IntN(20)), "client_order_id": fmt.Sprintf("%s-%d", c.name, n)}
		switch c.rng.IntN(6) {
		case 0:
			body["type"] = "market"
		case 1:
			body["type"], body["time_in_force"] = "limit", "ioc"
			body["price"] = fmt.Sprintf("20.%02d", c.rng.IntN(40))
		default:
			body["type"], body["time_in_force"] = "limit", "gtc"
			body["price"] = fmt.Sprintf("20.%02d", c.rng.IntN(40))
		}
		p, err := c.place(ctx, body)
		if err != nil {
			return err
		}
		c.answered[body["client_order_id"]] = p
	}
}

// place sends one order until its outcome is known, each time to any replica.
func (c *client) place(ctx context.Context, body map[string]string) (placed, error) {
	for {
		a, err := c.ask(ctx, http.MethodPost, "/v1/orders", body)
		if err == nil && (a.code == http.StatusOK || a.code == http.StatusCreated) {
			var o struct {
				ID     json.Number
				Status string
				Fills  []json.RawMessage
			}
			if err := json.Unmarshal(a.body, &o); err != nil {
				return placed{}, fmt.Errorf("answer %q: %w", a.body, err)
			}
			return placed{o.ID.String(), o.Status, len(o.Fills)}, nil
		}
		if err == nil && a.code != http.StatusAccepted && a.code < 500 {
			return placed{}, fmt.Errorf("order %v was answered %d %s", body, a.code, a.body)
		}
		c.retries++
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return placed{}, fmt.Errorf("order %v has no outcome: %w (last answer %d %s)", body, err, a.code, a.body)
		}
	}
}

// cancelOne cancels a resting order; that it is gone meanwhile is an answer too.
func (c *client) cancelOne(ctx context.Context) error {
	for cid, p := range c.answered {
		if (p.Status != "open" && p.Status != "partially_filled") || c.canceled[cid] {
			continue
		}
		for {
			a, err := c.ask(ctx, http.MethodDelete, "/v1/orders/"+p.ID, nil)
			if err == nil && a.code < 500 && a.code != http.StatusAccepted {
				c.canceled[cid] = true
				return nil
			}
			c.retries++
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("the cancel of %s has no outcome: %w", p.ID, err)
			}
		}
	}
	return nil
}

func (c *client) ask(ctx context.Context, method, path string, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return call(ctx, method, c.bases[c.rng.IntN(len(c.bases))]+path, c.token, body)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// storm runs every client until finish is called, which waits for the answers
// that are still out.
func storm(t *testing.T, clients []*client) (finish func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stop := make(chan struct{})
	var wg sync.WaitGroup
	errs := make(chan error, len(clients))
	for _, c := range clients {
		wg.Go(func() { errs <- c.trade(ctx, stop) })
	}
	return func() {
		t.Helper()
		defer cancel()
		close(stop)
		late := time.AfterFunc(90*time.Second, cancel)
		defer late.Stop()
		wg.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Errorf("a client: %v", err)
			}
		}
	}
}
