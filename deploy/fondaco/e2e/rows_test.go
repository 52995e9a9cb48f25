package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/zlog"
	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/devnet"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/writer"
)

// ignored columns hold when a row was written, not what; they differ between
// two runs over the same messages.
var ignored = []string{"created_at", "updated_at", "promoted_at"}

// still ends every service that publishes, and returns when the database holds
// the end of every subject: nothing may move while two databases are compared,
// and an event-handler whose chain stands still goes on with its second look.
func (s *stack) still(db *pgx.Conn) {
	s.t.Helper()
	for name := range maps.Clone(s.procs) {
		if !strings.HasPrefix(name, "writer") {
			s.end(name)
		}
	}
	b := provisionerBus(s.t, s.infra)
	defer b.Close()
	eventually(s.t, 60*time.Second, "the database to hold all that was published", func() error { return stored(s.t.Context(), b, db) })
}

// stored says whether the live build's cursors, and those of what has no build,
// stand at the ends of their subjects.
func stored(ctx context.Context, b *bus.Bus, db *pgx.Conn) error {
	at, err := tryPositions(ctx, db)
	if err != nil {
		return err
	}
	for partition, seq := range at {
		stream, subject := chainv1.Stream, partition
		if venue, ok := strings.CutPrefix(partition, feedv1.TradePartition("")); ok {
			stream, subject = tradesv1.Stream, tradesv1.Subject(venue)
		} else if partition == feedv1.IdentityPartition {
			stream, subject = identityv1.Stream, identityv1.Subject
		}
		last, err := b.Last(ctx, stream, subject)
		if err != nil {
			return err
		}
		if last != nil && int64(last.Seq) != seq {
			return fmt.Errorf("%s: the rows are at %d of %d", partition, seq, last.Seq)
		}
	}
	return nil
}

// sameRows lets a second writer read the same streams, to which nobody may
// publish any more (see still), into an empty database and compares every table,
// or those of the schemas that are named.
func sameRows(t *testing.T, s *stack, db *pgx.Conn, schemas ...string) {
	fresh := pgtest.New(t)
	values := environ(s.infra, "writer", s.config, "127.0.0.1:0")
	values["FONDACO_PG_URL"] = fresh.Reveal()
	stop := inProcess(t, writer.ConfigFromEnv, writer.Run, values)
	other := connect(t, fresh.Reveal())
	defer func() { _ = other.Close(context.Background()) }()
	want := positions(t, db)
	eventually(t, 90*time.Second, "the second writer to read everything", func() error {
		if got, err := tryPositions(t.Context(), other); err != nil {
			return err
		} else if !maps.Equal(got, want) {
			return fmt.Errorf("it is at %v, want %v", got, want)
		}
		return nil
	})
	stop()
	tables := tablesOf(t, db, schemas...)
	if again := tablesOf(t, other, schemas...); !slices.Equal(tables, again) || len(tables) == 0 {
		t.Errorf("tables %v and %v", tables, again)
	}
	for _, table := range tables {
		a, b := digest(t, db, table), digest(t, other, table)
		if a != b {
			t.Errorf("%s: %s after the kills, %s undisturbed", table, a, b)
		}
	}
	t.Logf("%d tables are the same", len(tables))
}

