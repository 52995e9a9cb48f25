package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"fondaco.dev/services/api/internal/apitest"
)

// TestFinalDataIsProvedUnchanged: a tag alone answers 304, and no longer does
// when what it stands for was changed.
func TestFinalDataIsProvedUnchanged(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 20, 2)
	c.Finalize(t, 10)
	paths := map[string]string{} // path -> tag
	a.eventually("final", func() bool {
		_, _, h := a.do("GET", "/v1/networks/dev/blocks/10", "")
		return strings.Contains(h.Get("Cache-Control"), "immutable")
	})
	tx := c.Tx(7, 0)
	for _, path := range []string{"/blocks/7", "/txs/" + tx, "/events?to_block=10&contract=usd", "/events?order=asc&limit=4", "/blocks?from_block=2&to_block=9"} {
		code, body, h := a.do("GET", "/v1/networks/dev"+path, "")
		if code != 200 || h.Get("ETag") == "" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Fatalf("%s: %d %v %s", path, code, h, body)
		}
		paths[path] = h.Get("ETag")
	}
	for _, path := range []string{"/blocks/11", "/events", "/events?to_block=11", "/events?order=asc&from_block=10", "/blocks?to_block=10&include=orphaned", "/txs/" + c.Tx(11, 0)} {
		if _, _, h := a.do("GET", "/v1/networks/dev"+path, ""); h.Get("ETag") != "" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s may still change: %v", path, h)
		}
	}
	// With the rows locked away nothing that asks Postgres for them can answer.
	lock, err := a.db.Super.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `lock table ix_`+apitest.Build+`.events, ix_`+apitest.Build+`.orphaned_events in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	for path, tag := range paths {
		if code, body, h := a.do("GET", "/v1/networks/dev"+path, "", "If-None-Match", `"x", W/`+tag); code != 304 || body != "" || h.Get("ETag") != tag {
			t.Errorf("%s: %d %s %v", path, code, body, h)
		}
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A repair of block 9 touches what reaches up to it, and nothing below.
	c.Repair(t, 9, []int{0}, nil)
	a.eventually("told", func() bool {
		code, _ := a.get("/v1/networks/dev/events?to_block=10&contract=usd", "If-None-Match", paths["/events?to_block=10&contract=usd"])
		return code == 200
	})
	for path, want := range map[string]int{"/blocks/7": 304, "/events?order=asc&limit=4": 304, "/txs/" + tx: 304} {
		if code, _ := a.get("/v1/networks/dev"+path, "If-None-Match", paths[path]); code != want {
			t.Errorf("%s after the repair: %d", path, code)
		}
	}
	// A reorganisation below what was final.
	c.Revert(t, 5)
	a.eventually("told", func() bool {
		code, _ := a.get("/v1/networks/dev/blocks/7", "If-None-Match", paths["/blocks/7"])
		return code == 404
	})
	if code, _ := a.get("/v1/networks/dev/events?order=asc&limit=4", "If-None-Match", paths["/events?order=asc&limit=4"]); code != 304 {
		t.Errorf("blocks 1 to 3 were left alone: %d", code)
	}
}

// TestOrphanedPast: what reorganisations took away is listed on request, each
// row once and in order, and a transaction tells where it was before.
func TestOrphanedPast(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 6, 2)
	lost := c.Tx(5, 0)
	c.Revert(t, 4)
	c.Block(t, 2)
	c.Revert(t, 4)
	c.Blocks(t, 3, 1)
	type row struct {
		Number    uint64
		Block     uint64 `json:"block_number"`
		Log       uint64 `json:"log_index"`
		Hash      string
		Orphaned  bool
		RemovedAt uint64 `json:"removed_at"`
		Finalized bool
	}
	type rows struct {
		Data []row
		Next *string
		More bool
	}
	for _, kind := range []string{"events", "blocks"} {
		for _, order := range []string{"asc", "desc"} {
			var whole rows
			a.getJSON("/v1/networks/dev/"+kind+"?include=orphaned&limit=1000&order="+order, &whole)
			want := map[string]int{"events": 8 + 6 + 3, "blocks": 4 + 3 + 3}[kind]
			if len(whole.Data) != want {
				t.Errorf("%s %s: %d rows, want %d", kind, order, len(whole.Data), want)
			}
			gone := 0
			for _, r := range whole.Data {
				if r.Orphaned != (r.RemovedAt != 0) {
					t.Errorf("%+v", r)
				}
				if r.Orphaned {
					gone++
				}
			}
			if gone != map[string]int{"events": 6, "blocks": 3}[kind] {
				t.Errorf("%s %s: %d orphaned rows", kind, order, gone)
			}
			for _, limit := range []int{1, 2, 5} {
				var walked []row
				cursor := ""
				for {
					var p rows
					a.getJSON(fmt.Sprintf("/v1/networks/dev/%s?include=orphaned&limit=%d&order=%s%s", kind, limit, order, cursor), &p)
					walked = append(walked, p.Data...)
					if !p.More || len(walked) > 100 {
						break
					}
					cursor = "&cursor=" + *p.Next
				}
				if fmt.Sprint(walked) != fmt.Sprint(whole.Data) {
					t.Errorf("%s %s by %d: %v, whole %v", kind, order, limit, walked, whole.Data)
				}
			}
		}
	}
	var tx struct {
		Status   string
		Block    *uint64 `json:"block_number"`
		Events   []row
		Orphaned []row
	}
	a.getJSON("/v1/networks/dev/txs/"+lost, &tx)
	if tx.Status != "orphaned" || tx.Block != nil || len(tx.Events) != 0 || len(tx.Orphaned) != 1 || tx.Orphaned[0].Block != 5 {
		t.Errorf("%+v", tx)
	}
	tx.Orphaned, tx.Events = nil, nil
	a.getJSON("/v1/networks/dev/txs/"+strings.ToUpper(c.Tx(7, 0)[2:]), &tx)
	if tx.Status != "included" || tx.Block == nil || *tx.Block != 7 || len(tx.Events) != 1 || len(tx.Orphaned) != 0 {
		t.Errorf("%+v", tx)
	}
	if code, _ := a.get("/v1/networks/dev/txs/" + strings.Repeat("0", 64)); code != 404 {
		t.Errorf("an unknown transaction: %d", code)
	}
	var reorgs struct {
		Data []struct {
			Seq, Depth, Blocks, Events uint64
			From                       uint64 `json:"from_number"`
			To                         uint64 `json:"to_number"`
		}
		Next *string
		More bool
	}
	a.getJSON("/v1/networks/dev/reorgs?limit=1", &reorgs)
	if r := reorgs.Data; len(r) != 1 || !reorgs.More || r[0].From != 5 || r[0].To != 4 || r[0].Depth != 1 || r[0].Blocks != 1 || r[0].Events != 2 {
		t.Fatalf("%+v", reorgs)
	}
	a.getJSON("/v1/networks/dev/reorgs?limit=1&cursor="+*reorgs.Next, &reorgs)
	if r := reorgs.Data; len(r) != 1 || r[0].From != 6 || r[0].Depth != 2 || r[0].Blocks != 2 || r[0].Events != 4 {
		t.Errorf("%+v", reorgs)
	}
	a.getJSON("/v1/networks/dev/reorgs?order=asc", &reorgs)
	if len(reorgs.Data) != 2 || reorgs.Next == nil || reorgs.Data[0].From != 6 {
		t.Errorf("%+v", reorgs)
	}
}

// TestMoreFilters: times, finality, an account; each with its wrong values.
func TestMoreFilters(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 12, 3)
	c.Finalize(t, 5)
	for _, q := range []struct {
		query string
		rows  int
	}{
		{"from_time=1700000003", 30}, {"from_time=1700000003&to_time=1700000005", 6}, {"to_time=2023-11-14T22:13:22Z", 3}, {"from_time=1800000000", 0},
		{"from_time=2023-11-14T22:13:22.5Z&to_time=1700000004", 3}, {"to_time=1", 0},
		{"finality=finalized", 15}, {"finality=any", 36}, {"finality=finalized&order=asc&from_block=5", 3}, {"include=canonical", 36},
		{"account=0x0000000000000000000000000000000000000001", 36}, {"account=0x0000000000000000000000000000000000000202", 12}, {"account=0x00000000000000000000000000000000000000aa", 0},
	} {
		a.eventually(q.query, func() bool {
			var p events
			a.getJSON("/v1/networks/dev/events?"+q.query, &p)
			return len(p.Data) == q.rows
		})
	}
	for _, bad := range []struct{ query, parameter string }{
		{"from_time=yesterday", "from_time"}, {"from_time=9&to_time=9", "from_time"}, {"to_time=-1", "to_time"}, {"finality=maybe", "finality"}, {"include=all", "include"},
		{"account=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", "account"}, {"account=12", "account"}, {"sort=number", "sort"},
	} {
		code, body := a.get("/v1/networks/dev/events?" + bad.query)
		var p struct {
			Parameter string
			Allowed   []string
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || code != 400 || p.Parameter != bad.parameter {
			t.Errorf("%s: %d %s", bad.query, code, body)
		}
	}
}

// TestStatementsAreBounded: what takes too long is refused, and what asks
// elsewhere is answered meanwhile.
func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	c := apitest.NewChain(t, a.db, "dev")
	c.Blocks(t, 2, 1)
	a.env["FONDACO_READ_TIMEOUT"] = "200ms"
	a.start()
	a.eventually("served", func() bool { code, _ := a.get("/v1/networks/dev/events"); return code == 200 })
	lock, err := a.db.Super.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(t.Context()) }()
	if _, err := lock.Exec(t.Context(), `lock table ix_`+apitest.Build+`.events in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	code, body, h := a.do("GET", "/v1/networks/dev/events", "")
	if code != 503 || !strings.Contains(body, `"unavailable"`) || h.Get("Retry-After") == "" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := a.get("/v1/networks/dev/blocks"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}
