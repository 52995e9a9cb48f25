package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
)

// bare is a server with nothing behind it.
func bare(t *testing.T) *Server {
	t.Helper()
	log := zlog.Nop()
	file := &config.File{Networks: []config.Network{{Name: "dev", Kind: config.KindEVM}, {Name: "cspr", Kind: config.KindCasper}}}
	adm := admin.New("", log)
	db := store.New(store.Config{}, adm, log.Logger)
	h := hub.New([]string{"dev", "cspr"}, db, nil, adm.Registry(), log.Logger)
	tokens := auth.New(db)
	return New(Parts{Config: file, Store: db, Auth: tokens, Status: status.New("test", file.Networks, log.Logger), Admin: adm,
		Sockets: socket.New(socket.Config{QueueBytes: 1 << 20}, file.Networks, h, nil, nil, tokens, adm.Registry(), log.Logger)}, log.Logger)
}

// TestEveryRouteHasAPolicy walks what echo really serves.
func TestEveryRouteHasAPolicy(t *testing.T) {
	t.Parallel()
	s := bare(t)
	table := map[string]route{}
	for _, r := range s.routes() {
		if !r.policy.Known() {
			t.Errorf("%s %s declares no policy", r.method, r.path)
		}
		if _, twice := table[r.method+" "+r.path]; twice {
			t.Errorf("%s %s stands twice in the table", r.method, r.path)
		}
		table[r.method+" "+r.path] = r
	}
	served := s.echo.Routes()
	if len(served) != len(table) {
		t.Errorf("%d routes are served, %d are in the table", len(served), len(table))
	}
	for _, r := range served {
		entry, ok := table[r.Method+" "+r.Path]
		if !ok {
			t.Errorf("%s %s is served and not in the table", r.Method, r.Path)
			continue
		}
		path := strings.NewReplacer(":network", "dev", ":symbol", "X", ":block", "1", ":id", "1", ":cid", "c", ":ref", "1", ":hash", "aa", ":key", "01", ":account", "aa").Replace(r.Path)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequest(r.Method, path, nil))
		if got := rec.Code == http.StatusUnauthorized; got != (entry.policy != auth.Public) {
			t.Errorf("%s %s is %s and answers %d to nobody", r.Method, path, entry.policy, rec.Code)
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
