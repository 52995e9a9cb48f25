package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"fondaco.dev/services/api/internal/apitest"
)

type order struct {
	ID            uint64  `json:"id"`
	ClientOrderID string  `json:"client_order_id"`
	Symbol        string  `json:"symbol"`
	Side          string  `json:"side"`
	Type          string  `json:"type"`
	TimeInForce   string  `json:"time_in_force"`
	Price         *string `json:"price"`
	Quantity      *string `json:"quantity"`
	Filled        string  `json:"filled"`
	Status        string  `json:"status"`
	Reason        *string `json:"reason"`
	Fills         []struct {
		Price, Quantity, Fee string
		TradeID              uint64 `json:"trade_id"`
	} `json:"fills"`
}

type depth struct {
	Seq  uint64
	Bids [][2]string
	Asks [][2]string
}

// venueApp is a running api with an engine, a market and three accounts: 1 and
// 2 trade, 3 reads.
func venueApp(t *testing.T) (*app, *apitest.Engine) {
	t.Helper()
	a := newApp(t)
	e := apitest.NewEngine(t, a.db, a.nats.Bus(t), "main")
	run(t, a, e)
	a.start()
	a.ready()
	return a, e
}

// run sets the market and the accounts up and lets the engine work.
func run(t testing.TB, a *app, e *apitest.Engine) {
	t.Helper()
	e.Emit(t, apitest.Setup()...)
	a.db.Account(t, 1, 2, "alice-token")
	a.db.Account(t, 2, 2, "bob-token")
	a.db.Account(t, 3, 1, "reader-token")
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { e.Run(ctx, t) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func (a *app) place(token, body string) (int, order) {
	a.t.Helper()
	code, text, _ := a.do("POST", "/v1/orders", body, append(bearer(token), "Content-Type", "application/json")...)
	var o order
	if code == 200 || code == 202 {
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			a.t.Fatalf("%v in %s", err, text)
		}
	} else {
		o.Status = text
	}
	return code, o
}

func TestOrderLife(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	code, o := a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","type":"limit","time_in_force":"gtc","price":"12.50","quantity":"10","client_order_id":"first"}`)
	if code != 200 || o.ID != 1 || o.Status != "open" || *o.Price != "12.50" || *o.Quantity != "10" || o.Filled != "0" || o.ClientOrderID != "first" || o.TimeInForce != "GTC" {
		t.Fatalf("%d %+v", code, o)
	}
	// Read your write: at once, without waiting for anything.
	var mine order
	a.getJSON("/v1/orders/1", &mine, bearer("alice-token")...)
	if !reflect.DeepEqual(mine, o) {
		t.Errorf("read %+v, placed %+v", mine, o)
	}
	a.getJSON("/v1/orders/by-client-id/first", &mine, bearer("alice-token")...)
	if mine.ID != 1 {
		t.Errorf("%+v", mine)
	}
	code, o = a.place("bob-token", `{"symbol":"WINE18-USD","side":"sell","price":"12.50","quantity":"4"}`)
	if code != 200 || o.Status != "filled" || o.Type != "limit" || !strings.HasPrefix(o.ClientOrderID, "auto-") || len(o.Fills) != 1 || o.Fills[0].Price != "12.50" ||
		o.Fills[0].Quantity != "4" || o.Fills[0].Fee != "0.02" || o.Fills[0].TradeID != 1 {
		t.Fatalf("%d %+v", code, o)
	}
	a.getJSON("/v1/orders/2", &mine, bearer("bob-token")...)
	if mine.Status != "filled" || len(mine.Fills) != 1 {
		t.Errorf("%+v", mine)
	}
	a.getJSON("/v1/orders/1", &mine, bearer("alice-token")...)
	if mine.Status != "partially_filled" || mine.Filled != "4" || mine.Fills[0].Fee != "0.01" {
		t.Errorf("%+v", mine)
	}
	var d depth
	a.getJSON("/v1/markets/WINE18-USD/depth", &d)
	if !reflect.DeepEqual(d.Bids, [][2]string{{"12.50", "6"}}) || len(d.Asks) != 0 || d.Seq == 0 {
		t.Errorf("%+v", d)
	}
	var trades struct{ Data []map[string]any }
	a.getJSON("/v1/markets/WINE18-USD/trades", &trades)
	if len(trades.Data) != 1 || trades.Data[0]["price"] != "12.50" || trades.Data[0]["quantity"] != "4" || trades.Data[0]["taker_side"] != "sell" {
		t.Errorf("%+v", trades)
	}
	// The same id and content is the same order; another content is a conflict.
	code, o = a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"12.5","quantity":"10","client_order_id":"first"}`)
	if code != 200 || o.ID != 1 {
		t.Errorf("%d %+v", code, o)
	}
	if code, o = a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"12.50","quantity":"12","client_order_id":"first"}`); code != 409 || !strings.Contains(o.Status, "client_order_id") {
		t.Errorf("%d %+v", code, o)
	}
	// Somebody else's order does not exist.
	for _, path := range []string{"/v1/orders/1", "/v1/orders/by-client-id/first"} {
		if code, body := a.get(path, bearer("bob-token")...); code != 404 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if code, body, _ := a.do("DELETE", "/v1/orders/1", "", bearer("bob-token")...); code != 404 {
		t.Errorf("%d %s", code, body)
	}
	code, body, _ := a.do("DELETE", "/v1/orders/1", "", bearer("alice-token")...)
	if code != 200 || !strings.Contains(body, `"status":"canceled"`) || !strings.Contains(body, `"reason":"requested"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body, _ := a.do("DELETE", "/v1/orders/1", "", bearer("alice-token")...); code != 409 {
		t.Errorf("%d %s", code, body)
	}
	a.getJSON("/v1/markets/WINE18-USD/depth", &d)
	if len(d.Bids) != 0 {
		t.Errorf("%+v", d)
	}
	var balances struct {
		Data []struct{ Asset, Available, Reserved string }
	}
	a.getJSON("/v1/balances", &balances, bearer("alice-token")...)
	if fmt.Sprint(balances.Data) != "[{USD 1000.00 0.50}]" {
		t.Errorf("%+v", balances)
	}
	// The request id went along.
	_, _, h := a.do("POST", "/v1/orders", `{}`, append(bearer("alice-token"), "X-Request-Id", "my-id.1")...)
	if h.Get("X-Request-Id") != "my-id.1" {
		t.Errorf("request id %q", h.Get("X-Request-Id"))
	}
	a.eventually("the request id is in the log", func() bool { return strings.Contains(a.log.String(), `"request":"my-id.1"`) })
	if strings.Contains(a.log.String(), "alice-token") {
		t.Error("a token is in the log")
	}
}

func TestOrderRefusals(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	for _, c := range []struct {
		body, want string
		code       int
	}{
		{`{"symbol":"NOPE-USD","side":"buy","price":"1","quantity":"2"}`, "unknown_market", 422},
		{`{"symbol":"WINE18-USD","side":"buy","price":"12.51","quantity":"2"}`, "bad_tick", 200},
		{`{"symbol":"WINE18-USD","side":"buy","price":"12.501","quantity":"2"}`, "bad_tick", 200},
		{`{"symbol":"WINE18-USD","side":"buy","price":"12.50","quantity":"3"}`, "bad_lot", 200},
		{`{"symbol":"WINE18-USD","side":"buy","price":"12.50","quantity":"0"}`, "bad_quantity", 200},
		{`{"symbol":"WINE18-USD","side":"buy","price":"99999999999999999999.00","quantity":"2"}`, "overflow", 200},
		{`{"symbol":"WINE18-USD","side":"buy","price":"1e3","quantity":"2"}`, `"parameter":"price"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":1e3,"quantity":"2"}`, `"parameter":"price"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","quantity":"2"}`, `"parameter":"price"`, 400},
		{`{"symbol":"WINE18-USD","side":"up","price":"1","quantity":"2"}`, `"parameter":"side"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","type":"market","price":"1","quantity":"2"}`, `"parameter":"price"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","type":"best","price":"1","quantity":"2"}`, `"parameter":"type"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"x"}`, `"parameter":"quantity"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_order_id":""}`, `"parameter":"client_order_id"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_order_id":"é"}`, `"parameter":"client_order_id"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","account":5}`, `"parameter":"account"`, 400},
		{`{"symbol":"WINE18-USD","side":"buy","price":["1"],"quantity":"2"}`, `"parameter":"price"`, 400},
		{`[1]`, "bad_body", 400}, {``, "bad_body", 400}, {`{"symbol":"` + strings.Repeat("x", 70000) + `"}`, "body_too_large", 413},
	} {
		code, o := a.place("alice-token", c.body)
		got := o.Status
		if code == 200 && o.Reason != nil {
			got = *o.Reason
		}
		if code != c.code || (code == 200 && o.Status != "rejected") || !strings.Contains(got, c.want) {
			t.Errorf("%.80s: %d %s", c.body, code, got)
		}
	}
	// Rejected orders are in the stream and in the list like any other.
	var l struct{ Data []order }
	a.getJSON("/v1/orders?status=rejected", &l, bearer("alice-token")...)
	if len(l.Data) != 5 || l.Data[0].ID < l.Data[4].ID {
		t.Errorf("%+v", l)
	}
	for _, c := range []struct {
		method, path, token string
		code                int
	}{
		{"POST", "/v1/orders", "", 401}, {"POST", "/v1/orders", "wrong", 401}, {"POST", "/v1/orders", "reader-token", 403}, {"DELETE", "/v1/orders/1", "reader-token", 403},
		{"GET", "/v1/orders", "reader-token", 200}, {"GET", "/v1/balances", "", 401}, {"GET", "/v1/orders?status=nope", "alice-token", 400}, {"GET", "/v1/orders/zz", "alice-token", 400},
		{"GET", "/v1/orders?token=x", "alice-token", 400}, {"PUT", "/v1/orders", "alice-token", 405},
	} {
		var h []string
		if c.token != "" {
			h = bearer(c.token)
		}
		if code, body, _ := a.do(c.method, c.path, `{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}`, h...); code != c.code {
			t.Errorf("%s %s as %q: %d %s", c.method, c.path, c.token, code, body)
		}
	}
}

