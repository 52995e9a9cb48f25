package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/postgres"
	"fondaco.dev/pkg/pgtest"
)

func TestDataSurvivesStopAndCrash(t *testing.T) {
	t.Parallel()
	pgtest.Server(t) // skips by name where there is no Postgres
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Below a folder that another user may not enter.
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := postgres.Config{Dir: filepath.Join(closed, "pg"), Password: "p'w", Settings: []string{"fsync=off"}}
	query := func(s *postgres.Server, q string) (n int) {
		t.Helper()
		conn, err := pgx.Connect(ctx, s.SuperURL("postgres").Reveal())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if err := conn.QueryRow(ctx, q).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for round, stop := range []func(*postgres.Server){(*postgres.Server).Stop, (*postgres.Server).Kill, (*postgres.Server).Stop} {
		s, err := postgres.Start(ctx, cfg, zap.NewNop())
		if err != nil {
			t.Fatalf("start %d: %v", round, err)
		}
		t.Cleanup(func() { s.Stop(); _ = os.RemoveAll(s.Dir()) })
		if round == 0 {
			conn, err := pgx.Connect(ctx, s.SuperURL("postgres").Reveal())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(ctx, "create table t as select 41 as n"); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close(ctx)
		}
		if n := query(s, "select n from t"); n != 41 {
			t.Fatalf("start %d: n = %d", round, n)
		}
		begun := time.Now()
		stop(s)
		if d := time.Since(begun); d > 8*time.Second {
			t.Errorf("stopping took %v", d)
		}
	}
}
