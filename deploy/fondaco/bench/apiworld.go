package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// unlimited: one address has all connections here, and a limit would be measured
// instead of the api.
var unlimited = []string{"FONDACO_LIMIT_ADDRESS_READS=0", "FONDACO_LIMIT_ADDRESS_SOCKETS=0", "FONDACO_LIMIT_READS=0", "FONDACO_LIMIT_SOCKETS=0",
	"FONDACO_WS_PER_ADDRESS=0", "FONDACO_WS_MAX=1000000"}

// apiWorld is a house with a venue and, in the database, as many rows as wanted.
type apiWorld struct {
	*bookWorld
	file   *config.File
	bursts int // sent so far
	ref    uint64
}

// inAPI runs in a world of its own with the writer and the order book up. more
// is appended to the configuration, whose last section is the markets; env are
// settings of the services.
func (b *API) inAPI(ctx context.Context, networks, more string, do func(*apiWorld) error, env ...string) error {
	book, err := b.book.newBookWorld(ctx, nil, networks, slices.Concat(unlimited, noSnapshots, env)...)
	if err != nil {
		return err
	}
	defer book.close()
	f, err := os.OpenFile(book.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(more)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("adding to the configuration: %w", err)
	}
	w := &apiWorld{bookWorld: book}
	if w.file, err = config.Load(w.config); err != nil {
		return err
	}
	if _, err := w.up(ctx, "writer", "orderbook"); err != nil {
		return err
	}
	if err := w.fund(ctx); err != nil {
		return err
	}
	return do(w)
}

// host of a replica, as a client dials it.
func host(p *program) string { return strings.TrimPrefix(p.http, "http://") }

// burst has the book make that many trades at once in each of the markets
// numbered first..last. Both sides are in one pack, so that it is one output.
func (w *apiWorld) burst(ctx context.Context, first, last, trades int) error {
	w.bursts++
	p := &ordersv1.Pack{}
	side := func(account uint64, market int, s ordersv1.Side, lots int) {
		w.ref++
		p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: account, Market: uint32(market), Side: s,
			Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: middle, QuantityLots: int64(lots), ClientRef: w.ref}}})
	}
	for m := first; m <= last; m++ {
		side(firstTrader, m, ordersv1.Side_SIDE_SELL, trades)
		for range trades {
			side(firstTrader+1, m, ordersv1.Side_SIDE_BUY, 1)
		}
	}
	data, err := proto.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding a burst: %w", err)
	}
	_, err = send(ctx, w.pack.JetStream(), fmt.Sprintf("burst-%d", w.bursts), [][]byte{data})
	return err
}

// settled is a process's memory in bytes once it has nothing to do: the least of
// ten looks, one a second, since freed pages go back to the kernel in the
// background.
func (p *program) settled(ctx context.Context) (least int64, err error) {
	for range 10 {
		now, err := p.resident()
		if err != nil {
			return 0, err
		}
		if least == 0 || now < least {
			least = now
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return least, nil
}

// resident is a process's memory in bytes, after its garbage was collected.
func (p *program) resident() (int64, error) {
	for range 2 { // the second frees what the first one's finalizers held
		resp, err := http.Get(p.admin + "/debug/pprof/heap?gc=1")
		if err != nil {
			return 0, fmt.Errorf("asking for a collection: %w", err)
		}
		_ = resp.Body.Close()
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.proc.Pid()))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		if f := strings.Fields(string(line)); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc says nothing of the memory")
}

// metric is the value of a metric without labels; 0 when there is none.
func (p *program) metric(name string) (v float64) {
	resp, err := http.Get(p.admin + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for in := bufio.NewScanner(resp.Body); in.Scan(); {
		if text, ok := strings.CutPrefix(in.Text(), name+" "); ok {
			v, _ = strconv.ParseFloat(text, 64)
		}
	}
	return v
}

// raise allows as many open files as the kernel lets this user have; children
// inherit it.
func raise(files uint64) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil || l.Cur >= files {
		return
	}
	higher := syscall.Rlimit{Cur: files, Max: max(l.Max, files)}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher) != nil { // only root may raise the upper one
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: l.Max, Max: l.Max})
	}
}

// nowhere is where nodes of networks are that nobody asks.
const nowhere = "http://127.0.0.1:9"

