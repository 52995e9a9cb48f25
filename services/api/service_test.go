package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api"
	"fondaco.dev/services/api/internal/apitest"
)

func (a *app) config() api.Config {
	a.t.Helper()
	cfg, err := api.ConfigFromEnv(func(k string) (string, bool) { v, ok := a.env[k]; return v, ok })
	if err != nil {
		a.t.Fatal(err)
	}
	return cfg
}

// TestRefusesARoleThatCanWrite: the api is a reader or it is not started.
func TestRefusesARoleThatCanWrite(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_PG_URL"] = a.db.SuURL.Reveal()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := api.Run(ctx, a.config(), zlog.Nop())
	if err == nil || !strings.Contains(err.Error(), "can write") {
		t.Errorf("got %v", err)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := api.ConfigFromEnv(func(k string) (string, bool) {
		v, ok := map[string]string{"FONDACO_PG_MAX_CONNS": "many", "FONDACO_WS_QUEUE_BYTES": "1", "FONDACO_WS_STALL": "-1s"}[k]
		return v, ok
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"FONDACO_CONFIG", "FONDACO_PG_URL", "FONDACO_PG_MAX_CONNS", "FONDACO_WS_QUEUE_BYTES", "FONDACO_WS_STALL"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is missing in %v", name, err)
		}
	}
}

// TestPromotion: another build becomes live without a restart; with another
// filter it is another feed, and clients are told.
func TestPromotion(t *testing.T) {
	t.Parallel()
	a, _ := chainApp(t, 5, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
	hello := s.want("subscribed")
	told := a.status()
	a.db.Exec(t, `create schema ix_b2`)
	for _, table := range []string{"networks", "blocks", "events", "orphaned_blocks", "orphaned_events", "reverts", "repairs", "counts", "casper_blocks", "casper_deploys", "casper_feed"} {
		a.db.Exec(t, `create table ix_b2.`+table+` as select * from ix_b1.`+table)
	}
	a.db.Exec(t, `grant usage on schema ix_b2 to fondaco_reader; grant select on all tables in schema ix_b2 to fondaco_reader`)
	a.db.Exec(t, `delete from ix_b2.blocks where number > 3`)
	partition := "chain.v1.dev.ffff456789abcdef"
	a.db.Exec(t, `update ix_b2.networks set partition = $1`, partition)
	a.db.Cursor(t, "b2", partition, 77, 77<<20)
	a.db.Exec(t, `insert into ctl.builds (build, projection, status) values ('b2', 1, 'filling')`)
	a.db.Exec(t, `update ctl.deployments set build = 'b2'`)
	reset := s.want("reset")
	if reset.Seq != 77<<20 || reset.Epoch == hello.Epoch {
		t.Errorf("%+v", reset)
	}
	if p := told.until(func(s *status) bool { return s.Promotion != nil }); p.Promotion.Build != "b2" {
		t.Errorf("%+v", p.Promotion)
	}
	var l struct{ Data []struct{ Number uint64 } }
	a.getJSON("/v1/networks/dev/blocks", &l)
	if len(l.Data) != 3 {
		t.Errorf("%+v", l)
	}
}

// TestReplicaAway: a replica that cannot be reached costs nothing but itself.
func TestReplicaAway(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	apitest.NewChain(t, a.db, "dev").Blocks(t, 3, 1)
	a.env["FONDACO_PG_READ_URLS"] = "postgres://x:y@127.0.0.1:1/z"
	a.start()
	a.eventually("served by the primary", func() bool { code, _ := a.get("/v1/networks/dev/blocks"); return code == 200 })
}

// TestDatabaseGoesAway: reads say so while Postgres is away and come back with
// it, and the sockets stay.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 3, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
	s.want("subscribed")
	a.db.Exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'fondaco-api'`)
	c.Block(t, 1)
	s.want("event")
	a.eventually("back", func() bool { code, _ := a.get("/v1/networks/dev/blocks"); return code == 200 })
	c.Block(t, 1)
	s.want("event")
}

// TestRevokedToken: it works no longer than the cache keeps it.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	a, _ := venueApp(t)
	if code, body := a.get("/v1/balances", bearer("reader-token")...); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	a.db.Exec(t, `update ident.tokens set revoked_at = now() where account = 3`)
	a.eventually("refused", func() bool { code, _ := a.get("/v1/balances", bearer("reader-token")...); return code == 401 })
	// A token that was just made works at once, also when it was asked for before.
	if code, _ := a.get("/v1/balances", bearer("fresh-token")...); code != 401 {
		t.Errorf("%d", code)
	}
	a.db.Account(t, 9, 2, "fresh-token")
	a.eventually("known", func() bool { code, _ := a.get("/v1/balances", bearer("fresh-token")...); return code == 200 })
	// A token in the URL is no token.
	if code, body := a.get("/v1/balances?access_token=fresh-token"); code != 401 {
		t.Errorf("%d %s", code, body)
	}
}

// TestStatus: ok once every network has caught up with its node.
func TestStatus(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 10, 1)
	casper := apitest.NewCasper(t, a.db, "casper-test")
	casper.Block(t, 100)
	kv, err := a.nats.Bus(t).JetStream().KeyValue(context.Background(), "status")
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		if _, err := kv.Put(context.Background(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	type network struct {
		Name, Kind, Status       string
		Head, Indexed, Finalized *uint64
		LagBlocks                *uint64 `json:"lag_blocks"`
	}
	var r struct {
		Status   string
		Networks []network
	}
	c.Finalize(t, 8)
	put("chain.dev", `{"head":40,"finalized":30,"status":"backfill","at":1}`)
	put("chain.casper-test", `{"head":100,"finalized":100,"status":"following"}`)
	find := func(name string) network {
		a.getJSON("/", &r)
		for _, n := range r.Networks {
			if n.Name == name {
				return n
			}
		}
		return network{}
	}
	a.eventually("lag", func() bool {
		n := find("dev")
		return n.LagBlocks != nil && *n.LagBlocks == 30 && *n.Head == 40 && *n.Indexed == 10 && n.Finalized != nil && *n.Finalized == 8 && n.Status == "loading" && r.Status == "loading"
	})
	a.eventually("casper ok", func() bool { return find("casper-test").Status == "ok" })
	put("chain.dev", `{"head":11,"finalized":9,"status":"following"}`)
	a.eventually("ok", func() bool { return find("dev").Status == "ok" && r.Status == "ok" })
	var l struct {
		Data []json.RawMessage
		More bool
	}
	a.getJSON("/v1/networks", &l)
	if len(l.Data) != 2 || l.More {
		t.Errorf("%+v", l)
	}
}
