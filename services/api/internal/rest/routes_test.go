package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/spec"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
)

// described reads what the api promises.
func described(t testing.TB) (*spec.Spec, *spec.Async) {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	routes, err := spec.Load(read("openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	channels, err := spec.LoadAsync(read("asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return routes, channels
}

// bare is a server with nothing behind it.
func bare(t testing.TB) *Server {
	t.Helper()
	log := zlog.Nop()
	file := &config.File{Networks: []config.Network{{Name: "dev", Kind: config.KindEVM}, {Name: "cspr", Kind: config.KindCasper}}}
	adm := admin.New("", log)
	db := store.New(store.Config{}, adm, log.Logger)
	h := hub.New([]string{"dev", "cspr"}, db, nil, adm.Registry(), log.Logger)
	tokens := auth.New(db)
	routes, channels := described(t)
	s, err := New(Parts{Config: file, Spec: routes, Async: channels, Store: db, Auth: tokens, Status: status.New("test", file.Networks, log.Logger), Admin: adm,
		Sockets: socket.New(socket.Config{QueueBytes: 1 << 20}, file.Networks, socket.Feeds{Hub: h}, nil, tokens, adm.Registry(), log.Logger)}, log.Logger)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEveryRouteIsDescribed walks what echo really serves: each route is an
// operation of the description and goes by its policy, and no operation is
// left out.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	s := bare(t)
	table := map[string]*spec.Operation{}
	for _, op := range s.Spec.Operations {
		for _, method := range op.Methods() {
			table[method+" "+op.Route] = op
		}
	}
	served := s.echo.Routes()
	if len(served) != len(table) {
		t.Errorf("%d routes are served, %d are described", len(served), len(table))
	}
	for _, r := range served {
		op, ok := table[r.Method+" "+r.Path]
		if !ok {
			t.Errorf("%s %s is served and not described", r.Method, r.Path)
			continue
		}
		path := strings.NewReplacer(":network", "dev", ":symbol", "X", ":block", "1", ":id", "1", ":cid", "c", ":ref", "1", ":hash", "aa", ":key", "01", ":account", "aa").Replace(r.Path)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequest(r.Method, path, nil))
		if got := rec.Code == http.StatusUnauthorized; got != (op.Policy != auth.Public) {
			t.Errorf("%s %s is %s and answers %d to nobody", r.Method, path, op.Policy, rec.Code)
		}
		if rec.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s answers without a request id", r.Method, path)
		}
	}
	for name, p := range socket.Channels() {
		if !p.Known() {
			t.Errorf("channel %s declares no policy", name)
		}
	}
}

// TestTableIsTheDescription: a program that was compiled with another table
// than its description makes is no server.
func TestTableIsTheDescription(t *testing.T) {
	t.Parallel()
	s := bare(t)
	for what, table := range map[string][]operation.Operation{
		fmt.Sprintf("and %d answered", len(operation.Table)-1): operation.Table[1:],
		"operation fly":                append([]operation.Operation{{ID: "fly", Method: "GET", Path: "/fly", Policy: auth.Public}}, operation.Table...),
		"operation root (GET /, admin": append([]operation.Operation{{ID: "root", Method: "GET", Path: "/", Policy: auth.Admin}}, operation.Table[1:]...),
	} {
		s.echo = echo.New()
		if err := s.register(table); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
}

// TestDescriptionsAreServed: as JSON and as a page, and told to who has them.
func TestDescriptionsAreServed(t *testing.T) {
	t.Parallel()
	s := bare(t)
	for path, want := range map[string][]string{
		"/openapi.json":  {`"openapi":"3.1.0"`, `"/v1/orders/{id}"`},
		"/asyncapi.json": {`"asyncapi":"3.0.0"`},
		"/docs":          {"<!doctype html>", "/v1/networks/{network}/events", `id="listEvents"`, "arg.NAME", "block_number", "partially_filled"},
	} {
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		for _, w := range want {
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), w) {
				t.Errorf("%s: %d lacks %q", path, rec.Code, w)
			}
		}
		if strings.Contains(rec.Body.String(), "http://") || strings.Contains(rec.Body.String(), "https://") {
			t.Errorf("%s names another server", path)
		}
		req := httptest.NewRequest("GET", path, nil)
		req.Header.Set("If-None-Match", `"other", W/`+rec.Header().Get("ETag"))
		again := httptest.NewRecorder()
		s.Handler().ServeHTTP(again, req)
		if again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("%s: %d with the tag that it gave", path, again.Code)
		}
	}
}

