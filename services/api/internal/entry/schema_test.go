package entry_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"fondaco.dev/services/api/internal/apitest"
	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/problem"
)

// Order entry reads bodies by hand, since it is the hot path. These tests hold
// what it takes and refuses to the schemas of openapi.yaml. Three things are
// the reader's alone, which a schema cannot say: a member that comes twice, how
// a number is written (JSON Schema takes 1e2 for a whole number), and limits
// that go by other members' size.

// reader knows one market.
func reader() *entry.Reader {
	st := market.New()
	st.PutAsset(1, "USD", 2)
	st.PutAsset(2, "WINE", 0)
	st.PutMarket(market.Market{ID: 1, Symbol: "W-U", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2})
	dir := st.Directory()
	return &entry.Reader{Dir: dir, IDs: entry.NewIDs("g"), Find: func(command.Name) (*market.Market, bool) { return dir.Market("W-U"), true }}
}

// readers are the bodies of the routes, and the elements of a batch.
var readers = map[string]func(*entry.Reader, []byte, *command.Command) error{
	"NewOrder": (*entry.Reader).Place,
	"NewPair":  (*entry.Reader).Pair,
	"NewTerms": func(r *entry.Reader, raw []byte, c *command.Command) error {
		return r.Amend(raw, &command.Name{ID: 1}, c)
	},
	"KeepAlive":    (*entry.Reader).KeepAlive,
	"BatchElement": (*entry.Reader).Element,
}

// agree compares the two verdicts on one body.
func agree(t *testing.T, schema string, body string) {
	t.Helper()
	s, err := apitest.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var c command.Command
	got := readers[schema](reader(), []byte(body), &c)
	if p, ok := problem.Of(got); ok && p.Status != 400 {
		got = nil // the form is right; the book or the market says no
	} else if got != nil && !ok {
		t.Fatalf("%s: %v", body, got)
	}
	want := apitest.Valid(s.Doc.Components.Schemas[schema].Value, []byte(body))
	if (got == nil) != (want == nil) {
		t.Errorf("%s %s:\nthe reader says %v\nthe schema says %v", schema, body, got, want)
	}
}

// Values that the members of an order are tried with; the first are right.
var palette = map[string][]string{
	"symbol":                {`"W-U"`, `""`, `null`, `[]`, `true`, `5`},
	"side":                  {`"buy"`, `"SELL"`, `"Sell"`, `"up"`, `null`, `1`},
	"type":                  {`"limit"`, `"market"`, `"stop"`, `"stop_limit"`, `"take_profit"`, `"take_profit_limit"`, `"trailing_stop"`, `"LIMIT"`, `"Market"`, `null`, `"best"`, `3`, `""`},
	"time_in_force":         {`"GTC"`, `"ioc"`, `"FOK"`, `"gtd"`, `"Day"`, `null`, `"never"`, `""`, `7`},
	"price":                 {`"1.50"`, `2`, `"1"`, `null`, `""`, `"1e3"`, `"1."`, `".5"`, `"-1"`, `[]`, `false`, `"1.51"`},
	"quantity":              {`"4"`, `6`, `null`, `"x"`, `{}`, `"3"`},
	"quote_quantity":        {`"12.34"`, `5`, `null`, `"a"`, `true`},
	"quote_budget":          {`"12.34"`, `null`, `"1,5"`},
	"client_order_id":       {`"a b"`, `12`, `null`, `""`, `"é"`, `"` + strings.Repeat("x", 64) + `"`, `"` + strings.Repeat("x", 65) + `"`, `true`, `"\u0001"`},
	"client_ref":            {`5`, `"7"`, `null`, `0`, `"0"`, `-1`, `"x"`, `9223372036854775807`, `true`},
	"post_only":             {`true`, `false`, `null`, `"yes"`, `1`},
	"display_quantity":      {`"2"`, `null`, `"z"`},
	"min_quantity":          {`"2"`, `null`, `[1]`},
	"protection_price":      {`"2"`, `null`, `"--1"`},
	"trigger_price":         {`"0.50"`, `null`, `"1 "`},
	"trail":                 {`"0.10"`, `null`, `{}`},
	"expires_at":            {`"2026-01-31T12:00:00Z"`, `1769860800500`, `"1769860800500"`, `"2026-01-31T12:00:00.5+02:00"`, `null`, `"tomorrow"`, `0`, `true`, `"2026-13-31T12:00:00Z"`},
	"self_trade_prevention": {`"none"`, `"cancel_taker"`, `"decrement"`, `null`, `"maybe"`, `"NONE"`, `1`},
	"account":               {`5`, `null`},
	"op":                    {`"place"`, `"cancel"`, `"amend"`, `"replace"`, `"pair"`, `"fly"`, `null`, `1`},
	"id":                    {`7`, `"7"`, `null`, `0`, `"x"`, `[]`},
	"timeout_ms":            {`5000`, `"5000"`, `0`, `null`, `-1`, `"x"`, `true`},
	"first":                 {`{"symbol":"W-U","side":"sell","price":"9","quantity":"2"}`, `{"symbol":"W-U"}`, `null`, `5`},
	"second":                {`{"symbol":"W-U","side":"sell","type":"stop","trigger_price":"1","quantity":"2"}`, `{}`, `[]`, `"x"`},
	"order":                 {`{"symbol":"W-U","side":"buy","price":"1","quantity":"2"}`, `{"price":1}`, `null`, `[]`},
}

