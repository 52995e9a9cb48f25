package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/devnet/casper"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/writer"
)

// twins are two networks that listen to one chain: one through the node that
// has the faults, the other through an honest node. In the end both have the
// same rows.
type twins struct {
	name string
	on   map[string]casper.Params // from the first blocks until the chain is nearly grown
	once string                   // happens twice meanwhile
	k    int                      // its parameter
	two  bool                     // an honest node is listened to beside the node with the faults

	network string
	node    *casper.Node
}

func twinRows() (rows []twins) {
	stay, once := casper.FaultNames()
	for _, name := range stay {
		r := twins{name: name, on: map[string]casper.Params{name: {}}}
		switch name {
		case casper.RPCDown: // and there is something to ask for
			r.on[casper.LoseOutcomes] = casper.Params{}
		case casper.LoseSignatures: // nothing says how many signatures a block should have
			r.two = true
		case casper.LoseBlocks, casper.LoseOutcomes:
			r.on[name] = casper.Params{P: 0.4}
		}
		rows = append(rows, r)
	}
	for _, name := range once {
		r := twins{name: name, once: name}
		if name == casper.Overrun {
			r.k = 3
		}
		rows = append(rows, r)
	}
	return append(rows, // crossed
		twins{name: "joining-beside", on: map[string]casper.Params{casper.Joining: {}}, two: true},
		twins{name: "lossy-crashes", on: map[string]casper.Params{casper.LoseBlocks: {P: 0.3}, casper.LoseOutcomes: {P: 0.3}, casper.Chunks: {K: 11}}, once: casper.IDsBack},
		twins{name: "lagging-restarts", on: map[string]casper.Params{casper.Lag: {K: 9}, casper.Disorder: {}}, once: casper.VersionMoves})
}

// crossed is how many of the last rows play several faults together.
const crossed = 3

// twinBlocks is the length of each chain.
const twinBlocks = 45

func (c *twins) grow(t *testing.T, db *pgxpool.Pool) {
	clock := time.NewTicker(pace)
	defer clock.Stop()
	blocks := func(n int) {
		for i := range n {
			if _, err := c.node.MakeBlock(1+i%2, i%3); err != nil {
				t.Errorf("%s: %v", c.network, err)
			}
			<-clock.C
		}
	}
	blocks(5)
	c.settle(t, db, 5) // the first block that is seen is where an index begins
	for name, p := range c.on {
		if err := c.node.Set(name, p); err != nil {
			t.Error(err)
		}
	}
	if len(c.on) > 0 {
		c.node.DropConnections() // some faults are met by those who connect
	}
	for range 2 {
		blocks(15)
		if c.once != "" {
			if err := c.node.Happen(c.once, casper.Params{K: c.k}); err != nil {
				t.Error(err)
			}
		}
	}
	end := time.Now().Add(limit)
	for name := range c.on {
		for c.node.Acted(name) == 0 && time.Now().Before(end) {
			<-clock.C
		}
	}
	for name := range c.on {
		c.node.Clear(name)
	}
	blocks(twinBlocks - 35)
}

// TestCasperTwins: whatever Casper nodes of both protocols do, the rows are
// those that an honest node gives.
func TestCasperTwins(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"1.5.6", "2.0.0"} {
		rows := twinRows()
		if protocol == "1.5.6" {
			rows = rows[len(rows)-crossed:] // TestCasperFaultTable plays the faults one by one
		}
		// So many share their services: a partition of the writer has a connection.
		for group := range slices.Chunk(rows, 6) {
			t.Run("protocol-"+protocol+"/"+group[0].name, func(t *testing.T) {
				playTwins(t, protocol, slices.Clone(group))
			})
		}
	}
}

func playTwins(t *testing.T, protocol string, group []twins) {
	var networks strings.Builder
	for i := range group {
		r := &group[i]
		r.network = fmt.Sprintf("%s-v%s", r.name, protocol[:1])
		var err error
		if r.node, err = casper.Start(t.Context(), casper.Config{Protocol: protocol, NoGenesis: true, KeepAlive: 500 * time.Millisecond, Seed: r.network}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.node.Kill() })
		honest, err := r.node.Peer(t.Context(), 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		sse := fmt.Sprintf("%q", r.node.SSEURL())
		if r.two {
			sse += fmt.Sprintf(", %q", honest.SSEURL())
		}
		fmt.Fprintf(&networks, "  - {name: %s, kind: casper, sse: [%s], rpc: [{url: %q, calls_per_second: 1000}]}\n", r.network, sse, r.node.RPCURL())
		fmt.Fprintf(&networks, "  - {name: %s-clean, kind: casper, sse: [%q]}\n", r.network, honest.SSEURL())
	}
	db, log := twinServices(t, networks.String())
	var wg sync.WaitGroup
	for i := range group {
		wg.Go(func() { group[i].grow(t, db) })
	}
	wg.Wait()
	for i := range group {
		c := &group[i]
		if got := c.settle(t, db, twinBlocks); got != "" {
			t.Fatalf("%s: %s; the last of the log:\n%s", c.network, got, log.last(12))
		}
		for name := range c.on {
			if c.node.Acted(name) == 0 {
				t.Errorf("%s: %s did not act", c.network, name)
			}
		}
	}
}

