package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/api/internal/apitest"
)

// TestOrderKinds places, amends, replaces, pairs and cancels over HTTP.
func TestOrderKinds(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	alice := bearer("alice-token")
	do := func(method, path, body string, code int, want ...string) string {
		t.Helper()
		got, text, _ := a.do(method, path, body, alice...)
		if got != code {
			t.Errorf("%s %s: %d %s", method, path, got, text)
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s %s: %s, want %s", method, path, text, w)
			}
		}
		return text
	}
	do("POST", "/v1/orders", `{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"10","client_ref":5,"display_quantity":"4","self_trade_prevention":"cancel_both"}`, 200,
		`"id":1`, `"client_ref":5`, `"display_quantity":"4"`, `"self_trade_prevention":"cancel_both"`, `"remaining":"10"`)
	var d depth
	a.getJSON("/v1/orders/by-client-ref/5", &order{}, alice...)
	if a.getJSON("/v1/markets/WINE18-USD/depth", &d); fmt.Sprint(d.Bids) != "[[1.00 4]]" {
		t.Errorf("the book shows %v of an iceberg", d.Bids)
	}
	do("PATCH", "/v1/orders/1", `{"quantity":"6"}`, 200, `"quantity":"6"`, `"remaining":"6"`, `"price":"1.00"`)
	do("PATCH", "/v1/orders/by-client-ref/5", `{"price":"2"}`, 200, `"price":"2.00"`)
	do("PATCH", "/v1/orders/1", `{"price":"1.01"}`, 422, `"code":"bad_tick"`)
	do("PATCH", "/v1/orders/1", `{}`, 400, `"parameter":"quantity"`)
	do("PATCH", "/v1/orders/99", `{"price":"1"}`, 404, `unknown_order`)
	do("POST", "/v1/orders/1/replace", `{"symbol":"WINE18-USD","side":"buy","price":"3","quantity":"2","client_order_id":"new"}`, 200, `"id":2`, `"price":"3.00"`)
	do("POST", "/v1/orders/1/replace", `{"symbol":"WINE18-USD","side":"buy","price":"3","quantity":"2"}`, 409, `already_done`)
	do("GET", "/v1/orders/1", "", 200, `"status":"canceled"`, `"reason":"replaced"`)
	do("DELETE", "/v1/orders/by-client-id/new", "", 200, `"status":"canceled"`)
	do("POST", "/v1/orders", `{"symbol":"WINE18-USD","side":"sell","type":"stop","trigger_price":"0.50","quantity":"2","client_ref":6}`, 200, `"status":"waiting"`, `"trigger_price":"0.50"`)
	do("GET", "/v1/orders?status=waiting", "", 200, `"id":3`)
	do("POST", "/v1/orders/pair", `{"first":{"symbol":"WINE18-USD","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"WINE18-USD","side":"sell","type":"stop","trigger_price":"1","quantity":"2"}}`, 200,
		`"id":4`, `"id":5`, `"other_leg":4`, `"other_leg":5`)
	do("POST", "/v1/orders/pair", `{"first":{"symbol":"WINE18-USD"}}`, 400, `"parameter":"second"`)
	do("PUT", "/v1/keepalive", `{"timeout_ms":5000}`, 200, `"timeout_ms":5000`)
	do("PUT", "/v1/keepalive", `{}`, 400, `"parameter":"timeout_ms"`)
	text := do("POST", "/v1/orders/batch", `[{"op":"place","symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_ref":7},{"op":"cancel","client_ref":7},{"op":"cancel","id":999},
		{"op":"place","symbol":"WINE18-USD","side":"buy","price":"0.01","quantity":"2","client_ref":8},{"op":"place","symbol":"NOPE","side":"buy","price":"1","quantity":"2"}]`, 200)
	var batch struct{ Data []json.RawMessage }
	if err := json.Unmarshal([]byte(text), &batch); err != nil || len(batch.Data) != 5 {
		t.Fatalf("%v in %s", err, text)
	}
	for i, want := range []string{`"status":"open"`, `"status":"canceled"`, `"code":"unknown_order"`, `"reason":"bad_tick"`, `"code":"unknown_market"`} {
		if !strings.Contains(string(batch.Data[i]), want) {
			t.Errorf("%d: %s, want %s", i, batch.Data[i], want)
		}
	}
	do("POST", "/v1/orders/batch", `[`+strings.Repeat(`{"op":"cancel","id":1},`, 100)+`{"op":"cancel","id":1}]`, 413, "too_many")
	do("DELETE", "/v1/orders?side=buy", "", 200, `{"canceled":0}`)
	do("DELETE", "/v1/orders?symbol=WINE18-USD", "", 200, `{"canceled":3}`)
	do("DELETE", "/v1/orders?symbol=NOPE", "", 422, "unknown_market")
	// The replay of an amended order is what was told live.
	e.Flush(t)
	if code, body := a.get("/v1/orders/1", bearer("bob-token")...); code != 404 {
		t.Errorf("%d %s", code, body)
	}
}