// TestBadQueries: each thing at fault is named, all of them at once, and
// nothing that cannot be read is passed over.
func TestBadQueries(t *testing.T) {
	t.Parallel()
	s := bare(t)
	for query, want := range map[string]string{
		"limit=0":                  `"parameter":"limit"`,
		"limit=0&order=up&colour=": `"errors":[{"field":"colour","code":"unknown_parameter","message":"no such parameter here","allowed":["from_block","to_block"`,
		"limit=5;order=asc":        `"code":"bad_query"`,
		"limit=%zz":                `"code":"bad_query"`,
		"from_block=-1":            `"detail":"wants a block number"`,
		"order=up":                 `"allowed":["asc","desc"]`,
	} {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/v1/networks/dev/blocks", nil)
		req.URL.RawQuery = query
		s.Handler().ServeHTTP(rec, req)
		if rec.Code != 400 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", query, rec.Code, rec.Body, want)
		}
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	const nobody, reader, trader, operator, auditor, admin = identityv1.Role_ROLE_UNSPECIFIED, identityv1.Role_ROLE_READER, identityv1.Role_ROLE_TRADER,
		identityv1.Role_ROLE_OPERATOR, identityv1.Role_ROLE_AUDITOR, identityv1.Role_ROLE_ADMIN
	for policy, want := range map[auth.Policy][]identityv1.Role{
		auth.Public: {nobody, reader, trader, operator, auditor, admin}, auth.Reader: {reader, trader, operator, auditor, admin},
		auth.Owner: {reader, trader, operator, auditor, admin}, auth.Trader: {trader, admin}, auth.Operator: {operator, admin},
		auth.Auditor: {auditor, admin}, auth.Admin: {admin}, "": nil, "other": nil,
	} {
		may := map[identityv1.Role]bool{}
		for _, r := range want {
			may[r] = true
		}
		for _, r := range []identityv1.Role{nobody, reader, trader, operator, auditor, admin} {
			if policy.Allows(r) != may[r] {
				t.Errorf("%s and role %s: %v", policy, r.Name(), policy.Allows(r))
			}
		}
	}
}

// TestPanicTouchesNobodyElse: a plain 500 with the id, and the next request
// is served.
func TestPanicTouchesNobodyElse(t *testing.T) {
	t.Parallel()
	s := bare(t)
	s.Status = nil // makes GET / panic
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 500 || !strings.Contains(rec.Body.String(), `"request_id"`) || strings.Contains(rec.Body.String(), "nil pointer") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	rec = httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/livez", nil))
	if rec.Code != 200 {
		t.Errorf("%d", rec.Code)
	}
}

// TestUnknownErrorIsAPlain500: the caller gets the request id, and what went
// wrong is for the log alone.
func TestUnknownErrorIsAPlain500(t *testing.T) {
	t.Parallel()
	s := bare(t)
	s.echo.GET("/v1/broken", func(echo.Context) error { return errors.New(`relation "ident.tokens" does not exist`) })
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "/v1/broken", nil)
	req.Header.Set("X-Request-Id", "mine-7")
	s.Handler().ServeHTTP(rec, req)
	if got := rec.Body.String(); rec.Code != 500 || strings.Contains(got, "ident") || !strings.Contains(got, `"code":"internal"`) || !strings.Contains(got, `"request_id":"mine-7"`) {
		t.Errorf("%d %s", rec.Code, got)
	}
}

func FuzzPaging(f *testing.F) {
	for _, seed := range []string{"page=2&limit=5", "page=%zz", "limit=-0", "page=9223372036854775807&limit=20", "a=b&page=&limit="} {
		f.Add(seed, int64(45))
	}
	f.Fuzz(func(t *testing.T, query string, total int64) {
		total = max(0, total%1e12)
		req := httptest.NewRequest("GET", "/blocks", nil)
		req.URL.RawQuery = query
		p := readPaging(req.URL)
		e := p.wrap(nil, total)
		if p.page < 1 || p.limit < 0 || p.limit > casperMaxLimit || p.offset() < 0 || len(e.Pages) > casperPages {
			t.Fatalf("%+v %+v", p, e)
		}
		for _, link := range e.Pages {
			if link.Number < 1 || link.Number > e.PageCount {
				t.Fatalf("%+v of %d pages", link, e.PageCount)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("MSBhc2MgMSAy")
	f.Fuzz(func(t *testing.T, text string) {
		if k, order, err := readCursor(text); err == nil {
			again, order2, err := readCursor(*cursorOf(k, order == "desc"))
			if err != nil || again != k || order2 != order {
				t.Fatalf("%q: %+v %v", text, again, err)
			}
		}
		_, _ = readIDCursor(text)
	})
}