// settle waits until both twins have so many blocks with all that belongs to
// them; it says what is wrong if that does not come.
func (c *twins) settle(t *testing.T, db *pgxpool.Pool, blocks int) string {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	want := fmt.Sprintf("%d blocks, %d signatures", blocks, 5*blocks)
	for end := time.Now().Add(limit); ; <-tick.C {
		got := c.compare(t, db)
		if got == want {
			return ""
		}
		if time.Now().After(end) {
			return got + ", want " + want
		}
	}
}

// compare says what differs between the twins, or how much both have.
func (c *twins) compare(t *testing.T, db *pgxpool.Pool) string {
	t.Helper()
	var build string
	if err := db.QueryRow(t.Context(), `select build from ctl.deployments`).Scan(&build); err != nil {
		return err.Error()
	}
	for table, columns := range map[string]string{
		"casper_blocks":     "hash, parent_hash, height, era_id, timestamp, proposer, state_root_hash, deploys",
		"casper_deploys":    "hash, account, state, cost, error_message, block_hash, timestamp, transfers, version",
		"casper_transfers":  "deploy_hash, idx, transfer, from_account, to_account, source, target, amount, gas, id, block_hash, timestamp",
		"casper_accounts":   "account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out",
		"casper_signatures": "block_hash, n",
		"counts":            "kind, scope, bucket, n",
	} {
		one := `select ` + columns + ` from ix_` + build + `.` + table + ` where network = `
		q := `select count(*), coalesce(min(side || ' ' || r), '') from (
			(select 'lacks' as side, r::text from (` + one + `$2 except ` + one + `$1) r)
			union all (select 'has', r::text from (` + one + `$1 except ` + one + `$2) r)) d`
		var n int
		var first string
		if err := db.QueryRow(t.Context(), q, c.network, c.network+"-clean").Scan(&n, &first); err != nil {
			return err.Error()
		}
		if n != 0 {
			return fmt.Sprintf("%s: %d rows differ, %.300s", table, n, first)
		}
	}
	var blocks, signatures int
	q := strings.ReplaceAll(`select (select count(*) from ix.casper_blocks where network = $1),
		(select coalesce(sum(n), 0)::bigint from ix.casper_signatures where network = $1)`, "ix.", "ix_"+build+".")
	if err := db.QueryRow(t.Context(), q, c.network).Scan(&blocks, &signatures); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d blocks, %d signatures", blocks, signatures)
}

// twinServices runs one event-handler and one writer for all networks.
func twinServices(t *testing.T, networks string) (*pgxpool.Pool, *tail) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fondaco.yaml")
	if err := os.WriteFile(path, []byte("networks:\n"+networks), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	nats := bustest.Start(t)
	bustest.Provision(t, nats, topology.Streams(), topology.Buckets(), topology.Objects())
	db, log := pgtest.New(t), &tail{}
	hints := miniredis.RunT(t) // nobody listens
	run := func(name string, f func(context.Context, *zlog.Logger) error) {
		zl, err := zlog.New(zlog.Config{Level: "info"}, name, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := f(ctx, zl); err != nil && ctx.Err() == nil {
				t.Errorf("%s ended: %v", name, err)
			}
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	run("writer", func(ctx context.Context, zl *zlog.Logger) error {
		return writer.Run(ctx, writer.Config{Path: path, Bus: bus.Config{URL: nats.URL, Name: "writer"}, PG: pg.Config{URL: db, MaxConns: 32},
			Redis: rds.Config{URL: env.Secret("redis://" + hints.Addr())}, Promote: "auto", Migrate: true}, zl)
	})
	run("event-handler", func(ctx context.Context, zl *zlog.Logger) error {
		return eventhandler.Run(ctx, eventhandler.Config{File: file, Bus: bus.Config{URL: nats.URL, Name: "event-handler"},
			CasperPatience: 300 * time.Millisecond, CasperQuiet: time.Second}, zl)
	})
	pool, err := pgxpool.New(t.Context(), db.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, log
}
