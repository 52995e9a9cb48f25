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

// trade places, amends and cancels orders until stop is closed. An order that was sent
// is always followed up to its answer, also after that.
func (c *client) trade(ctx context.Context, stop <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if n%5 >= 3 {
			// Every tenth act amends: to a price at which it may trade at once.
			if err := c.change(ctx, n%10 == 3); err != nil {
				return err
			}
			continue
		}
		body := c.order()
		body["client_order_id"] = fmt.Sprintf("%s-%d", c.name, n)
		p, err := c.place(ctx, body)
		if err != nil {
			return err
		}
		c.answered[body["client_order_id"]] = p
	}
}

// order is one of any type, around the same prices.
func (c *client) order() map[string]string {
	side, price := []string{"buy", "sell"}[c.rng.IntN(2)], func() string { return fmt.Sprintf("20.%02d", c.rng.IntN(40)) }
	body := map[string]string{"symbol": "WINE18-USD", "side": side, "type": "limit", "quantity": fmt.Sprint(1 + c.rng.IntN(20))}
	switch c.rng.IntN(10) {
	case 0:
		body["type"] = "market"
	case 1:
		body["time_in_force"], body["price"] = "ioc", price()
	case 2:
		body["display_quantity"], body["price"] = "1", price()
	case 3:
		body["type"], body["trigger_price"], body["price"] = "stop_limit", price(), price()
	case 4:
		body["type"], body["trigger_price"], body["protection_price"] = "stop", price(), map[string]string{"buy": "21.00", "sell": "19.00"}[side]
	case 5:
		body["time_in_force"], body["price"] = "fok", price()
	default:
		body["price"] = price()
	}
	return body
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

// change cancels or amends a live order; that it is gone meanwhile is an answer
// too. An amend may be sent again: it asks for the same once more.
func (c *client) change(ctx context.Context, amend bool) error {
	for cid, p := range c.answered {
		if (p.Status != "open" && p.Status != "partially_filled") || c.canceled[cid] {
			continue
		}
		method, body := http.MethodDelete, any(nil)
		if amend {
			method, body = http.MethodPatch, map[string]string{"price": fmt.Sprintf("20.%02d", c.rng.IntN(40)), "quantity": fmt.Sprint(1 + c.rng.IntN(30))}
		}
		for {
			a, err := c.ask(ctx, method, "/v1/orders/"+p.ID, body)
			if err == nil && a.code < 500 && a.code != http.StatusAccepted {
				c.canceled[cid] = !amend
				return nil
			}
			c.retries++
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				return fmt.Errorf("%s of %s has no outcome: %w", method, p.ID, err)
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
