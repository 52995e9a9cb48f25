package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fondaco.dev/services/api/internal/apitest"
)

type event struct {
	BlockNumber uint64 `json:"block_number"`
	LogIndex    uint64 `json:"log_index"`
	BlockHash   string `json:"block_hash"`
	Contract    string `json:"contract"`
	Finalized   bool   `json:"finalized"`
	Args        map[string]string
}

type events struct {
	Data []event
	Next *string
	More bool
}

// chainApp is a running api with one EVM network that has some blocks.
func chainApp(t *testing.T, blocks, logs int) (*app, *apitest.Chain) {
	t.Helper()
	a := newApp(t)
	c := apitest.NewChain(t, a.db, "dev")
	c.Redis = a.rdb
	a.db.Cursor(t, "", "trade.main", 0, 0)
	if blocks > 0 {
		c.Blocks(t, blocks, logs)
	}
	a.start()
	a.eventually("indexed", func() bool { code, _ := a.get("/v1/networks/dev/blocks?limit=1"); return code == 200 })
	return a, c
}

// TestWalkByCursorWhileBlocksArrive walks 5,000 rows in both directions.
func TestWalkByCursorWhileBlocksArrive(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 500, 10)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				c.Block(t, 3)
			}
		}
	}()
	for _, order := range []string{"asc", "desc"} {
		seen := map[string]bool{}
		var last event
		cursor, rows := "", 0
		for rows < 5000 {
			var page events
			path := "/v1/networks/dev/events?limit=137&order=" + order
			if cursor != "" {
				path += "&cursor=" + cursor
			}
			a.getJSON(path, &page)
			for i, e := range page.Data {
				k := fmt.Sprint(e.BlockNumber, "/", e.LogIndex)
				if seen[k] {
					t.Fatalf("%s: %s came twice", order, k)
				}
				seen[k] = true
				if rows+i > 0 && !follows(last, e, order == "desc") {
					t.Fatalf("%s: %+v came after %+v", order, e, last)
				}
				last = e
			}
			rows += len(page.Data)
			if page.Next == nil {
				break
			}
			cursor = *page.Next
		}
		if rows < 5000 {
			t.Errorf("%s: %d rows", order, rows)
		}
	}
	close(stop)
	<-done
}

// follows says whether b is the very next log after a: blocks up to 500 have
// ten, later ones three.
func follows(a, b event, desc bool) bool {
	if desc {
		a, b = b, a
	}
	n := uint64(10)
	if a.BlockNumber > 500 {
		n = 3
	}
	if a.LogIndex+1 < n {
		return b.BlockNumber == a.BlockNumber && b.LogIndex == a.LogIndex+1
	}
	return b.BlockNumber == a.BlockNumber+1 && b.LogIndex == 0
}

func TestEventsQuery(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 20, 3)
	c.Finalize(t, 10)
	a.eventually("finalized", func() bool {
		var p events
		a.getJSON("/v1/networks/dev/events?from_block=10&to_block=10", &p)
		return len(p.Data) == 3 && p.Data[0].Finalized
	})
	for _, q := range []struct {
		query string
		rows  int
	}{
		{"", 60}, {"limit=7", 7}, {"contract=usd", 60}, {"contract=any-erc20", 60}, {"address=0x00000000000000000000000000000000000000AA", 60},
		{"address=0x00000000000000000000000000000000000000ab", 0}, {"event=Transfer", 60}, {"event=Approval", 0}, {"from_block=5&to_block=6", 6},
		{"topic0=" + apitest.TransferTopic.Hex(), 60}, {"topic2=0x" + strings.Repeat("0", 60) + "0201", 20}, {"topic3=0x" + strings.Repeat("0", 64), 0},
		{"arg.value=5001", 1}, {"arg.to=0x" + strings.Repeat("0", 36) + "0201", 20}, {"arg.TO=1", 0}, {"arg.value=5001&arg.to=0x" + strings.Repeat("0", 36) + "0202", 0},
	} {
		var p events
		a.getJSON("/v1/networks/dev/events?"+q.query, &p)
		if len(p.Data) != q.rows {
			t.Errorf("%s: %d rows, want %d", q.query, len(p.Data), q.rows)
		}
	}
	// A poller in ascending order keeps its place, also at the end and with nothing there yet.
	var p events
	a.getJSON("/v1/networks/dev/events?order=asc&from_block=21", &p)
	if p.Next == nil || p.More || len(p.Data) != 0 {
		t.Fatalf("an empty ascending page: %+v", p)
	}
	c.Block(t, 2)
	a.getJSON("/v1/networks/dev/events?order=asc&from_block=21&cursor="+*p.Next, &p)
	if len(p.Data) != 2 || p.Next == nil {
		t.Fatalf("after a block: %+v", p)
	}
	a.getJSON("/v1/networks/dev/events?order=asc&cursor="+*p.Next, &p)
	if len(p.Data) != 0 || p.Next == nil {
		t.Fatalf("at the end: %+v", p)
	}
	for _, bad := range []struct{ query, parameter string }{
		{"foo=1", "foo"}, {"limit=0", "limit"}, {"limit=x", "limit"}, {"limit=1001", "limit"}, {"limit=1&limit=2", "limit"}, {"order=up", "order"}, {"cursor=zzz", "cursor"},
		{"from_block=-1", "from_block"}, {"from_block=9&to_block=8", "from_block"}, {"address=0x12", "address"}, {"contract=nope", "contract"},
		{"address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD0", "address"}, {"address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", "address"},
		{"topic0=0x00", "topic0"}, {"arg.x%27%20or%201%3D1--=1", "arg.x' or 1=1--"}, {"event=a%20b", "event"}, {"order=desc&cursor=" + *p.Next, "cursor"},
	} {
		code, body, h := a.do("GET", "/v1/networks/dev/events?"+bad.query, "")
		var problem struct {
			Parameter, Code string
			Allowed         []string
			RequestID       string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(body), &problem); err != nil || code != 400 || problem.Parameter != bad.parameter || problem.RequestID == "" ||
			h.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %s", bad.query, code, h.Get("Content-Type"), body)
		}
		if bad.parameter == "foo" && !slices.Contains(problem.Allowed, "arg.NAME") {
			t.Errorf("the allowed list is missing: %s", body)
		}
	}
	if code, body := a.get("/v1/networks/nope/events"); code != 404 || !strings.Contains(body, "not_found") {
		t.Errorf("unknown network: %d %s", code, body)
	}
	if code, body := a.get("/v1/networks/casper-test/events"); code != 404 {
		t.Errorf("events of a casper network: %d %s", code, body)
	}
}

