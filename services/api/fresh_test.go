package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fondaco.dev/services/api/internal/apitest"
)

// copied is an app whose replica is a database of its own: it is as far as the
// test makes it.
func copied(t *testing.T, more ...string) (a *app, primary, replica *apitest.Chain) {
	t.Helper()
	a = newApp(t)
	other := apitest.New(t)
	primary, replica = apitest.NewChain(t, a.db, "dev"), apitest.NewChain(t, other, "dev")
	primary.Redis = a.rdb
	for _, c := range []*apitest.Chain{primary, replica} {
		c.DB.Cursor(t, "", "trade.main", 0, 0)
		c.Blocks(t, 5, 2)
	}
	a.env["FONDACO_PG_READ_URLS"] = other.Reader.Reveal()
	for i := 0; i+1 < len(more); i += 2 {
		a.env[more[i]] = more[i+1]
	}
	a.start()
	a.eventually("served by the replica", func() bool {
		code, _ := a.get("/v1/networks/dev/blocks?limit=1")
		return code == 200 && a.server("replica").Serving
	})
	return a, primary, replica
}

type server struct {
	Name, Role, Reason string
	Serving            bool
	LagMS              *int64 `json:"lag_ms"`
	Positions, Behind  map[string]uint64
}

// server is what /readyz says of the first server of a role.
func (a *app) server(role string) server {
	a.t.Helper()
	_, body := a.get("/readyz")
	var ready struct{ Postgres []server }
	if err := json.Unmarshal([]byte(body), &ready); err != nil {
		a.t.Fatalf("%v in %s", err, body)
	}
	for _, s := range ready.Postgres {
		if s.Role == role {
			return s
		}
	}
	a.t.Fatalf("no %s in %s", role, body)
	return server{}
}

// height is the newest block that a read shows, with the answer's position. A
// read that a busy machine refuses for now is repeated, as clients do.
func (a *app) height(query string, header ...string) (uint64, string) {
	a.t.Helper()
	var code int
	var body string
	var h http.Header
	a.eventually("fresh and not refused", func() bool {
		code, body, h = a.do("GET", "/v1/networks/dev/blocks?limit=1&"+query, "", header...)
		return code != http.StatusServiceUnavailable
	})
	var l struct{ Data []struct{ Number uint64 } }
	if err := json.Unmarshal([]byte(body), &l); err != nil || code != 200 || len(l.Data) != 1 {
		a.t.Fatalf("%s: %d %s", query, code, body)
	}
	return l.Data[0].Number, h.Get("Fondaco-Seq")
}

// TestFreshOrRefused: a read that asks for a position waits for the replica,
// then goes to the primary, and is refused when that is not there either.
func TestFreshOrRefused(t *testing.T) {
	t.Parallel()
	a, primary, replica := copied(t)
	n, old := a.height("")
	if n != 5 || old != fmt.Sprintf("chain.dev:%s:%d", "18bcfe56800-0.01234567", replica.Pos()) {
		t.Fatalf("block %d at %q", n, old)
	}
	primary.Block(t, 2)
	if n, _ := a.height(""); n != 5 {
		t.Errorf("without a position the replica answers, which has 5 blocks: %d", n)
	}
	want := strings.Replace(old, fmt.Sprint(replica.Pos()), fmt.Sprint(primary.Pos()), 1)
	if n, at := a.height("min_seq=" + url.QueryEscape(want)); n != 6 || at != want {
		t.Errorf("the primary has block 6: got %d at %s", n, at)
	}
	if n, _ := a.height("", "Fondaco-Seq", "orders.main:x-0:1, "+want); n != 6 {
		t.Errorf("by the header: got %d", n)
	}
	// What is not found in a replica that is behind is not absent.
	if code, body := a.get("/v1/networks/dev/blocks/6", "Fondaco-Seq", want); code != 200 {
		t.Errorf("block 6: %d %s", code, body)
	}
	ahead := strings.Replace(want, fmt.Sprint(primary.Pos()), fmt.Sprint(primary.Pos()+1), 1)
	code, body, h := a.do("GET", "/v1/networks/dev/blocks?min_seq="+ahead, "")
	if code != 503 || !strings.Contains(body, `"behind"`) || h.Get("Retry-After") == "" {
		t.Errorf("a position that is nowhere: %d %s", code, body)
	}
	code, body = a.get("/v1/networks/dev/blocks?min_seq=" + strings.Replace(want, "-0.", "-7.", 1))
	if code != 409 || !strings.Contains(body, `"other_epoch"`) {
		t.Errorf("another epoch: %d %s", code, body)
	}
	for _, bad := range []string{"5", "chain.nope:e-0:1", "trades.other:e-0:1"} {
		if code, body := a.get("/v1/networks/dev/blocks?min_seq=" + bad); code != 400 || !strings.Contains(body, "min_seq") {
			t.Errorf("min_seq=%s: %d %s", bad, code, body)
		}
	}
}

