package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/house"
)

// The demo as `make run` starts it, and a second start that goes on where the
// first one ended.
func TestDemo(t *testing.T) {
	needPostgres(t)
	dir := filepath.Join(shallow(t), "data")
	u := start(t, house.Options{Demo: true, DataDir: dir, Environ: demoEnviron(t)})
	base := u.run.HTTP
	if s, err := readStatus(base); err != nil {
		t.Errorf("GET / must answer from the first second: %v", err)
	} else if len(s.Networks) != 2 {
		t.Errorf("GET / names %d networks, want 2", len(s.Networks))
	}
	becomesOK(t, base)

	t.Run("a second process is refused by name", func(t *testing.T) {
		err := house.Up(t.Context(), house.Options{Demo: true, DataDir: dir, HTTP: "127.0.0.1:0", Out: newLines(t), Log: newLines(t)})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("events appear and are resumed without hole or double", func(t *testing.T) { resumeEvents(t, base) })
	t.Run("an order is placed and fills", func(t *testing.T) { tradeOnce(t, base, dir) })
	t.Run("operator commands", func(t *testing.T) { operate(t, dir) })
	t.Run("a market is made, changed and ended", func(t *testing.T) { marketLife(t, base, dir) })

	before := snapshot(t, base, u.run)
	u.end()
	if _, err := os.Stat(filepath.Join(dir, "run.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run.json is left behind: %v", err)
	}

	u = start(t, house.Options{Demo: true, DataDir: dir, Environ: demoEnviron(t)})
	becomesOK(t, u.run.HTTP)
	after := snapshot(t, u.run.HTTP, u.run)
	if before.genesis != after.genesis {
		t.Errorf("the second start has another chain: genesis %s, was %s", after.genesis, before.genesis)
	}
	eventually(t, 60*time.Second, "the chains and the market to go on", func() error {
		now := snapshot(t, u.run.HTTP, u.run)
		if now.head <= before.head || now.trades <= before.trades {
			return fmt.Errorf("head %d after %d, %d trades after %d", now.head, before.head, now.trades, before.trades)
		}
		return nil
	})
	if got := eventsUpTo(t, u.run, before.head); got != before.events {
		t.Errorf("%d events up to height %d, there were %d before the restart", got, before.head, before.events)
	}
	db := connect(t, u.run.Postgres.ReaderURL)
	checkJournal(t, db, "main")
	_ = db.Close(t.Context())
	u.end()
}

// demoEnviron keeps the test off the ports that a developer's own demo uses.
func demoEnviron(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"EVM_HTTP", "EVM_WS", "CASPER_SSE", "CASPER_RPC"} {
		out = append(out, fmt.Sprintf("FONDACO_DEVNET_%s=127.0.0.1:%d", name, freePort(t)))
	}
	return append(out, "PATH="+os.Getenv("PATH"))
}

// state is what must survive a restart.
type state struct {
	genesis string
	head    int64 // a finalized height: what is above may be reorganised
	events  int64 // up to head
	trades  int64
}

func snapshot(t *testing.T, base string, run home.Run) state {
	t.Helper()
	var genesis struct {
		Hash string `json:"hash"`
	}
	get(t, base+"/v1/networks/dev/blocks/0", "", &genesis)
	db := connect(t, run.Postgres.ReaderURL)
	defer func() { _ = db.Close(t.Context()) }()
	var s state
	s.genesis = genesis.Hash
	row := func(q string, into *int64) {
		t.Helper()
		if err := db.QueryRow(t.Context(), q).Scan(into); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	row("select coalesce(max(number), 0) from ctl.cursors where partition like 'chain.v1.dev.%'", &s.head)
	row("select count(*) from trade.trades", &s.trades)
	s.events = eventsUpTo(t, run, s.head)
	return s
}

func eventsUpTo(t *testing.T, run home.Run, head int64) (n int64) {
	t.Helper()
	db := connect(t, run.Postgres.ReaderURL)
	defer func() { _ = db.Close(t.Context()) }()
	var build string
	if err := db.QueryRow(t.Context(), "select build from ctl.deployments").Scan(&build); err != nil {
		t.Fatal(err)
	}
	q := "select count(*) from " + pgx.Identifier{"ix_" + build, "events"}.Sanitize() + " where network = 'dev' and block_number <= $1"
	if err := db.QueryRow(t.Context(), q, head).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}

// tradeOnce makes an account on the command line and buys from the bots.
func tradeOnce(t *testing.T, base, dir string) {
	out, err := command(t, "account", "create", "alice", "--role", "trader", "--deposit", "USD=5000", "--data-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	var alice struct {
		Account int64
		Token   string
	}
	if err := json.Unmarshal([]byte(out), &alice); err != nil || alice.Account == 0 || strings.Count(out, "\n") != 1 {
		t.Fatalf("account create printed %q: %v", out, err)
	}
	type order struct {
		ID            json.Number
		ClientOrderID string `json:"client_order_id"`
		Status        string
		Filled        string
		Fills         []struct{ Price, Quantity, Fee string }
	}
	var o order
	place := func(id string) order {
		a, err := call(t.Context(), http.MethodPost, base+"/v1/orders", alice.Token,
			map[string]string{"symbol": "WINE18-USD", "side": "buy", "type": "market", "quantity": "2", "client_order_id": id})
		if err != nil {
			t.Fatal(err)
		}
		var o order
		if a.code/100 != 2 {
			t.Fatalf("POST /v1/orders: %d %s", a.code, a.body)
		}
		a.decode(t, &o)
		return o
	}
	n := 0
	eventually(t, 30*time.Second, "an order to be filled by the bots", func() error {
		n++
		if o = place(fmt.Sprintf("buy-%d", n)); o.Status != "filled" {
			return fmt.Errorf("it is %s", o.Status)
		}
		return nil
	})
	if o.Filled != "2" || len(o.Fills) == 0 {
		t.Errorf("filled order: %+v", o)
	}
	if again := place(fmt.Sprintf("buy-%d", n)); again.ID != o.ID {
		t.Errorf("the same client order id made another order: %s, was %s", again.ID, o.ID)
	}
	var balances struct {
		Data []struct{ Asset, Available string }
	}
	eventually(t, 10*time.Second, "the balance to show what was bought", func() error {
		get(t, base+"/v1/balances", alice.Token, &balances)
		for _, b := range balances.Data {
			if b.Asset == "WINE18" && b.Available != "0" {
				return nil
			}
		}
		return fmt.Errorf("balances %+v", balances)
	})
	again, err := command(t, "account", "create", "alice", "--role", "trader", "--deposit", "USD=5000", "--data-dir", dir)
	if err != nil {
		t.Fatal(err)
	}
	var second struct {
		Account int64
		Token   string
	}
	if err := json.Unmarshal([]byte(again), &second); err != nil || second.Account != alice.Account || second.Token == alice.Token {
		t.Errorf("a second account create printed %q after %q: %v", again, out, err)
	}
	get(t, base+"/v1/balances", second.Token, &balances)
	for _, b := range balances.Data {
		if b.Asset == "USD" && b.Available >= "5000" && len(b.Available) >= 4 {
			t.Errorf("the deposit was repeated: %+v", b)
		}
	}
}

func operate(t *testing.T, dir string) {
	if out, err := command(t, "status", "--data-dir", dir); err != nil || !strings.Contains(out, "dev") || !strings.Contains(out, "casper-test") {
		t.Errorf("status: %q, %v", out, err)
	}
	for _, service := range []string{"api", "writer", "event-handler", "orderbook", "devnet"} {
		if out, err := command(t, "log-level", service, "DEBUG", "--data-dir", dir); err != nil || out != service+": debug\n" {
			t.Errorf("log-level %s: %q, %v", service, out, err)
		}
		if _, err := command(t, "log-level", service, "info", "--data-dir", dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := command(t, "log-level", "api", "loud", "--data-dir", dir); err == nil || !strings.Contains(err.Error(), "trace") {
		t.Errorf("a wrong level must be answered with the list: %v", err)
	}
	if _, err := command(t, "log-level", "nobody", "info", "--data-dir", dir); err == nil || !strings.Contains(err.Error(), "orderbook") {
		t.Errorf("a wrong service must be answered with the list: %v", err)
	}
	if _, err := command(t, "streams", "apply", "--data-dir", dir); err != nil {
		t.Errorf("streams apply: %v", err)
	}
}

// marketLife makes a market beside the configuration's and ends it; the api
// shows each step.
func marketLife(t *testing.T, base, dir string) {
	run := func(want string, args ...string) {
		t.Helper()
		out, err := command(t, append(args, "--data-dir", dir)...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("fondaco %s: %q, %v", strings.Join(args, " "), out, err)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if _, err := command(t, append(args, "--data-dir", dir)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fondaco %s gave %v, want %q", strings.Join(args, " "), err, want)
		}
	}
	shown := func(phase, maxQuantity string) {
		t.Helper()
		eventually(t, 10*time.Second, "the api to show the market as "+phase, func() error {
			var m struct {
				Phase  string
				Limits struct {
					MaxQuantity *string `json:"max_quantity"`
				}
			}
			get(t, base+"/v1/markets/SALT-USD", "", &m)
			if m.Phase != phase || (maxQuantity == "") != (m.Limits.MaxQuantity == nil) || (maxQuantity != "" && *m.Limits.MaxQuantity != maxQuantity) {
				return fmt.Errorf("it shows %+v", m)
			}
			return nil
		})
	}
	run("SALT is there", "market", "add-asset", "SALT", "--scale", "1")
	refused("another content", "market", "add-asset", "SALT", "--scale", "2")
	add := []string{"market", "add", "SALT-USD", "--base", "SALT", "--quote", "USD", "--tick", "0.10", "--lot", "0.5"}
	run("SALT-USD is there", add...)
	run("SALT-USD is there", add...)
	refused("another content", append(add, "--taker-fee-ppm", "5")...)
	eventually(t, 10*time.Second, "the api to know the market", func() error {
		a, err := call(t.Context(), http.MethodGet, base+"/v1/markets/SALT-USD", "", nil)
		if err == nil && a.code != http.StatusOK {
			err = fmt.Errorf("it answers %d", a.code)
		}
		return err
	})
	run("are changed", "market", "limits", "SALT-USD", "--max-quantity", "20", "--collar-ppm", "100000", "--reference-price", "12.00")
	shown("continuous", "20.0")
	run("are changed", "market", "limits", "SALT-USD", "--max-quantity", "0")
	shown("continuous", "")
	run("auction", "market", "phase", "SALT-USD", "auction", "--for", "1s", "--then", "post_only")
	shown("post_only", "")
	run("post_only", "market", "list")
	refused("it has WINE18-USD", "market", "phase", "PEPPER-USD", "halted")
	refused("there are continuous", "market", "phase", "SALT-USD", "asleep")
	refused("--yes", "market", "delist", "SALT-USD")
	run("delisted", "market", "delist", "SALT-USD", "--yes")
	shown("delisted", "")
	refused("delisted", "market", "phase", "SALT-USD", "continuous")
	run("got USD=7", "funds", "deposit", "1", "USD=7", "--id", "by-hand-1")
	refused("another content", "funds", "deposit", "1", "USD=8", "--id", "by-hand-1")
	run("gave USD=7", "funds", "withdraw", "1", "USD=7", "--id", "by-hand-2")
	refused("not as much available", "funds", "withdraw", "1", "USD=90000000", "--id", "by-hand-3")
	run("are canceled", "venue", "cancel-all", "--account", "1", "--market", "WINE18-USD")
}
