// Package apitest fills a Postgres for tests the way the writer does: rows and
// cursor in one transaction, a hint after it.
package apitest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pgtest"
)

// Build is the one index of a test database.
const Build = "b1"

// Created is when the streams of a test were made.
var Created = time.UnixMilli(1700000000000)

// DB is a database with the writer's schema and an empty live build.
type DB struct {
	Super  *pgxpool.Pool
	SuURL  env.Secret
	Reader env.Secret // URL of a role that can only read
}

// New makes the database.
func New(t testing.TB) *DB {
	t.Helper()
	su := pgtest.New(t)
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, su.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := &DB{Super: pool, SuURL: su}
	db.Exec(t, sqlFile(t, "migrations/00001_init.sql"))
	for _, extra := range migrations(t) {
		db.Exec(t, sqlFile(t, extra))
	}
	db.Exec(t, `create schema ix_`+Build)
	db.Exec(t, `set search_path = ix_`+Build+`; `+sqlFile(t, "index.sql")+`; reset search_path`)
	db.Exec(t, `grant usage on schema ix_`+Build+` to fondaco_reader; grant select on all tables in schema ix_`+Build+` to fondaco_reader`)
	db.Exec(t, `do $$ begin
		if not exists (select from pg_roles where rolname = 'api_test') then create role api_test login password 'api' in role fondaco_reader; end if;
		exception when duplicate_object or unique_violation then null; end $$`)
	db.Exec(t, `insert into ctl.builds (build, projection, status) values ('`+Build+`', 1, 'live'); insert into ctl.deployments (build) values ('`+Build+`')`)
	u, err := url.Parse(su.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("api_test", "api")
	db.Reader = env.Secret(u.String())
	return db
}

// Exec runs statements without parameters.
func (db *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Super.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%v\n%.300s", err, sql)
	}
}

func schemaDir(t testing.TB) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "writer", "internal", "schema", "sql")
}

// migrations are those after the first, in order.
func migrations(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(schemaDir(t), "migrations", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range all {
		if name := filepath.Base(f); !strings.HasPrefix(name, "00001_") {
			out = append(out, "migrations/"+name)
		}
	}
	return out
}

var down = regexp.MustCompile(`(?s)-- \+goose Down.*`)

// sqlFile reads a file of the writer's schema without goose's marks.
func sqlFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(schemaDir(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return down.ReplaceAllString(string(data), "")
}

// Cursor sets a partition's cursor as the writer would.
func (db *DB) Cursor(t testing.TB, build, partition string, seq, pos uint64) {
	t.Helper()
	db.Exec(t, `insert into ctl.cursors (build, partition, stream_created, seq, digest, pos, caught_up) values ($1, $2, $3, $4, '', $5, true)
		on conflict (build, partition) do update set seq = excluded.seq, pos = excluded.pos, caught_up = true`,
		build, partition, Created.UnixMilli(), int64(seq), int64(pos))
}

// Account makes an account with a token.
func (db *DB) Account(t testing.TB, id uint64, role int, token string) {
	t.Helper()
	db.Exec(t, `insert into ident.accounts (id, name, role, created_at) values ($1, $2, $3, now()) on conflict do nothing`, int64(id), fmt.Sprintf("a%d", id), role)
	db.Exec(t, `insert into ident.tokens (hash, account, created_at) values (sha256($1::bytea), $2, now())`, []byte(token), int64(id))
}