func TestOrderList(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	for i := range 7 {
		a.place("alice-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"%d","quantity":"2"}`, i+1))
	}
	e.Set(func(e *apitest.Engine) { e.Behind = true }) // Postgres does not know these
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"8","quantity":"2"}`)
	a.do("DELETE", "/v1/orders/3", "", bearer("alice-token")...)
	var ids []uint64
	cursor := ""
	for {
		var l struct {
			Data []order
			Next *string
			More bool
		}
		a.getJSON("/v1/orders?limit=3"+cursor, &l, bearer("alice-token")...)
		for _, o := range l.Data {
			ids = append(ids, o.ID)
			if want := map[bool]string{true: "canceled", false: "open"}[o.ID == 3]; o.Status != want {
				t.Errorf("order %d is %s", o.ID, o.Status)
			}
		}
		if l.More != (l.Next != nil) {
			t.Errorf("%+v", l)
		}
		if l.Next == nil {
			break
		}
		cursor = "&cursor=" + *l.Next
	}
	if fmt.Sprint(ids) != "[8 7 6 5 4 3 2 1]" {
		t.Errorf("%v", ids)
	}
	var open struct{ Data []order }
	a.getJSON("/v1/orders?status=open", &open, bearer("alice-token")...)
	if len(open.Data) != 7 {
		t.Errorf("%d open", len(open.Data))
	}
}

// TestUnansweredOrder: 202 with the id to ask for, and there it is later.
func TestUnansweredOrder(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	e.Set(func(e *apitest.Engine) { e.Mute = true })
	code, o := a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}`)
	if code != 202 || o.ClientOrderID == "" {
		t.Fatalf("%d %+v", code, o)
	}
	var found order
	a.getJSON("/v1/orders/by-client-id/"+o.ClientOrderID, &found, bearer("alice-token")...)
	if found.Status != "open" {
		t.Errorf("%+v", found)
	}
}