// TestWaitsForTheReplica: one that gets there in time answers itself.
func TestWaitsForTheReplica(t *testing.T) {
	t.Parallel()
	a, primary, replica := copied(t, "FONDACO_READ_WAIT", "10s", "FONDACO_READ_LAG", "1m")
	_, old := a.height("")
	// The primary never has it: only the replica can answer.
	done := make(chan uint64, 1)
	want := strings.Replace(old, fmt.Sprint(replica.Pos()), fmt.Sprint(replica.Pos()+1<<20), 1)
	go func() {
		n, _ := a.height("min_seq=" + want)
		done <- n
	}()
	replica.Block(t, 2)
	select {
	case n := <-done:
		if n != 6 || primary.Head() != 5 {
			t.Errorf("block %d", n)
		}
	case <-time.After(9 * time.Second):
		t.Error("the read waits for nobody")
	}
}

// TestLaggingReplica is left out, told on /readyz, and comes back.
func TestLaggingReplica(t *testing.T) {
	t.Parallel()
	a, primary, replica := copied(t, "FONDACO_READ_LAG", "1s")
	primary.Block(t, 1)
	a.eventually("left out", func() bool { return !a.server("replica").Serving })
	s := a.server("replica")
	if s.Behind[primary.Partition] != primary.Pos()-replica.Pos() || s.LagMS == nil || *s.LagMS < 1000 || !strings.Contains(s.Reason, "behind") {
		t.Errorf("%+v", s)
	}
	if strings.Contains(s.Name, "@") || strings.Contains(s.Name, "api_test") || !strings.HasPrefix(s.Name, "postgres://127.0.0.1:") {
		t.Errorf("the name is %s", s.Name)
	}
	if n, _ := a.height(""); n != 6 {
		t.Errorf("the primary answers for it: got block %d", n)
	}
	replica.Block(t, 1)
	a.eventually("back", func() bool { return a.server("replica").Serving })
	replica.Block(t, 1)
	a.eventually("answering", func() bool { n, _ := a.height(""); return n == 7 })
	// Gone altogether, then there again.
	replica.DB.Exec(t, `revoke connect on database `+replica.DB.Super.Config().ConnConfig.Database+` from public`)
	replica.DB.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'fondaco-api'`)
	a.eventually("away", func() bool { return !a.server("replica").Serving })
	if n, _ := a.height(""); n != 6 {
		t.Errorf("the primary answers for it: got block %d", n)
	}
	replica.DB.Exec(t, `grant connect on database `+replica.DB.Super.Config().ConnConfig.Database+` to public`)
	a.eventually("there again", func() bool { return a.server("replica").Serving })
}

// TestWaitsForWhatIsNotThere: a height and a transaction that come later, and
// such that never do.
func TestWaitsForWhatIsNotThere(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 3, 1)
	type got struct {
		code int
		body string
	}
	ask := func(path string) chan got {
		out := make(chan got, 1)
		go func() {
			code, body := a.get(path)
			out <- got{code, body}
		}()
		return out
	}
	block := ask("/v1/networks/dev/blocks/4?min_block=4")
	tx := c.NextTx(0)
	sent := ask("/v1/networks/dev/txs/" + tx + "?wait_tx=" + tx)
	c.Block(t, 2)
	for what, ch := range map[string]chan got{`"number":4`: block, tx: sent} {
		if g := <-ch; g.code != 200 || !strings.Contains(g.body, what) {
			t.Errorf("%s: %d %s", what, g.code, g.body)
		}
	}
	// A hint that never came: the poll finds it.
	c.Lose = true
	tx = c.NextTx(0)
	sent = ask("/v1/networks/dev/txs/" + tx + "?wait_tx=" + tx)
	c.Block(t, 1)
	if g := <-sent; g.code != 200 {
		t.Errorf("after a lost hint: %d %s", g.code, g.body)
	}
	for _, never := range []string{"min_block=99&wait_ms=50", "wait_tx=" + strings.Repeat("ab", 32) + "&wait_ms=50"} {
		if code, body := a.get("/v1/networks/dev/events?" + never); code != 503 || !strings.Contains(body, `"behind"`) {
			t.Errorf("%s: %d %s", never, code, body)
		}
	}
	for _, bad := range []string{"min_block=x", "wait_tx=0x12", "min_block=1&wait_ms=30001", "min_block=1&wait_ms=0"} {
		if code, body := a.get("/v1/networks/dev/events?" + bad); code != 400 {
			t.Errorf("%s: %d %s", bad, code, body)
		}
	}
}

// TestWritesSayWhere: a write's position makes a read on any replica wait for
// it.
func TestWritesSayWhere(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	code, body, h := a.do("POST", "/v1/orders", `{"symbol":"WINE18-USD","side":"buy","type":"limit","price":"1.00","quantity":"1"}`, bearer("alice-token")...)
	at := h.Get("Fondaco-Seq")
	if code != 200 || !strings.HasPrefix(at, "orders.main:") {
		t.Fatalf("%d %s at %q", code, body, at)
	}
	var o struct{ ID uint64 }
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatal(err)
	}
	code, body, h = a.do("GET", fmt.Sprintf("/v1/orders/%d?min_seq=%s", o.ID, at), "", bearer("alice-token")...)
	if code != 200 || !strings.HasPrefix(h.Get("Fondaco-Seq"), "trades.main:") {
		t.Errorf("%d %s at %q", code, body, h.Get("Fondaco-Seq"))
	}
	later := at[:strings.LastIndex(at, ":")] + ":999999"
	if code, body := a.get("/v1/markets/WINE18-USD/depth", "Fondaco-Seq", later); code != 503 || !strings.Contains(body, `"behind"`) {
		t.Errorf("a pack that was never stored: %d %s", code, body)
	}
}
