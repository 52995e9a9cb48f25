package writer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/services/writer"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/writertest"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/proto/topology"
)

const yaml = `
networks:
  - name: casper-test
    kind: casper
    sse: ["http://127.0.0.1:9999"]
  - name: dev
    kind: evm
    chain_id: 1337
    rpc: ["http://127.0.0.1:8545"]
    contracts:
      - {name: NAME, address: "*", abi: erc20.json, events: [Transfer]}
venue: main
`

// write puts a config file with its ABI down; name is the contract's.
func write(t *testing.T, name string) (path string, file *config.File) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "fondaco.yaml")
	for p, text := range map[string]string{path: strings.ReplaceAll(yaml, "NAME", name), filepath.Join(dir, "erc20.json"): writertest.ERC20} {
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, file
}

func start(t *testing.T, cfg writer.Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	log := zlogtest.Test(t)
	go func() { done <- writer.Run(ctx, cfg, log) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("a clean stop gave %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the writer does not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestServiceFromAnEmptyMachine(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	// No streams yet, no schema, no Redis: the writer starts and waits.
	srv := bustest.Start(t)
	url := pgtest.New(t)
	mini := miniredis.RunT(t)
	path, file := write(t, "first")
	cfg := writer.Config{Path: path, Admin: "127.0.0.1:0", Bus: bus.Config{URL: srv.URL, Name: "writer"}, PG: pg.Config{URL: url, MaxConns: 6},
		Redis: rds.Config{URL: env.Secret("redis://" + mini.Addr())}, Promote: "auto", Migrate: true}
	stop := start(t, cfg)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())

	w := writertest.Attach(t, url, srv)
	build := file.Build(projection.Version)
	evm := file.Networks[1]
	client := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	defer client.Close()
	sub := client.Subscribe(ctx, feedv1.HintChannel(build, evm.Subject()))
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	f := w.NewFeed(evm.Subject())
	a0 := writertest.Block(nil, 2, 1)
	seq := f.Publish(writertest.U(a0))

	var withRows, beat *feedv1.Hint
	timeout := time.After(30 * time.Second)
	for withRows == nil || beat == nil {
		select {
		case m := <-sub.Channel():
			var h feedv1.Hint
			if err := proto.Unmarshal([]byte(m.Payload), &h); err != nil {
				t.Fatal(err)
			}
			if len(h.GetRows()) > 0 {
				withRows = &h
			} else if h.GetPos() == feedv1.EndOf(seq) {
				beat = &h
			}
		case <-timeout:
			t.Fatalf("hint with rows: %v, heartbeat: %v", withRows, beat)
		}
	}
	if len(withRows.GetRows()) != 3 || withRows.GetPos() != feedv1.EndOf(seq) || withRows.GetPrevPos() != 0 || withRows.GetBuild() != build || beat.GetEpoch() != withRows.GetEpoch() {
		t.Errorf("hint %v, heartbeat %v", withRows, beat)
	}
	if got := writertest.Value[string](w, `select d.build || ' ' || b.status from ctl.deployments d join ctl.builds b using (build)`); got != build+" live" {
		t.Errorf("deployment %q", got)
	}
	if got := writertest.Value[string](w, `select string_agg(network || ':' || kind || ':' || ordinal || ':' || chain_id, ' ' order by ordinal) from ix_`+build+`.networks`); got != "casper-test:casper:0:0 dev:evm:1:1337" {
		t.Errorf("networks %s", got)
	}
	reads := `set role fondaco_reader; select count(*) from ix_` + build + `.events; select count(*) from trade.orders; reset role`
	conn, err := w.Pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, reads).ReadAll(); err != nil {
		t.Errorf("the api's role cannot read: %v", err)
	}
	conn.Release()

	// Redis dies: rows go on coming.
	mini.Close()
	began := time.Now()
	for range 20 {
		a0 = writertest.Block(a0, 1, 1)
		seq = f.Publish(writertest.U(a0))
	}
	w.Wait(build, evm.Subject(), seq)
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("without redis 20 blocks took %v", d)
	}
	stop()

	// The same networks with another contract name: a second build, promoted
	// once every network caught up; the Casper network must have something first.
	cfg.Path, file = write(t, "second")
	second := file.Build(projection.Version)
	start(t, cfg)
	w.Wait(second, evm.Subject(), seq)
	if got := writertest.Value[string](w, `select build from ctl.deployments`); got != build {
		t.Errorf("promoted although the Casper network has nothing yet")
	}
	casper := w.NewFeed(file.Networks[0].Subject())
	casper.PublishPack(casper.Pack())
	w.Until("the promotion", func() bool { return writertest.Value[string](w, `select build from ctl.deployments`) == second })
	if got := writertest.Value[string](w, `select string_agg(status, ' ' order by created_at) from ctl.builds`); got != "retired live" {
		t.Errorf("builds %s", got)
	}
	if got := writertest.Value[string](w, `select distinct contract from ix_`+second+`.events`); got != "second" {
		t.Errorf("contract %q", got)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := writer.ConfigFromEnv(func(name string) (string, bool) {
		v, ok := map[string]string{"FONDACO_PROMOTE": "sometimes", "FONDACO_PG_MAX_CONNS": "many"}[name]
		return v, ok
	})
	for _, want := range []string{"FONDACO_CONFIG", "FONDACO_PG_URL", "FONDACO_PROMOTE", "FONDACO_PG_MAX_CONNS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestReadyzNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	path, _ := write(t, "x")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	cfg := writer.Config{Path: path, Admin: addr, Bus: bus.Config{URL: "nats://127.0.0.1:1", Name: "writer"},
		PG: pg.Config{URL: "postgres://x@127.0.0.1:1/x", MaxConns: 2}, Redis: rds.Config{URL: "redis://127.0.0.1:1"}, Promote: "auto"}
	start(t, cfg)
	deadline := time.Now().Add(10 * time.Second)
	for {
		res, err := http.Get("http://" + cfg.Admin + "/readyz")
		if err == nil {
			var body bytes.Buffer
			_, _ = body.ReadFrom(res.Body)
			res.Body.Close()
			var got struct {
				Waiting map[string]string `json:"waiting_for"`
			}
			if json.Unmarshal(body.Bytes(), &got) == nil && res.StatusCode == http.StatusServiceUnavailable && got.Waiting["postgres"] != "" {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer that names postgres: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