// bases are bodies that are right, to which one member is done at a time.
var bases = map[string][]string{
	"NewOrder": {
		`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4"}`,
		`{"symbol":"W-U","side":"buy","type":"market","quantity":"4"}`,
		`{"symbol":"W-U","side":"buy","type":"market","quote_quantity":"4"}`,
		`{"symbol":"W-U","side":"sell","type":"stop","trigger_price":"1","quantity":"4"}`,
		`{"symbol":"W-U","side":"buy","type":"take_profit","trigger_price":"1","quote_budget":"4"}`,
		`{"symbol":"W-U","side":"sell","type":"take_profit_limit","trigger_price":"1","price":"2","quantity":"4"}`,
		`{"symbol":"W-U","side":"sell","type":"trailing_stop","trail":"1","quantity":"4"}`,
		`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","time_in_force":"GTD","expires_at":"2026-01-31T12:00:00Z"}`,
		`{"symbol":"W-U","side":"buy","price":"1.50","quantity":"4","client_ref":5}`,
	},
	"NewPair":   {`{"first":{"symbol":"W-U","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"W-U","side":"sell","type":"stop","trigger_price":"1","quantity":"2"}}`},
	"NewTerms":  {`{"price":"2"}`, `{"quantity":"4","price":"2"}`},
	"KeepAlive": {`{"timeout_ms":5000}`},
	"BatchElement": {
		`{"op":"place","symbol":"W-U","side":"buy","price":"1.50","quantity":"4"}`, `{"op":"cancel","id":7}`, `{"op":"cancel","client_order_id":"a"}`,
		`{"op":"amend","client_ref":3,"price":"2"}`, `{"op":"replace","id":7,"order":{"symbol":"W-U","side":"buy","price":"1","quantity":"2"}}`,
		`{"op":"pair","first":{"symbol":"W-U","side":"sell","price":"9","quantity":"2"},"second":{"symbol":"W-U","side":"sell","price":"8","quantity":"2"}}`,
	},
}

// ours says that only the reader can judge: a negative price that is no whole
// number of ticks goes on to the book, two legs of a pair on two sides do not.
func ours(schema, name, value string) bool {
	return schema == "NewTerms" && name == "price" && value == `"1.51"` ||
		(name == "first" || name == "second") && strings.Contains(value, "buy")
}

// TestReaderIsTheSchema: every right body, and every member of every right body
// left out or with another value.
func TestReaderIsTheSchema(t *testing.T) {
	t.Parallel()
	n := 0
	for schema, list := range bases {
		for _, base := range list {
			agree(t, schema, base)
			for name, values := range palette {
				for _, v := range append(values, "") {
					if ours(schema, name, v) {
						continue
					}
					agree(t, schema, with(t, base, name, v))
					n++
				}
			}
		}
		for _, body := range []string{``, `{`, `[]`, `null`, `5`, `"x"`, `{}`, `{"":1}`} {
			agree(t, schema, body)
		}
	}
	if n < 1000 {
		t.Errorf("%d bodies were compared", n)
	}
}

// with is the body with one member set, or left out for "".
func with(t testing.TB, body, name, value string) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	if delete(m, name); value != "" {
		m[name] = json.RawMessage(value)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// FuzzReaderIsTheSchema puts orders together from the palette: two bytes a
// member.
func FuzzReaderIsTheSchema(f *testing.F) {
	names := []string{"symbol", "side", "type", "time_in_force", "price", "quantity", "quote_quantity", "quote_budget", "client_order_id", "client_ref", "post_only",
		"display_quantity", "min_quantity", "protection_price", "trigger_price", "trail", "expires_at", "self_trade_prevention", "account", "op", "id"}
	f.Add([]byte{0, 0, 1, 0, 4, 0, 5, 0}, false)
	f.Add([]byte{0, 0, 1, 0, 2, 1, 6, 0, 3, 1}, false)
	f.Add([]byte{0, 0, 1, 1, 2, 6, 5, 0, 15, 0, 19, 0}, true)
	f.Fuzz(func(t *testing.T, choice []byte, element bool) {
		parts := map[string]string{}
		for i := 0; i+1 < len(choice); i += 2 {
			name := names[int(choice[i])%len(names)]
			parts[name] = palette[name][int(choice[i+1])%len(palette[name])]
		}
		var list []string
		for name, v := range parts {
			list = append(list, fmt.Sprintf("%q:%s", name, v))
		}
		schema := map[bool]string{false: "NewOrder", true: "BatchElement"}[element]
		if element && parts["op"] == `"amend"` && (parts["price"] == `"1.51"`) {
			return // the book refuses the tick
		}
		agree(t, schema, "{"+strings.Join(list, ",")+"}")
	})
}
