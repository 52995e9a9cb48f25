package faults

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api"
)

// TestSocketOfAHole: a client that heard of blocks while an endpoint hid some of
// their logs is told by the second look's repairs, in feed order: one that stays
// and one that leaves after every few frames and resumes hear the same, each
// frame once, and hold in the end what the index holds.
func TestSocketOfAHole(t *testing.T) {
	t.Parallel()
	r := row{name: "log-hole/socket", endpoints: beside(named("log-hole")), stays: true, final: true}
	w := newWorld(t, server(t), 1, r)
	w.mine(backlog / 4)
	w.start()
	at := w.serveAPI()
	stays := &listener{t: t, url: at, network: w.file.Networks[0].Name, rows: map[string]string{}}
	leaves := &listener{t: t, url: at, network: stays.network, rows: map[string]string{}, leave: 7}
	heard := make(chan struct{}, 2)
	ctx, cancel := context.WithCancel(t.Context())
	for _, l := range []*listener{stays, leaves} {
		go func() {
			defer func() { heard <- struct{}{} }()
			l.listen(ctx)
		}()
	}
	defer func() {
		cancel()
		<-heard
		<-heard
	}()
	w.grow(growth, pace)
	w.mine(20) // what was new becomes final
	w.settle(r, limit)
	to := w.chain.Finalized()
	want := w.held(to)
	for _, l := range []*listener{stays, leaves} {
		w.until("the client holds what the index holds", func() bool { return maps.Equal(l.upTo(to), want) })
		if l.count("repaired") == 0 {
			t.Error("no repair was told")
		}
		if l.count("wrong") != 0 {
			t.Errorf("%d frames came twice, or took away what was not there", l.count("wrong"))
		}
	}
	t.Logf("%d rows, %d repairs, %d reverts; %d connections", len(want), stays.count("repaired"), stays.count("reverted"), leaves.count("connected"))
}

// serveAPI runs an api that hears of commits by asking, and waits until it answers.
func (w *world) serveAPI() string {
	w.t.Helper()
	addr, silent := freeAddr(w.t), miniredis.RunT(w.t)
	w.until("the index is there", func() bool {
		var build string
		return w.pool.QueryRow(w.t.Context(), `select build from ctl.deployments`).Scan(&build) == nil
	})
	w.run("api", func(ctx context.Context, log *zlog.Logger) error {
		return api.Run(ctx, api.Config{ConfigFile: w.file.Path, HTTPAddr: addr, NATS: bus.Config{URL: w.nats, Name: "api"}, PG: pg.Config{URL: w.reader(), MaxConns: 4},
			Redis: rds.Config{URL: env.Secret("redis://" + silent.Addr())}, QueueBytes: 1 << 20, MaxSockets: 100, SocketStall: 10 * time.Second, SocketBehind: time.Minute}, log)
	})
	w.until("the api serves the network", func() bool {
		res, err := http.Get("http://" + addr + "/v1/networks/" + w.file.Networks[0].Name + "/blocks?limit=1")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return "ws://" + addr + "/v1/ws"
}

// reader is the database for a role that can only read. Roles are the server's,
// which other tests share.
func (w *world) reader() env.Secret {
	w.t.Helper()
	const role = `
do $$ begin
	if not exists (select from pg_roles where rolname = 'api_test') then create role api_test login password 'api' in role fondaco_reader; end if;
	exception when duplicate_object or unique_violation then null;
end $$`
	if _, err := w.pool.Exec(w.t.Context(), role); err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(w.db.Reveal())
	if err != nil {
		w.t.Fatal("the database's URL cannot be parsed")
	}
	u.User = url.UserPassword("api_test", "api")
	return env.Secret(u.String())
}

// held are the index's events up to a height, as a client holds them.
func (w *world) held(to uint64) map[string]string {
	w.t.Helper()
	var build string
	if err := w.pool.QueryRow(w.t.Context(), `select build from ctl.deployments`).Scan(&build); err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.pool.Query(w.t.Context(), `select block_number, log_index, block_hash, data from ix_`+build+`.events where network = $1 and block_number <= $2`,
		w.file.Networks[0].Name, to)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	var number, index uint64
	var hash, data []byte
	if _, err := pgx.ForEachRow(rows, []any{&number, &index, &hash, &data}, func() error {
		out[logAt(number, index)] = fmt.Sprintf("0x%x 0x%x", hash, data)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}
