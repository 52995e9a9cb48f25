package operation

import (
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/spec"
)

// heard is a server that keeps what it was given.
type heard struct {
	Server // nil: no other method is called
	blocks ListBlocks
	events ListEvents
	quote  GetQuote
	order  GetOrder
	name   GetOrderByClientID
}

func (h *heard) ListBlocks(_ echo.Context, p ListBlocks) error { h.blocks = p; return nil }
func (h *heard) ListEvents(_ echo.Context, p ListEvents) error { h.events = p; return nil }
func (h *heard) GetQuote(_ echo.Context, p GetQuote) error     { h.quote = p; return nil }
func (h *heard) GetOrder(_ echo.Context, p GetOrder) error     { h.order = p; return nil }
func (h *heard) GetOrderByClientID(_ echo.Context, p GetOrderByClientID) error {
	h.name = p
	return nil
}

// ask gives a request with a query to an operation's row, past all checks.
func ask(t testing.TB, id, query string, places ...string) (*heard, error) {
	t.Helper()
	for _, row := range Table {
		if row.ID == id {
			h := &heard{}
			return h, row.Answer(h, asked(query, places...))
		}
	}
	t.Fatalf("no operation %s", id)
	return nil, nil
}

// asked is a request; places are names and values of its path.
func asked(query string, places ...string) echo.Context {
	r := httptest.NewRequest("GET", "/", nil)
	r.URL.RawQuery = query
	c := echo.New().NewContext(r, httptest.NewRecorder())
	var names, values []string
	for i := 0; i < len(places); i += 2 {
		names, values = append(names, places[i]), append(values, places[i+1])
	}
	c.SetParamNames(names...)
	c.SetParamValues(values...)
	return c
}

// TestParameters: what a handler is given, as it was sent, as its default, or
// as absent.
func TestParameters(t *testing.T) {
	t.Parallel()
	h, err := ask(t, "listBlocks", "", "network", "d%65v")
	want := ListBlocks{Network: "dev", Heights: Heights{Limit: 100, Order: "desc", Finality: "any", Include: "canonical"}, Fresh: Fresh{WaitMS: 10000}}
	if err != nil || h.blocks != want {
		t.Errorf("%+v %v, want %+v", h.blocks, err, want)
	}
	h, err = ask(t, "listBlocks", "limit=7&order=asc&from_block=0&to_block=&min_seq=a%3Ab&wait_ms=5", "network", "dev")
	want.Limit, want.Order, want.FromBlock, want.MinSeq, want.WaitMS = 7, "asc", Maybe[int64]{0, true}, "a:b", 5
	if err != nil || h.blocks != want || want.FromBlock.Or(3) != 0 || want.ToBlock.Or(3) != 3 {
		t.Errorf("%+v %v, want %+v", h.blocks, err, want)
	}
	h, err = ask(t, "listEvents", "arg.to=0xAA&arg.note=&event=Transfer", "network", "dev")
	if err != nil || h.events.Event != "Transfer" || !reflect.DeepEqual(h.events.Args, map[string]string{"to": "0xAA", "note": ""}) {
		t.Errorf("%+v %v", h.events, err)
	}
	h, err = ask(t, "getQuote", "side=SELL&quantity=3", "symbol", "A/B")
	if want := (GetQuote{Symbol: "A/B", Side: "sell", Quantity: "3"}); err != nil || h.quote != want {
		t.Errorf("%+v %v, want %+v", h.quote, err, want)
	}
	if h, err = ask(t, "getOrder", "", "id", "18446744073709551615"); err != nil || h.order.ID != math.MaxUint64 {
		t.Errorf("%+v %v", h.order, err)
	}
	if h, err = ask(t, "getOrderByClientID", "", "cid", "a%20b%2Fc"); err != nil || h.name.Cid != "a b/c" {
		t.Errorf("%+v %v", h.name, err)
	}
}

// TestReadingIsTheSchemas: whole numbers and words are taken and refused by the
// types as by the description's schemas, and with the same problem, so that one
// without the other lets nothing through.
func TestReadingIsTheSchemas(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(data)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range Table {
		op := s.Operation(row.ID)
		if op.Lenient() {
			continue
		}
		for _, p := range op.Params() {
			if !p.Whole() && len(p.Words()) == 0 {
				continue
			}
			for _, given := range []string{"", "0", "1", "-1", "+1", "-0", "007", "1000", "1001", "5000", "5001", "30000", "30001", "9223372036854775807", "9223372036854775808",
				"18446744073709551615", "18446744073709551616", "1.0", "1e2", "x", " 1", "asc", "ASC", "buy", "SELL", "open", "finalized", "orphaned", "1m", "1M"} {
				query, places := valid(op)
				var bySchema error
				if p.In == openapi3.ParameterInPath {
					places[p.Name] = given
					bySchema = op.Places(func(name string) string { return places[name] })
				} else {
					query.Set(p.Name, given)
					bySchema = op.Query(query)
				}
				if got, want := says(past(row, query, places)), says(bySchema); got != want {
					t.Errorf("%s: %s=%q: %s, by its schema %s", row.ID, p.Name, given, got, want)
				}
				n++
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d values were tried", n)
	}
}

// valid are parameters of which an operation takes all.
func valid(op *spec.Operation) (url.Values, map[string]string) {
	query, places := url.Values{}, map[string]string{}
	for _, p := range op.Params() {
		value := map[string]string{"side": "buy", "interval": "1m"}[p.Name]
		if value == "" {
			value = "1"
		}
		if p.In == openapi3.ParameterInPath {
			places[p.Name] = value
		} else if p.Required {
			query.Set(p.Name, value)
		}
	}
	return query, places
}

// past is what reading the parameters says; a nil server panics once it is
// asked, which is after they were read.
func past(row Operation, query url.Values, places map[string]string) (err error) {
	defer func() { _ = recover() }()
	var list []string
	for name, value := range places {
		list = append(list, name, value)
	}
	return row.Answer(nil, asked(query.Encode(), list...))
}

func says(err error) string {
	p, _ := problem.Of(err)
	if p == nil {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(p.Code, p.Parameter, p.Detail, p.Allowed)
}
