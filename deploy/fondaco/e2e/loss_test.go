package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/house"
)

// trader is an account that lives through a loss.
type trader struct {
	t     *testing.T
	base  string
	token string
}

func newTrader(t *testing.T, u *up, dir, name string) *trader {
	t.Helper()
	out, err := command(t, "account", "create", name, "--role", "trader", "--deposit", "USD=1000000", "--deposit", "WINE=1000", "--data-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatalf("account create printed %q: %v", out, err)
	}
	return &trader{t, u.run.HTTP, made.Token}
}

// shownOrder is what the api shows of an order.
type shownOrder struct {
	ID            json.Number
	ClientOrderID string `json:"client_order_id"`
	Status        string
	Price         string
	Filled        string
	Reason        string
}

// sends one request that must be answered well.
func (c *trader) sends(method, path string, body any, into any) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	a, err := call(ctx, method, c.base+path, c.token, body)
	if err != nil || a.code/100 != 2 {
		c.t.Fatalf("%s %s: %d %s, %v", method, path, a.code, a.body, err)
	}
	a.decode(c.t, into)
}

func (c *trader) order(side, price, quantity, name string) (o shownOrder) {
	c.t.Helper()
	c.sends(http.MethodPost, "/v1/orders", map[string]string{"symbol": "WINE-USD", "side": side, "type": "limit", "price": price, "quantity": quantity, "client_order_id": name}, &o)
	return o
}

// seen is everything that the api tells an account, and anybody, as text.
func (c *trader) seen() string {
	c.t.Helper()
	var out strings.Builder
	for _, path := range []string{"/v1/orders?limit=100", "/v1/balances", "/v1/markets/WINE-USD/trades?limit=100", "/v1/markets/WINE-USD/depth", "/v1/markets/WINE-USD/ticker", "/v1/markets/WINE-USD/candles?interval=1s"} {
		var v map[string]any
		token := c.token
		if strings.HasPrefix(path, "/v1/markets") {
			token = ""
		}
		get(c.t, c.base+path, token, &v)
		// Positions are of an epoch, and a loss begins another; a ticker is of the moment.
		for _, name := range []string{"epoch", "seq", "update_id", "at"} {
			delete(v, name)
		}
		data, err := json.Marshal(v)
		if err != nil {
			c.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %s\n", path, data)
	}
	return out.String()
}

// servicesReady waits until every service says that it can work.
func servicesReady(t *testing.T, u *up) {
	t.Helper()
	eventually(t, 30*time.Second, "all services to be ready", func() error {
		for name, addr := range u.run.Admin {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			a, err := call(ctx, http.MethodGet, "http://"+addr+"/readyz", "", nil)
			cancel()
			if err != nil || a.code != http.StatusOK {
				return fmt.Errorf("%s: %d %s, %v", name, a.code, a.body, err)
			}
		}
		return nil
	})
}

// TestTotalLossOfTheBus: streams, snapshots and buckets are gone and Postgres is
// left. The venue is made of the database and goes on: nothing that the api told
// is otherwise, no number is given twice, and everybody works as before.
func TestTotalLossOfTheBus(t *testing.T) {
	needPostgres(t)
	dir := filepath.Join(shallow(t), "data")
	config := filepath.Join(t.TempDir(), "fondaco.yaml")
	if err := os.WriteFile(config, []byte("venue: main\nassets: [{name: USD, scale: 2}, {name: WINE, scale: 0}]\n"+
		"markets: [{symbol: WINE-USD, base: WINE, quote: USD, tick: \"0.01\", lot: \"1\", maker_fee_ppm: 1000, taker_fee_ppm: 2500}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := house.Options{Config: config, DataDir: dir, Profile: "dev", Environ: []string{"PATH=" + os.Getenv("PATH"), "LOG_LEVEL=warn", "FONDACO_ALLOW_MANUAL_DEPOSITS=true",
		"FONDACO_SNAPSHOT_CONFIRM_INTERVAL=1s", "FONDACO_SNAPSHOT_INTERVAL=1s"}}
	u := start(t, o)
	servicesReady(t, u)
	alice, bob := newTrader(t, u, dir, "alice"), newTrader(t, u, dir, "bob")
	rests := alice.order("sell", "20.00", "10", "rests")
	gone := alice.order("sell", "21.00", "3", "gone")
	bought := bob.order("buy", "20.00", "4", "bought")
	if rests.Status != "open" || bought.Status != "filled" {
		t.Fatalf("%+v, %+v", rests, bought)
	}
	alice.sends(http.MethodDelete, "/v1/orders/"+gone.ID.String(), nil, &gone)
	last := bob.order("buy", "19.00", "2", "waits")
	db := connect(t, u.run.Postgres.OwnerURL)
	stored := func(last string) {
		t.Helper()
		eventually(t, 30*time.Second, "the database to have it all", func() error {
			var n int
			err := db.QueryRow(t.Context(), "select count(*) from trade.orders where client_order_id = $1", last).Scan(&n)
			if err == nil && n != 1 {
				err = fmt.Errorf("it lacks the order %s", last)
			}
			return err
		})
	}
	stored("waits")
	before := alice.seen() + bob.seen()
	var was, is struct {
		InSeq    uint64 `json:"in_seq"`
		Digest   string
		Refilled bool
	}
	rebuild := func(into any, args ...string) error {
		out, err := command(t, append([]string{"book", "rebuild", "--data-dir", dir}, args...)...)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(out), into)
	}
	if err := rebuild(&was, "--examine"); err != nil {
		t.Fatal(err)
	}
	u.end()
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}

	u = start(t, o)
	alice.base, bob.base = u.run.HTTP, u.run.HTTP
	if err := rebuild(&is); err == nil || !strings.Contains(err.Error(), "--discard") {
		t.Fatalf("a new life was thrown away unasked: %v", err)
	}
	if err := rebuild(&is, "--discard"); err != nil || is.Digest != was.Digest || is.InSeq != was.InSeq || !is.Refilled {
		t.Fatalf("%+v after %+v, %v", is, was, err)
	}
	for range 2 { // once more changes nothing
		if out, err := command(t, "streams", "resume", "--data-dir", dir); err != nil || !strings.Contains(out, `"writer_cursor":2`) {
			t.Fatalf("streams resume: %q, %v", out, err)
		}
	}
	servicesReady(t, u)
	if after := alice.seen() + bob.seen(); after != before {
		t.Errorf("the api told\n%s\nand tells\n%s", before, after)
	}
	if again := bob.order("buy", "20.00", "4", "bought"); again.ID != bought.ID {
		t.Errorf("an order that was filled before the loss is taken again: %+v", again)
	}
	now := bob.order("buy", "20.00", "7", "after")
	if now.Status != "partially_filled" || now.Filled != "6" || now.ID.String() != "5" || last.ID.String() != "4" {
		t.Errorf("the order after %+v is %+v", last, now)
	}
	newTrader(t, u, dir, "carol").order("sell", "20.00", "1", "hers")
	db = connect(t, u.run.Postgres.OwnerURL)
	stored("hers")
	checkJournal(t, db, "main")
	eventually(t, 60*time.Second, "the book to be verified", func() error {
		_, err := command(t, "book", "verify", "--data-dir", dir)
		return err
	})
	u.end()
}