// TestTwoGateways: two replicas at once, each with its own packs; no order is
// lost or doubled and every answer reaches its caller.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	b := &app{t: t, db: a.db, nats: a.nats, redis: a.redis, rdb: a.rdb, env: a.env}
	b.start()
	b.ready()
	const each = 150
	var wg sync.WaitGroup
	ids := make(chan uint64, 4*each)
	for i, to := range []*app{a, a, b, b} {
		wg.Go(func() {
			for n := range each {
				cid := fmt.Sprintf("g%d-%d", i, n)
				code, o := to.place("alice-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_order_id":%q}`, cid))
				if code != 200 || o.ClientOrderID != cid {
					t.Errorf("%d %+v, want %s", code, o, cid)
				}
				ids <- o.ID
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[uint64]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != 4*each {
		t.Errorf("%d orders for %d requests", len(seen), 4*each)
	}
	var d depth
	b.eventually("level", func() bool {
		b.getJSON("/v1/markets/WINE18-USD/depth", &d)
		return len(d.Bids) == 1 && d.Bids[0] == [2]string{"1.00", fmt.Sprint(2 * 4 * each)}
	})
}

func TestVenueSockets(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"1.00","quantity":"10"}`)
	a.getJSON("/v1/orders/1", &order{}, bearer("alice-token")...) // applied
	s := a.dial("/v1/ws")
	s.send(`{"op":"auth","token":"alice-token"}`)
	if f := s.want("authenticated"); f.Account != 1 || f.Role != "trader" {
		t.Fatalf("%+v", f)
	}
	s.send(`{"op":"subscribe","id":"d","channel":"depth","symbol":"WINE18-USD"}`)
	s.want("subscribed")
	snap := s.want("snapshot")
	var rest, live depth
	a.getJSON("/v1/markets/WINE18-USD/depth", &rest)
	if err := json.Unmarshal(snap.Data, &live); err != nil || !reflect.DeepEqual(rest, live) || snap.Seq != live.Seq {
		t.Errorf("REST %+v, WebSocket %+v", rest, live)
	}
	s.send(`{"op":"subscribe","id":"t","channel":"trades","symbol":"WINE18-USD"}`)
	s.want("subscribed")
	s.send(`{"op":"subscribe","id":"o","channel":"orders"}`)
	s.want("subscribed")
	e.Set(func(e *apitest.Engine) { e.Parts = 2 })
	a.place("bob-token", `{"symbol":"WINE18-USD","side":"sell","price":"1.00","quantity":"4"}`)
	got := map[string]frame{}
	for range 3 {
		f := s.want("event")
		got[f.Channel] = f
	}
	var o order
	if err := json.Unmarshal(got["orders"].Data, &o); err != nil || o.Status != "partially_filled" || o.Filled != "4" || len(o.Fills) != 1 || o.ID != 1 {
		t.Errorf("%+v", o)
	}
	if !strings.Contains(string(got["depth"].Data), `"bids":[["1.00","6"]]`) || !strings.Contains(string(got["trades"].Data), `"quantity":"4"`) {
		t.Errorf("%v", got)
	}
	// Depth carries absolute quantities; gone is 0.
	a.do("DELETE", "/v1/orders/1", "", bearer("alice-token")...)
	for range 2 {
		f := s.want("event")
		got[f.Channel] = f
	}
	if !strings.Contains(string(got["depth"].Data), `"bids":[["1.00","0"]]`) || !strings.Contains(string(got["orders"].Data), `"canceled"`) {
		t.Errorf("%v", got)
	}
}

// TestOrdersReplay: from any seq the frames of an account's orders are what
// they were live.
func TestOrdersReplay(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	e.Set(func(e *apitest.Engine) { e.Parts = 3 })
	live := a.dial("/v1/ws", bearer("alice-token")...)
	live.send(`{"op":"subscribe","id":1,"channel":"orders"}`)
	hello := live.want("subscribed")
	tape := a.dial("/v1/ws")
	tape.send(`{"op":"subscribe","id":1,"channel":"trades","symbol":"WINE18-USD"}`)
	tape.want("subscribed")
	wantOrders, wantTrades := 0, 0
	for i := range 12 {
		price := i%3 + 1
		a.place("alice-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"%d","quantity":"6"}`, price))
		a.place("bob-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"sell","price":"%d","quantity":"4"}`, price))
		wantOrders += 2
		wantTrades++
		if i%4 == 3 {
			a.do("DELETE", fmt.Sprintf("/v1/orders/%d", 2*i+1), "", bearer("alice-token")...)
		}
	}
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"0.01","quantity":"2"}`)
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"9","quantity":"2","client_order_id":"end"}`)
	read := func(s *sock, end string) (out []frame) {
		for {
			f := s.want("event")
			out = append(out, f)
			if strings.Contains(string(f.Data), end) {
				return out
			}
		}
	}
	all := read(live, `"client_order_id":"end"`)
	// A new process holds none of this in memory: the journal has to tell it.
	b := &app{t: t, db: a.db, nats: a.nats, redis: a.redis, rdb: a.rdb, env: a.env}
	b.start()
	b.ready()
	for _, from := range []int{-1, 0, 1, 5, len(all) / 2, len(all) - 2} {
		since, rest := hello.Seq, all
		if from >= 0 {
			since, rest = all[from].Seq, all[from+1:]
		}
		s := b.dial("/v1/ws", bearer("alice-token")...)
		s.send(fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"orders","since":%d,"epoch":%q}`, since, hello.Epoch))
		s.want("subscribed")
		again := read(s, `"client_order_id":"end"`)
		if fmt.Sprint(again) != fmt.Sprint(rest) {
			t.Errorf("from %d:\n%v\nlive:\n%v", from, again, rest)
		}
	}
	var trades []frame
	for range wantTrades {
		trades = append(trades, tape.want("event"))
	}
	s := b.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"trades","symbol":"WINE18-USD","since":0}`)
	s.want("subscribed")
	for i := range trades {
		if f := s.want("event"); f.String() != trades[i].String() {
			t.Errorf("trade %d: %v, live %v", i, f, trades[i])
		}
	}
}

// TestNATSAway: while the bus is away orders are refused for sure, and reads
// go on.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"1.00","quantity":"10"}`)
	a.nats.Stop()
	type result struct {
		code int
		o    order
	}
	first := make(chan result, 2)
	for i := range 2 {
		go func() {
			code, o := a.place("alice-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"2.00","quantity":"2","client_order_id":"away-%d"}`, i))
			first <- result{code, o}
		}()
	}
	var d depth
	a.getJSON("/v1/markets/WINE18-USD/depth", &d)
	if len(d.Bids) != 1 {
		t.Errorf("%+v", d)
	}
	unknown := 0
	for range 2 {
		switch r := <-first; r.code {
		case 202:
			unknown++ // it left, perhaps
		case 503:
		default:
			t.Errorf("%d %+v", r.code, r.o)
		}
	}
	if unknown == 0 {
		t.Log("neither order was on its way")
	}
	a.nats.Restart(t)
	a.eventually("takes orders again", func() bool {
		code, _ := a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"3.00","quantity":"2","client_order_id":"back"}`)
		return code == 200
	})
	_ = e
	var l struct{ Data []order }
	a.getJSON("/v1/orders", &l, bearer("alice-token")...)
	seen := map[string]int{}
	for _, o := range l.Data {
		seen[o.ClientOrderID]++
	}
	for cid, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", cid, n)
		}
	}
}