// manyNetworks is a Casper network and, as networkConfig writes it, an EVM one.
func manyNetworks() string {
	return networkConfig(Load{URL: nowhere, ChainID: 1337, Token: "0x5FbDB2315678afecb367f032d93F642f64180aa3"}, "logs") + fmt.Sprintf(`  - name: casper
    kind: casper
    sse: [%q]
    rpc: [%q]
`, nowhere+"/events", nowhere+"/rpc")
}

// fill writes rows as the writer would have, with its counters and cursors. The
// indexes are made afterwards, which is quicker, and nothing is kept in case of
// a crash.
func (w *apiWorld) fill(ctx context.Context, blocks, events int) error {
	conn, err := w.database(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var build string
	if err := w.until(ctx, time.Minute, 20*time.Millisecond, func() (bool, string) {
		// An api serves once the venue has a cursor too.
		err := conn.QueryRow(ctx, `select build from ctl.deployments where exists (select from ctl.cursors where partition like 'trade.%')`).Scan(&build)
		return err == nil, fmt.Sprint(err)
	}); err != nil {
		return err
	}
	for _, p := range w.procs {
		if p.name == "writer" {
			p.stop() // nobody else moves the cursors
		}
	}
	subject := map[string]string{}
	for _, n := range w.file.Networks {
		subject[n.Name] = n.Subject()
	}
	const cursor = `insert into ctl.cursors (build, partition, stream_created, seq, digest, pos, caught_up, number, finalized)
		values ('%s', '%s', 1700000000000, 0, '', %d, true, %d, %d) on conflict (build, partition) do update set pos = excluded.pos, number = excluded.number,
		finalized = excluded.finalized, caught_up = true;`
	script := fmt.Sprintf(`
set search_path to ix_%[1]s;
set synchronous_commit to off;
set maintenance_work_mem to '512MB';
alter table casper_blocks drop constraint casper_blocks_pkey;
drop index casper_blocks_height;
alter table casper_blocks set unlogged;
insert into casper_blocks select 'casper', lpad(to_hex(g), 64, '0'), lpad(to_hex(g-1), 64, '0'), g, 1, '2024-01-01T00:00:00.000Z', g * 16000, '01aa', repeat('a', 64), '{}', (g+1) << 20
	from generate_series(0, %[2]d::bigint - 1) g;
alter table casper_blocks add primary key (network, hash);
create index casper_blocks_height on casper_blocks (network, height desc, hash);
insert into counts select 'casper', 'blocks', '', b, least(1000, %[2]d - b * 1000) from generate_series(0, (%[2]d - 1) / 1000) b;
drop index events_pos;
alter table events set unlogged;
insert into events select 'bench', g / 100, g %% 100, decode(lpad(to_hex(g/100), 64, '0'), 'hex'), g / 100, decode(lpad(to_hex(g), 64, '0'), 'hex'), 0,
	decode('5fbdb2315678afecb367f032d93f642f64180aa3', 'hex'), 'token', 'Transfer',
	jsonb_build_object('from', '0x' || lpad(to_hex(g %% 1000), 40, '0'), 'to', '0x' || lpad(to_hex(g %% 777), 40, '0'), 'value', g::text),
	array[decode('ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef', 'hex'), decode(lpad(to_hex(g %% 1000), 64, '0'), 'hex'), decode(lpad(to_hex(g %% 777), 64, '0'), 'hex')],
	decode(lpad(to_hex(g), 64, '0'), 'hex'), '', (g+1) << 20, null from generate_series(0, %[3]d::bigint - 1) g;
create index events_pos on events (network, pos);
insert into blocks select 'bench', g, decode(lpad(to_hex(g), 64, '0'), 'hex'), decode(lpad(to_hex(g-1), 64, '0'), 'hex'), g, 1, 100, '', (g*100+100) << 20 from generate_series(0::bigint, %[3]d / 100) g;
analyze casper_blocks; analyze events; analyze counts; analyze sums; analyze blocks;
`, build, blocks, events) +
		fmt.Sprintf(cursor, build, subject["casper"], int64(blocks+1)<<20, blocks-1, blocks-1) +
		fmt.Sprintf(cursor, build, subject[network], int64(events+1)<<20, events/100, events/100)
	if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
		return fmt.Errorf("filling the tables: %w", err)
	}
	return nil
}

// database connects as the schema's owner.
func (w *apiWorld) database(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, w.infra.OwnerURL().Reveal())
	if err != nil {
		return nil, fmt.Errorf("connecting to postgres: %w", err)
	}
	return conn, nil
}
