package schema_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/services/writer/internal/schema"
)

var update = flag.Bool("update", false, "rewrite schema.sql; with -previous also testdata/previous.sql")
var updatePrevious = flag.Bool("previous", false, "with -update: this schema becomes the previous release's")

// sample is the chain index that stands for all of them in schema.sql.
const sample = "sample"

const (
	schemaFile   = "../../schema.sql"
	previousFile = "../../testdata/previous.sql"
)

// TestSchemaIsTheCommittedOne applies all migrations to an empty database, and
// those that are new since the previous release to its dump: both must give
// the committed schema.sql.
func TestSchemaIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	pgDump := findDump(t)
	ctx := context.Background()

	empty := pgtest.New(t)
	migrate(ctx, t, empty)
	makeSample(ctx, t, empty)
	got := dump(t, pgDump, empty)
	if *update {
		write(t, schemaFile, got)
		if *updatePrevious {
			write(t, previousFile, got+versions(ctx, t, empty))
		}
	}
	compare(t, "an empty database", got)

	previous, err := os.ReadFile(previousFile)
	if err != nil {
		t.Fatal(err)
	}
	old := pgtest.New(t)
	conn := connect(ctx, t, old)
	if _, err := conn.PgConn().Exec(ctx, string(previous)).ReadAll(); err != nil {
		t.Fatalf("restoring the previous release: %v", err)
	}
	migrate(ctx, t, old)
	compare(t, "the previous release", dump(t, pgDump, old))
}

func migrate(ctx context.Context, t *testing.T, url env.Secret) {
	t.Helper()
	if _, err := schema.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
}

func makeSample(ctx context.Context, t *testing.T, url env.Secret) {
	t.Helper()
	conn := connect(ctx, t, url)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return schema.CreateIndex(ctx, tx, sample) })
	if err != nil {
		t.Fatal(err)
	}
}

func connect(ctx context.Context, t *testing.T, url env.Secret) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(ctx, url.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

func compare(t *testing.T, from, got string) {
	t.Helper()
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s gives another schema than schema.sql, first at line %d: %q; run: go test ./internal/schema -update", from, i+1, g[i])
		}
	}
	t.Fatalf("%s gives a shorter schema than schema.sql; run: go test ./internal/schema -update", from)
}

func findDump(t *testing.T) string {
	t.Helper()
	pgtest.Server(t)
	path, err := exec.LookPath("pg_dump")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no pg_dump: install Debian's postgresql-client package")
		}
		t.Skip("no pg_dump: install Debian's postgresql-client package")
	}
	return path
}

// dump is the schema without what differs between versions of pg_dump:
// comments, settings and blank lines.
func dump(t *testing.T, pgDump string, url env.Secret) string {
	t.Helper()
	out, err := exec.Command(pgDump, "--schema-only", "--no-owner", url.Reveal()).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	var b strings.Builder
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), " \n")
		switch {
		case text == "", strings.HasPrefix(text, "--"), strings.HasPrefix(text, "SET "), strings.HasPrefix(text, `\`),
			strings.HasPrefix(text, "SELECT pg_catalog.set_config"):
			continue
		}
		b.WriteString(text + "\n")
	}
	return b.String()
}

// versions are the rows by which goose knows what was applied, and the role
// that belongs to the cluster.
func versions(ctx context.Context, t *testing.T, url env.Secret) string {
	t.Helper()
	conn := connect(ctx, t, url)
	rows, err := conn.Query(ctx, `select format('INSERT INTO public.goose_db_version (version_id, is_applied) VALUES (%s, %L);', version_id, is_applied) from goose_db_version order by id`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, "\n") + "\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