func TestBlocksQuery(t *testing.T) {
	t.Parallel()
	a, _ := chainApp(t, 30, 1)
	var p struct {
		Data []struct {
			Number     uint64
			Hash       string
			ParentHash string `json:"parent_hash"`
		}
		Next *string
		More bool
	}
	a.getJSON("/v1/networks/dev/blocks?limit=20", &p)
	if len(p.Data) != 20 || !p.More || p.Data[0].Number != 30 || p.Data[0].ParentHash != p.Data[1].Hash {
		t.Fatalf("first page: %+v", p)
	}
	a.getJSON("/v1/networks/dev/blocks?limit=20&cursor="+*p.Next, &p)
	if len(p.Data) != 10 || p.More || p.Next != nil || p.Data[9].Number != 1 {
		t.Fatalf("second page: %+v", p)
	}
	var b struct {
		Number uint64
		Hash   string
	}
	a.getJSON("/v1/networks/dev/blocks/7", &b)
	byNumber := b
	a.getJSON("/v1/networks/dev/blocks/"+strings.ToUpper(b.Hash[2:]), &b)
	if b != byNumber || b.Number != 7 {
		t.Errorf("by hash %+v, by number %+v", b, byNumber)
	}
	for path, want := range map[string]int{"/v1/networks/dev/blocks/99": 404, "/v1/networks/dev/blocks/0x" + strings.Repeat("a", 64): 404, "/v1/networks/dev/blocks/zz": 400,
		"/v1/networks/dev/blocks?foo=1": 400, "/v1/networks/dev/nope": 404, "/v1/nope": 404, "/nope": 400, "/blocksx": 400, "/graphql": 404, "/wsx": 404} {
		if code, body := a.get(path); code != want || (want == 400 && !strings.HasPrefix(path, "/v1") && body != "Bad Request") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

// TestRootFromTheFirstSecond: GET / needs nothing.
func TestRootFromTheFirstSecond(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_PG_URL"] = "postgres://x:y@127.0.0.1:1/z"
	a.env["FONDACO_NATS_URL"] = "nats://127.0.0.1:1"
	a.start()
	var r struct {
		Name, Version, Status, Since string
		Networks                     []struct{ Name, Kind, Status string }
	}
	began := time.Now()
	a.getJSON("/", &r)
	if time.Since(began) > time.Second || r.Name != "fondaco" || r.Status != "loading" || r.Since == "" || len(r.Networks) != 2 {
		t.Errorf("%+v", r)
	}
	if code, body := a.get("/readyz"); code != 503 || !strings.Contains(body, "postgres") || !strings.Contains(body, "nats") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if code, _ := a.get("/livez"); code != 200 {
		t.Errorf("/livez: %d", code)
	}
	code, body, h := a.do("GET", "/v1/networks/dev/blocks", "")
	if code != 503 || h.Get("Retry-After") == "" || !strings.Contains(body, `"loading"`) {
		t.Errorf("%d %s", code, body)
	}
	code, body, h = a.do("GET", "/", "", "Accept", "text/html,application/xhtml+xml")
	if code != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || !strings.Contains(body, "casper-test") {
		t.Errorf("page: %d %s", code, body)
	}
}