// inProcess runs a service in this process until the returned function is called.
func inProcess[C any](t *testing.T, load func(env.Lookup) (C, error), run func(context.Context, C, *zlog.Logger) error, values map[string]string) (stop func()) {
	t.Helper()
	cfg, err := load(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	log, err := zlog.New(zlog.Config{Level: "info"}, "clean", newLines(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, cfg, log) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("a service in this process: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// positions are the cursors of the live build and of what has none.
func positions(t *testing.T, db *pgx.Conn) map[string]int64 {
	t.Helper()
	out, err := tryPositions(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryPositions(ctx context.Context, db *pgx.Conn) (map[string]int64, error) {
	rows, err := db.Query(ctx, "select partition, seq from ctl.cursors where build in ('', (select build from ctl.deployments))")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var partition string
		var seq int64
		if err := rows.Scan(&partition, &seq); err != nil {
			return nil, err
		}
		out[partition] = seq
	}
	return out, rows.Err()
}

// tablesOf lists the house's tables, schema and name, or those of some schemas.
func tablesOf(t *testing.T, db *pgx.Conn, schemas ...string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), `select table_schema || '.' || table_name from information_schema.tables
where table_type = 'BASE TABLE' and (table_schema in ('ctl', 'trade', 'ident') or table_schema like 'ix\_%')
	and (coalesce(cardinality($1::text[]), 0) = 0 or table_schema = any($1)) order by 1`, schemas)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// digest is the number of rows of a table and a hash over all of them.
func digest(t *testing.T, db *pgx.Conn, table string, without ...string) string {
	t.Helper()
	schema, name, _ := strings.Cut(table, ".")
	rows, err := db.Query(t.Context(), "select column_name from information_schema.columns where table_schema = $1 and table_name = $2 order by ordinal_position", schema, name)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	columns = slices.DeleteFunc(columns, func(c string) bool { return slices.Contains(ignored, c) || slices.Contains(without, c) })
	for i, c := range columns {
		columns[i] = pgx.Identifier{c}.Sanitize()
	}
	from := pgx.Identifier{schema, name}.Sanitize()
	if table == "trade.order_lists" {
		// Its rows are cut where transactions were.
		columns, from = []string{"account", "venue", "id"}, "(select account, venue, unnest(ids) as id from trade.order_lists) l"
	}
	list := strings.Join(columns, ", ")
	q := fmt.Sprintf("select count(*) || ' rows ' || coalesce(md5(string_agg(md5(row(%[1]s)::text), '' order by md5(row(%[1]s)::text))), '') from %[2]s",
		list, from)
	var out string
	if err := db.QueryRow(t.Context(), q).Scan(&out); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
	return out
}

// sameEvents indexes the same chains from the nodes on, in another house, and
// compares what does not depend on when a block was seen: finalized ranges
// leave blocks without logs unlisted, and positions count messages.
func sameEvents(t *testing.T, net *devnet.Devnet, path string, db *pgx.Conn) {
	in := startInfra(t, infra.Config{})
	inProcess(t, eventhandler.ConfigFromEnv, eventhandler.Run, environ(in, "event-handler", path, "127.0.0.1:0"))
	inProcess(t, writer.ConfigFromEnv, writer.Run, environ(in, "writer", path, "127.0.0.1:0"))
	eventually(t, 90*time.Second, "the clean index to be there", func() error {
		return reached(t.Context(), in, net)
	})
	clean := connect(t, in.OwnerURL().Reveal())
	defer func() { _ = clean.Close(context.Background()) }()
	schema := func(db *pgx.Conn) string {
		var build string
		if err := db.QueryRow(t.Context(), "select build from ctl.deployments").Scan(&build); err != nil {
			t.Fatal(err)
		}
		return "ix_" + build
	}
	if a, b := schema(db), schema(clean); a != b {
		t.Fatalf("builds %s and %s of one configuration", a, b)
	}
	ix := schema(db)
	for table, without := range map[string][]string{
		"events": {"pos"}, "casper_blocks": {"pos"}, "casper_deploys": {"pos"}, "casper_transfers": {"pos"}, "casper_facts": {"pos", "received_ms"},
	} {
		a, b := digest(t, db, ix+"."+table, without...), digest(t, clean, ix+"."+table, without...)
		if a != b {
			t.Errorf("%s: %s after the kills, %s in a clean index", table, a, b)
			continue
		}
		t.Logf("%s: %s", table, a)
	}
	// Each block that the clean index lists is the same one here.
	const q = "select number, encode(hash, 'hex') from %s.blocks where network = 'dev'"
	have := heights(t, db, fmt.Sprintf(q, ix))
	for number, hash := range heights(t, clean, fmt.Sprintf(q, ix)) {
		if have[number] != hash {
			t.Errorf("block %d is %q here and %q in a clean index", number, have[number], hash)
		}
	}
	if len(have) != int(net.EVM.Head().Number.Int64())+1 {
		t.Logf("%d of %d blocks are listed", len(have), net.EVM.Head().Number.Int64()+1)
	}
}

func heights(t *testing.T, db *pgx.Conn, q string) map[int64]string {
	t.Helper()
	rows, err := db.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[int64]string{}
	for rows.Next() {
		var number int64
		var hash string
		if err := rows.Scan(&number, &hash); err != nil {
			t.Fatal(err)
		}
		out[number] = hash
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
