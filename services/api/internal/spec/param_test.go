package spec

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"fondaco.dev/services/api/internal/problem"
)

func load(t testing.TB) *Spec {
	t.Helper()
	data, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLoadRefuses: what would make a route without a rule is no description.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/a/{b}":{"get":{`
	const answers = `"responses":{"200":{"description":"d"}}`
	const b = `"parameters":[{"name":"b","in":"path","required":true,"schema":{"type":"string"}}],`
	for text, want := range map[string]string{
		head + `"operationId":"a","x-policy":"public",` + b + answers + `}}}}`:                                                        "",
		head + `"operationId":"a",` + b + answers + `}}}}`:                                                                            "no policy",
		head + `"operationId":"a","x-policy":"everybody",` + b + answers + `}}}}`:                                                     "no policy",
		head + `"x-policy":"public",` + b + answers + `}}}}`:                                                                          "no operationId",
		head + `"operationId":"a","x-policy":"public",` + strings.Replace(b, `"string"`, `"array"`, 1) + answers + `}}}}`:             "",
		head + `"operationId":"a","x-policy":"public",` + answers + `}}}}`:                                                            "",
		head + `"operationId":"a","x-policy":"public",` + strings.Replace(b, `,"schema":{"type":"string"}`, ``, 1) + answers + `}}}}`: "",
		`openapi: 3.1.0`: "",
		`{`:              "",
	} {
		s, err := Load([]byte(text))
		if err == nil {
			err = s.Check()
		}
		if (err == nil) != (want == "" && strings.Contains(text, `"public",`+b)) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := LoadAsync([]byte(`{asyncapi: 3.0.0, channels: {blocks: {address: blocks}}}`)); err == nil || !strings.Contains(err.Error(), "blocks") {
		t.Errorf("a channel without a policy: %v", err)
	}
}

// TestQuery: what is refused, by which name, and what would be right.
func TestQuery(t *testing.T) {
	t.Parallel()
	s := load(t)
	for _, c := range []struct{ op, query, parameter, detail string }{
		{"listBlocks", "", "", ""},
		{"listBlocks", "limit=&order=", "", ""},
		{"listBlocks", "limit=1000&order=asc&from_block=9223372036854775807", "", ""},
		{"listBlocks", "limit=1001", "limit", "wants a whole number from 1 to 1000"},
		{"listBlocks", "limit=1.0", "limit", "whole"},
		{"listBlocks", "limit=1e2", "limit", "whole"},
		{"listBlocks", "limit=5&limit=5", "limit", "more than once"},
		{"listBlocks", "from_block=9223372036854775808", "from_block", "wants a block number"},
		{"listBlocks", "Limit=5", "Limit", "no such parameter"},
		{"listBlocks", "order=ASC", "order", "no such order"},
		{"listCandles", "", "interval", "is required"},
		{"listCandles", "interval=2m", "interval", "no such interval"},
		{"listCandles", "interval=1m&from=2026-01-31T12:00:00Z&to=5", "", ""},
		{"listCandles", "interval=1m&from=yesterday", "from", "wants a time"},
		{"getQuote", "side=SELL&quantity=3", "", ""},
		{"getQuote", "side=sell&quantity=-3", "quantity", "is required: a decimal above 0"},
		{"getQuote", "side=sell", "quantity", "is required: a decimal above 0"},
		{"listEvents", "arg.to=0x1&arg.to_=&event=Sold&topic3=0X" + strings.Repeat("aB", 32), "", ""},
		{"listEvents", "arg.x%27%20or%201%3D1--=1", "arg.x' or 1=1--", "letters"},
		{"listEvents", "arg.=1", "arg.", "letters"},
		{"listEvents", "args=1", "args", "no such parameter"},
		{"listEvents", "arg.a=1&arg.a=2", "arg.a", "more than once"},
		{"listEvents", "topic0=0x12", "topic0", "64 hex digits"},
		{"casperBlocks", "page=x&limit=&nothing=1&page=2", "", ""},
	} {
		values, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := problem.Of(s.Operation(c.op).Query(values))
		switch {
		case p == nil && c.parameter == "":
		case p == nil || p.Parameter != c.parameter || !strings.Contains(p.Detail, c.detail) || p.Errors != nil:
			t.Errorf("%s?%s: %+v, want %s %s", c.op, c.query, p, c.parameter, c.detail)
		}
	}
	values, _ := url.ParseQuery("limit=0&order=up&colour=red")
	p, ok := problem.Of(s.Operation("listBlocks").Query(values))
	if !ok || len(p.Errors) != 3 || p.Parameter != "colour" || p.Errors[1].Field != "limit" || p.Errors[2].Allowed[0] != "asc" {
		t.Errorf("several at once: %+v", p)
	}
	place := func(op, name, value string) error {
		return s.Operation(op).Places(func(n string) string {
			if n == name {
				return value
			}
			return "x"
		})
	}
	for _, c := range []struct {
		op, name, value string
		ok              bool
	}{
		{"getOrder", "id", "7", true}, {"getOrder", "id", "18446744073709551615", true}, {"getOrder", "id", "18446744073709551616", false}, {"getOrder", "id", "0", false},
		{"getOrder", "id", "+7", false}, {"getOrder", "id", "-7", false}, {"getOrderByClientID", "cid", "a%20b", true}, {"getOrderByClientID", "cid", "%C3%A9", false},
		{"getBlock", "block", "zz", false}, {"getBlock", "block", strings.Repeat("Ab", 32), true}, {"casperBlock", "hash", "zz", true},
	} {
		if err := place(c.op, c.name, c.value); (err == nil) != c.ok {
			t.Errorf("%s of %s %q: %v", c.name, c.op, c.value, err)
		}
	}
}

// FuzzQuery compares the check with openapi3filter's, which is general and
// slow, wherever both mean the same: every parameter at most once, none empty,
// whole numbers as everybody writes them, no names of the caller's choice.
func FuzzQuery(f *testing.F) {
	s := load(f)
	for _, seed := range []string{"limit=5&order=asc", "limit=0", "order=up&colour=1", "interval=1m&from=5", "side=buy&quantity=3.", "status=open&cursor=x", "from_block=-1", "side=BUY&symbol="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, v := range values {
			if len(v) != 1 || v[0] == "" {
				return
			}
		}
		for _, op := range s.Operations {
			if op.lenient || op.prefix != nil || op.Method != http.MethodGet {
				continue
			}
			got := op.Query(values)
			if _, ok := problem.Of(got); got != nil && !ok {
				t.Fatalf("%s?%q: %v", op.ID, query, got)
			}
			if want := general(s, op, values); (got == nil) != (want == nil) {
				t.Fatalf("%s?%q: %v, openapi3filter says %v", op.ID, query, got, want)
			}
		}
	})
}

// general is openapi3filter's verdict on the query.
func general(s *Spec, op *Operation, values url.Values) error {
	for name, v := range values {
		p := op.param("query", name)
		if p == nil {
			return problem.UnknownParameter(name, nil) // openapi3filter leaves these alone
		}
		if p.integer && strings.Trim(strings.TrimPrefix(v[0], "-"), "0123456789") != "" {
			return problem.Parameter(name, "is no whole number in digits") // it takes 1e2 and 0x1
		}
	}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	in := &openapi3filter.RequestValidationInput{Request: req, QueryParams: values, Route: &routers.Route{Spec: s.Doc, Operation: op.Spec, Method: op.Method}}
	for _, p := range op.params {
		if p.In != "query" {
			continue
		}
		if err := openapi3filter.ValidateParameter(context.Background(), in, p.Parameter); err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkQuery(b *testing.B) {
	s := load(b)
	op := s.Operation("listEvents")
	values, _ := url.ParseQuery("contract=usd&arg.to=0x1&limit=50&order=asc")
	b.ReportAllocs()
	for b.Loop() {
		if err := op.Query(values); err != nil {
			b.Fatal(err)
		}
	}
}
