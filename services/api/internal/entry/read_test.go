package entry

import (
	"encoding/json"
	"strings"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
)

// reader knows one market: prices in steps of 0.05, quantities in steps of 2.
func reader() *Reader {
	st := market.New()
	st.PutAsset(1, "USD", 2)
	st.PutAsset(2, "WINE", 0)
	st.PutMarket(market.Market{ID: 1, Symbol: "W-U", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2})
	dir := st.Directory()
	return &Reader{Dir: dir, IDs: NewIDs("g"), Find: func(n command.Name) (*market.Market, bool) {
		if n.ID == 404 {
			return nil, false
		}
		return dir.Market("W-U"), true
	}}
}

// TestPlace reads every field of every type.
func TestPlace(t *testing.T) {
	t.Parallel()
	const limit, stop = ordersv1.OrderType_ORDER_TYPE_LIMIT, ordersv1.OrderType_ORDER_TYPE_STOP
	for _, c := range []struct {
		body string
		want command.Order
	}{
		{`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_order_id":"a b"}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 1, Price: 30, Quantity: 2, ClientID: []byte("a b")}},
		{` { "symbol" : "W-U" , "side":"SELL","type":"LIMIT","time_in_force":"ioc","price":1.5,"quantity":4,"client_ref":9,"min_quantity":"2","self_trade_prevention":"decrement","quote_quantity":null } `,
			command.Order{Side: 2, Type: limit, TimeInForce: 2, Price: 30, Quantity: 2, Ref: 9, MinLots: 1, SelfTrade: 5}},
		{`{"symbol":"W-U","side":"buy","price":"1","quantity":"6","post_only":true,"display_quantity":"2","time_in_force":"GTD","expires_at":"2026-01-31T12:00:00.5Z","client_ref":"1"}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 4, Price: 20, Quantity: 3, PostOnly: true, Display: 1, ExpiresMS: 1769860800500, Ref: 1}},
		{`{"symbol":"W-U","side":"buy","type":"market","quote_quantity":"12.34","client_ref":1}`,
			command.Order{Side: 1, Type: 2, TimeInForce: 2, Budget: 1234, Ref: 1}},
		{`{"symbol":"W-U","side":"sell","type":"market","quantity":"2","protection_price":"0.10","time_in_force":"fok","client_ref":1}`,
			command.Order{Side: 2, Type: 2, TimeInForce: 3, Quantity: 1, Protection: 2, Ref: 1}},
		{`{"symbol":"W-U","side":"sell","type":"stop","quantity":"2","trigger_price":"0.10","client_ref":1}`,
			command.Order{Side: 2, Type: stop, TimeInForce: 2, Quantity: 1, Trigger: 2, Ref: 1}},
		{`{"symbol":"W-U","side":"sell","type":"take_profit_limit","price":"1","quantity":"2","trigger_price":"0.10","time_in_force":"day","client_ref":1}`,
			command.Order{Side: 2, Type: 6, TimeInForce: 5, Price: 20, Quantity: 1, Trigger: 2, Ref: 1}},
		{`{"symbol":"W-U","side":"sell","type":"trailing_stop","quantity":"2","trail":"0.10","client_ref":1}`,
			command.Order{Side: 2, Type: 7, TimeInForce: 2, Quantity: 1, Trail: 2, Ref: 1}},
		{`{"symbol":"W-U","side":"buy","price":"1.51","quantity":"4","client_ref":1}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 1, Quantity: 2, Ref: 1, Malformed: ordersv1.RejectReason_REJECT_REASON_BAD_TICK}},
		{`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"3","client_ref":1}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 1, Price: 30, Ref: 1, Malformed: ordersv1.RejectReason_REJECT_REASON_BAD_LOT}},
		{`{"symbol":"W-U","side":"buy","price":"1` + strings.Repeat("0", 30) + `","quantity":"2","client_ref":1}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 1, Quantity: 1, Ref: 1, Malformed: ordersv1.RejectReason_REJECT_REASON_OVERFLOW}},
		{`{"symbol":"W\u002dU","side":"buy","price":"1","quantity":"2","client_order_id":"\"\\"}`,
			command.Order{Side: 1, Type: limit, TimeInForce: 1, Price: 20, Quantity: 1, ClientID: []byte(`"\`)}},
	} {
		r, got := reader(), command.Command{}
		if err := r.Place([]byte(c.body), &got); err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if got.First.Market == nil || string(got.First.ClientID) != string(c.want.ClientID) {
			t.Errorf("%s: %+v", c.body, got.First)
		}
		o := got.First
		o.Market, o.ClientID, c.want.ClientID = nil, nil, nil
		if want, is := asText(t, c.want), asText(t, o); want != is {
			t.Errorf("%s:\n%s\nwant\n%s", c.body, is, want)
		}
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRefused: what is wrong is named, and what would be right is said.
func TestRefused(t *testing.T) {
	t.Parallel()
	const head = `{"symbol":"W-U","side":"buy",`
	for body, want := range map[string]string{
		``: "bad_body", `[]`: "bad_body", `{`: "bad_body", `{}x`: "bad_body", `{"symbol":"W-U",}`: "bad_body", `{"symbol":}`: "bad_body", `{"symbol" "W-U"}`: "bad_body", "{\"symbol\":\"a\nb\"}": "bad_body",
		`{"symbol":"W-U","price":01}`:          "bad_body",
		`{}`:                                   "symbol",
		`{"symbol":["W-U"]}`:                   "symbol",
		head + `"account":1}`:                  "account",
		head + `"side":"buy"}`:                 "side",
		`{"symbol":"W-U","side":"up"}`:         "side",
		head + `"type":"best"}`:                "type",
		head + `"type":"limit"}`:               "price",
		head + `"price":"1"}`:                  "quantity",
		head + `"price":"1e3","quantity":"2"}`: "price", head + `"price":1e3,"quantity":"2"}`: "price", head + `"price":"","quantity":"2"}`: "price",
		head + `"price":"1","quantity":"2","quote_quantity":"5"}`:                                "quote_quantity",
		head + `"type":"market","quantity":"2","quote_quantity":"5"}`:                            "quote_quantity",
		`{"symbol":"W-U","side":"sell","type":"market","quote_quantity":"5"}`:                    "quote_quantity",
		head + `"type":"market","price":"1","quantity":"2"}`:                                     "price",
		head + `"type":"market","quantity":"2","time_in_force":"GTC"}`:                           "time_in_force",
		head + `"price":"1","quantity":"2","time_in_force":"never"}`:                             "time_in_force",
		head + `"type":"stop","quantity":"2"}`:                                                   "trigger_price",
		head + `"type":"trailing_stop","quantity":"2"}`:                                          "trail",
		head + `"price":"1","quantity":"2","trigger_price":"1"}`:                                 "trigger_price",
		head + `"price":"1","quantity":"2","post_only":"yes"}`:                                   "post_only",
		head + `"price":"1","quantity":"2","self_trade_prevention":"maybe"}`:                     "self_trade_prevention",
		head + `"price":"1","quantity":"2","time_in_force":"GTD"}`:                               "expires_at",
		head + `"price":"1","quantity":"2","expires_at":"2026-01-31T12:00:00Z"}`:                 "expires_at",
		head + `"price":"1","quantity":"2","time_in_force":"GTD","expires_at":"tomorrow"}`:       "expires_at",
		head + `"price":"1","quantity":"2","client_order_id":""}`:                                "client_order_id",
		head + `"price":"1","quantity":"2","client_order_id":"é"}`:                               "client_order_id",
		head + `"price":"1","quantity":"2","client_order_id":"` + strings.Repeat("x", 65) + `"}`: "client_order_id",
		head + `"price":"1","quantity":"2","client_order_id":"a","client_ref":1}`:                "client_ref",
		head + `"price":"1","quantity":"2","client_ref":0}`:                                      "client_ref",
		head + `"price":"1","quantity":"2","client_ref":1.5}`:                                    "client_ref",
		`{"symbol":"NOPE","side":"buy","price":"1","quantity":"2"}`:                              "unknown_market",
	} {
		var c command.Command
		p, ok := problem.Of(reader().Place([]byte(body), &c))
		if !ok || (p.Parameter != want && p.Code != want) || len(p.Detail) < 5 {
			t.Errorf("%s: %+v, want %s", body, p, want)
		}
	}
}

// TestOthers reads the commands that are no new orders.
func TestOthers(t *testing.T) {
	t.Parallel()
	var m Many
	r := reader()
	body := `[{"op":"place","symbol":"W-U","side":"buy","price":"1","quantity":"2","client_order_id":"a"},{"op":"cancel","id":7},{"op":"amend","client_ref":3,"price":"2","quantity":"4"},
		{"op":"cancel","id":7,"client_ref":2},{"op":"amend","id":7},{"op":"amend","id":404,"price":"1"},{"op":"amend","id":7,"price":"0"},{"op":"fly"},
		{"op":"replace","id":7,"order":{"symbol":"W-U","side":"buy","price":"1","quantity":"2"}},
		{"op":"pair","first":{"symbol":"W-U","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"W-U","side":"sell","type":"stop","trigger_price":"1","quantity":"2"}},
		{"op":"pair","first":{"symbol":"W-U","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"W-U","side":"buy","price":"1","quantity":"2"}}]`
	if err := m.Read(r, []byte(body), "", 1, "req"); err != nil {
		t.Fatal(err)
	}
	if m.Sent() != 5 || !m.New() {
		t.Fatalf("%d sent: %v", m.Sent(), m.errors)
	}
	out := make([]command.Outcome, 5)
	out[0] = command.Outcome{OrderID: 1, Status: 1, Remaining: 1}
	out[1] = command.Outcome{Reject: ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER}
	out[2] = command.Outcome{OrderID: 3, Status: 2, Filled: 1, Remaining: 1}
	out[3] = command.Outcome{OrderID: 4, Reject: ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY}
	out[4] = command.Outcome{OrderID: 5, SecondID: 6, Status: 1, Remaining: 1}
	var got []map[string]any
	text := m.Append(nil, out)
	if err := json.Unmarshal(text, &got); err != nil || len(got) != 11 {
		t.Fatalf("%v in %s", err, text)
	}
	for i, want := range []string{`"client_order_id":"a","filled":"0","id":1,"remaining":"2","status":"open"`, `"code":"unknown_order"`, `"client_ref":3,"filled":"2","id":3,"remaining":"2","status":"partially_filled"`,
		`"parameter":"id"`, `"parameter":"quantity"`, `"code":"unknown_order"`, `"parameter":"price"`, `"parameter":"op"`, `"code":"bad_quantity"`, `"second_id":6`, `"parameter":"second.side"`} {
		if is := asText(t, got[i]); !strings.Contains(is, want) {
			t.Errorf("%d: %s, want %s", i, is, want)
		}
	}
	for _, bad := range []string{`[]`, `{}`, `[1]`, `[{}`, `[{},]`, `[{}]x`, `[` + strings.Repeat(`{},`, MaxBatch) + `{}]`} {
		if err := m.Read(r, []byte(bad), "", 1, ""); err == nil {
			t.Errorf("%.40s is taken", bad)
		}
	}
	var c command.Command
	if err := r.CancelAll([]byte(`{"symbol":"W-U","side":"sell"}`), &c); err != nil || c.Market == nil || c.Side != 2 {
		t.Errorf("%+v %v", c, err)
	}
	if err := r.CancelAll([]byte(`{}`), &c); err != nil || c.Market != nil || c.Side != 0 {
		t.Errorf("%+v %v", c, err)
	}
	if err := r.CancelAll([]byte(`{"symbol":"NOPE"}`), &c); err == nil {
		t.Error("cancels in a market that does not exist")
	}
	if err := r.KeepAlive([]byte(`{"timeout_ms":5000}`), &c); err != nil || c.TimeoutMS != 5000 {
		t.Errorf("%+v %v", c, err)
	}
	if err := r.KeepAlive([]byte(`{}`), &c); err == nil {
		t.Error("a keep-alive without a timeout is taken")
	}
}

// FuzzPlace: whatever comes, it is taken or refused with a reason, and what is
// taken is JSON by encoding/json too.
func FuzzPlace(f *testing.F) {
	f.Add(`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_order_id":"a"}`)
	f.Add(`{"symbol":"W-U","side":"buy","type":"stop","trigger_price":1,"quantity":"4","post_only":false,"trail":null}`)
	f.Add(`{"op":[{"a":[]},"\u0000"]}`)
	r := reader()
	f.Fuzz(func(t *testing.T, body string) {
		var c command.Command
		err := r.Place([]byte(body), &c)
		if err == nil && !json.Valid([]byte(body)) {
			t.Fatalf("%q is no JSON", body)
		}
		if _, ok := problem.Of(err); err != nil && !ok {
			t.Fatalf("%q: %v", body, err)
		}
		if _, ok := ReadHead([]byte(body)); ok && !json.Valid([]byte(body)) {
			t.Fatalf("%q is no JSON", body)
		}
		var m Many
		_ = m.Read(r, []byte("["+body+"]"), "", 1, "")
		if out := m.Append(nil, make([]command.Outcome, m.Sent())); !json.Valid(out) {
			t.Fatalf("%q gives %q", body, out)
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	body := []byte(`{"symbol":"W-U","side":"buy","type":"limit","time_in_force":"GTC","price":"12.50","quantity":"10","client_ref":123456}`)
	r := reader()
	var c command.Command
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Place(body, &c); err != nil {
			b.Fatal(err)
		}
		out = c.Append(out[:0], 7, "")
	}
}