// TestAmendReplay: orders that were amended and triggered are told from any seq
// as they were told live.
func TestAmendReplay(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	live := a.dial("/v1/ws", bearer("alice-token")...)
	live.send(`{"op":"subscribe","id":1,"channel":"orders"}`)
	hello := live.want("subscribed")
	for i, body := range []string{`{"price":"1","quantity":"10"}`, `{"price":"2","quantity":"20"}`} {
		a.place("alice-token", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","client_ref":%d,%s`, i+1, body[1:]))
	}
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"sell","type":"stop","trigger_price":"0.50","quantity":"2","client_ref":3}`)
	a.place("bob-token", `{"symbol":"WINE18-USD","side":"sell","price":"1","quantity":"4"}`)
	for _, body := range []string{`{"quantity":"8"}`, `{"price":"3"}`, `{"price":"2.50","quantity":"12"}`} {
		if code, text, _ := a.do("PATCH", "/v1/orders/1", body, bearer("alice-token")...); code != 200 {
			t.Fatalf("%d %s", code, text)
		}
	}
	e.Emit(t, &tradesv1.Event{Kind: &tradesv1.Event_OrderTriggered{OrderTriggered: &tradesv1.OrderTriggered{OrderId: 3, AtMs: 1700000000123, LastTicks: 9}}})
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"9","quantity":"2","client_order_id":"end"}`)
	read := func(s *sock) (out []frame) {
		for {
			f := s.want("event")
			if out = append(out, f); strings.Contains(string(f.Data), `"client_order_id":"end"`) {
				return out
			}
		}
	}
	all := read(live)
	b := &app{t: t, db: a.db, nats: a.nats, redis: a.redis, rdb: a.rdb, env: a.env}
	b.start()
	b.ready()
	for from := -1; from < len(all)-1; from++ {
		since, rest := hello.Seq, all
		if from >= 0 {
			since, rest = all[from].Seq, all[from+1:]
		}
		s := b.dial("/v1/ws", bearer("alice-token")...)
		s.send(fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"orders","since":%d,"epoch":%q}`, since, hello.Epoch))
		s.want("subscribed")
		if again := read(s); fmt.Sprint(again) != fmt.Sprint(rest) {
			t.Errorf("from %d:\n%v\nlive:\n%v", from, again, rest)
		}
	}
}

// TestSocketOrders: requests are pipelined and answered in order, each with
// what became of it.
func TestSocketOrders(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	s := a.dial("/v1/ws")
	s.send(`{"op":"order.place","id":1,"data":{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}}`)
	if f := s.want("error"); f.Code != "unauthorized" || string(f.ID) != "1" {
		t.Errorf("%+v", f)
	}
	s.send(`{"op":"auth","token":"reader-token"}`)
	s.want("authenticated")
	s.send(`{"op":"order.cancel_all","id":1}`)
	if f := s.want("error"); f.Code != "forbidden" {
		t.Errorf("%+v", f)
	}
	s.send(`{"op":"auth","token":"alice-token"}`)
	s.want("authenticated")
	const n = 30
	for i := range n {
		s.send(fmt.Sprintf(`{"op":"order.place","id":"p%d","data":[{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_ref":%d},{"symbol":"WINE18-USD","side":"up"}]}`, i, i+1))
	}
	s.send(`{"op":"order.amend","id":"a","data":{"id":1,"quantity":"4"}}`)
	early := 0 // placed and amended at once: amended, or too early to know the order's units
	for i := range n {
		f := s.want("result")
		if string(f.ID) == `"a"` && strings.Contains(string(f.Data), "unknown_order") {
			early++
			f = s.want("result")
		}
		if want := fmt.Sprintf(`"p%d"`, i); string(f.ID) != want || !strings.Contains(string(f.Data), fmt.Sprintf(`{"id":%d,"client_ref":%d,"status":"open","filled":"0","remaining":"2"}`, i+1, i+1)) ||
			!strings.Contains(string(f.Data), `"parameter":"side"`) {
			t.Fatalf("%d: %v %s", i, string(f.ID), f.Data)
		}
	}
	if early == 0 {
		if f := s.want("result"); !strings.Contains(string(f.Data), `"remaining":"4"`) && !strings.Contains(string(f.Data), "unknown_order") {
			t.Errorf("%+v", f)
		}
	}
	for _, c := range []struct{ send, want string }{
		{`{"op":"order.amend","id":1,"data":{"id":2,"price":"2"}}`, `"remaining":"2"`},
		{`{"op":"order.replace","id":1,"data":{"id":2,"order":{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"6"}}}`, `"remaining":"6"`},
		{`{"op":"order.pair","id":1,"data":{"first":{"symbol":"WINE18-USD","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"WINE18-USD","side":"sell","type":"stop","trigger_price":"1","quantity":"2"}}}`, `"second_id":`},
		{`{"op":"order.cancel","id":1,"data":[{"id":3},{"client_ref":4},{"id":3}]}`, `[{"id":3,"status":"canceled","filled":"0","remaining":"0","reason":"requested"},{"id":4,"client_ref":4,`},
		{`{"op":"order.batch","id":1,"data":[{"op":"cancel","id":5},{"op":"fly"}]}`, `"parameter":"op"`},
		{`{"op":"keep_alive","id":1,"data":{"timeout_ms":1000}}`, `"timeout_ms":1000`},
		{`{"op":"order.cancel_all","id":1,"data":{"side":"buy"}}`, `"canceled":27`},
		{`{"op":"order.cancel_all","id":1}`, `"canceled":2`},
	} {
		s.send(c.send)
		if f := s.want("result"); string(f.ID) != "1" || !strings.Contains(string(f.Data), c.want) {
			t.Errorf("%s: %s, want %s", c.send, f.Data, c.want)
		}
	}
	for _, c := range []struct{ send, code string }{
		{`{"op":"order.place","data":{}}`, "bad_parameter"}, {`{"op":"order.place","id":1}`, "bad_parameter"}, {`{"op":"order.place","id":1,"data":[]}`, "bad_body"},
		{`{"op":"order.place","id":1,"data":{},"x":1}`, "bad_message"}, {`{"op":"order.fly","id":1,"data":{}}`, "bad_parameter"}, {`{"op":"order.place","id":1,"data":"x"}`, "bad_message"},
	} {
		s.send(c.send)
		if f := s.want("error"); f.Code != c.code {
			t.Errorf("%s: %+v, want %s", c.send, f, c.code)
		}
	}
}

// TestTooManyOrders: a client that sends more than it may is told so at once,
// over HTTP and on a socket, and is served when it waited.
func TestTooManyOrders(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_ORDERS_PER_SECOND"], a.env["FONDACO_WS_ORDERS_PER_SECOND"] = "10", "20"
	startEngine(t, a)
	a.start()
	a.ready()
	limited := 0
	for i := range 150 {
		code, body, h := a.do("POST", "/v1/orders", fmt.Sprintf(`{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2","client_ref":%d}`, i+1), bearer("alice-token")...)
		switch {
		case code == 429 && strings.Contains(body, `"rate_limited"`) && strings.Contains(body, `"retry_after_ms":`) && h.Get("Retry-After") != "":
			limited++
		case code != 200:
			t.Fatalf("%d %s", code, body)
		}
	}
	if limited == 0 {
		t.Error("150 orders passed a limit of 10 a second")
	}
	if code, body, _ := a.do("DELETE", "/v1/orders/1", "", bearer("alice-token")...); code != 200 {
		t.Errorf("a limited account cannot cancel: %d %s", code, body)
	}
	s := a.dial("/v1/ws", bearer("bob-token")...)
	order := `{"symbol":"WINE18-USD","side":"sell","price":"9","quantity":"2"}`
	many := `{"op":"order.place","id":1,"data":[` + strings.Repeat(order+",", 39) + order + `]}`
	s.send(many)
	s.want("result")
	s.send(many)
	f := s.want("error")
	if f.Code != "rate_limited" || f.RetryAfterMS < 1 || f.RetryAfterMS > 4001 {
		t.Fatalf("%+v", f)
	}
	time.Sleep(time.Duration(f.RetryAfterMS+20) * time.Millisecond) // the client does as it is told
	s.send(many)
	s.want("result")
}

// TestMarketData: the channels and routes of a market agree.
func TestMarketData(t *testing.T) {
	t.Parallel()
	a, e := venueApp(t)
	a.db.Account(t, 9, 5, "admin-token")
	var tick map[string]any
	if a.getJSON("/v1/markets/WINE18-USD/ticker", &tick); tick["last"] != nil || tick["open"] != nil || tick["change"] != nil || tick["high"] != nil || tick["bid"] != nil || tick["volume"] != "0" {
		t.Errorf("without a trade: %v", tick)
	}
	var q map[string]any
	if a.getJSON("/v1/markets/WINE18-USD/quote?side=buy&quantity=2", &q); q["status"] != "insufficient_liquidity" || q["total"] != nil || q["average"] != nil || q["filled"] != "0" {
		t.Errorf("%v", q)
	}
	s := a.dial("/v1/ws", bearer("admin-token")...)
	for i, sub := range []string{`"bbo"`, `"ticker"`, `"candles","filter":{"interval":"1m"}`, `"markets"`, `"queue"`} {
		s.send(fmt.Sprintf(`{"op":"subscribe","id":%d,"symbol":"WINE18-USD","channel":%s}`, i, sub))
		s.want("subscribed")
		s.want("snapshot")
	}
	s.send(`{"op":"subscribe","id":9,"symbol":"WINE18-USD","channel":"candles"}`)
	if f := s.want("error"); f.Parameter != "interval" {
		t.Errorf("%+v", f)
	}
	public := a.dial("/v1/ws", bearer("alice-token")...)
	public.send(`{"op":"subscribe","id":1,"symbol":"WINE18-USD","channel":"queue"}`)
	if f := public.want("error"); f.Code != "forbidden" {
		t.Errorf("%+v", f)
	}
	a.place("alice-token", `{"symbol":"WINE18-USD","side":"buy","price":"1.00","quantity":"10","client_ref":1}`)
	got := map[string]string{}
	collect := func(n int) {
		t.Helper()
		for range n {
			f := s.want("event")
			got[f.Channel] = string(f.Data)
		}
	}
	collect(2)
	if !strings.Contains(got["bbo"], `"bid":["1.00","10"],"ask":null`) || !strings.Contains(got["queue"], `"remaining":"10","visible":"10"`) {
		t.Errorf("%v", got)
	}
	a.place("bob-token", `{"symbol":"WINE18-USD","side":"sell","price":"1.00","quantity":"4","client_ref":1}`)
	collect(4)
	if !strings.Contains(got["ticker"], `"last":"1.00"`) || !strings.Contains(got["ticker"], `"change":"0.00"`) || !strings.Contains(got["candles"], `"interval":"1m"`) || !strings.Contains(got["candles"], `"volume":"4"`) ||
		!strings.Contains(got["bbo"], `"bid":["1.00","6"]`) {
		t.Errorf("%v", got)
	}
	var candles struct{ Data []map[string]any }
	if a.getJSON("/v1/markets/WINE18-USD/candles?interval=1h&limit=5", &candles); len(candles.Data) != 1 || candles.Data[0]["close"] != "1.00" || candles.Data[0]["quote_volume"] != "4.00" {
		t.Errorf("%v", candles)
	}
	if a.getJSON("/v1/markets/WINE18-USD/quote?side=sell&quantity=4", &q); q["status"] != "ok" || q["total"] != "4.00" || q["average"] != "1.00" || q["worst"] != "1.00" {
		t.Errorf("%v", q)
	}
	e.Emit(t, &tradesv1.Event{Kind: &tradesv1.Event_PhaseChanged{PhaseChanged: &tradesv1.PhaseChanged{Market: 1, Phase: ordersv1.Phase_PHASE_AUCTION, EndsAtMs: 1700000005000}}},
		&tradesv1.Event{Kind: &tradesv1.Event_Auctioned{Auctioned: &tradesv1.Auctioned{Market: 1, PriceTicks: 20, VolumeLots: 3, InputDigest: []byte{1}, BeganMs: 1, AtMs: 5}}})
	collect(1)
	if !strings.Contains(got["markets"], `"phase":"auction"`) {
		t.Errorf("%v", got["markets"])
	}
	var auctions struct{ Data []map[string]any }
	if a.getJSON("/v1/markets/WINE18-USD/auctions", &auctions); len(auctions.Data) != 1 || auctions.Data[0]["price"] != "1.00" || auctions.Data[0]["duration_ms"] != 4.0 || auctions.Data[0]["reference"] != nil {
		t.Errorf("%v", auctions)
	}
	var in map[string]any
	if a.getJSON("/v1/markets/WINE18-USD/auctions/indicative", &in); in["price"] != nil || in["reference"] != "1.00" {
		t.Errorf("%v", in)
	}
	// A replica that starts now knows the same from Postgres.
	b := &app{t: t, db: a.db, nats: a.nats, redis: a.redis, rdb: a.rdb, env: a.env}
	b.start()
	b.ready()
	for _, path := range []string{"/v1/tickers", "/v1/markets", "/v1/markets/WINE18-USD/candles?interval=1s", "/v1/markets/WINE18-USD/depth", "/v1/markets/WINE18-USD/bbo"} {
		_, one := a.get(path)
		if _, two := b.get(path); one != two {
			t.Errorf("%s: %s\nand\n%s", path, one, two)
		}
	}
}

// startEngine is the test engine with its market and accounts, before the api
// starts.
func startEngine(t testing.TB, a *app) {
	t.Helper()
	run(t, a, apitest.NewEngine(t, a.db, a.nats.Bus(t), "main"))
}
