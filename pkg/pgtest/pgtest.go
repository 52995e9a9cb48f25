// Package pgtest gives each test an empty Postgres database of its own. One
// server serves a whole test binary.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/postgres"
	"fondaco.dev/pkg/env"
)

// shared is the server of this test binary: the one piece of state that tests
// of different packages' binaries do not share.
var shared = sync.OnceValues(start)

var databases atomic.Int64

const prefix = "fondaco-pgtest-"

func start() (*postgres.Server, error) {
	sweep()
	return postgres.Start(context.Background(), postgres.Config{
		Dir:      filepath.Join(os.TempDir(), prefix+strconv.Itoa(os.Getpid())),
		Bin:      os.Getenv("FONDACO_PG_BIN"),
		Password: "test",
		// Tests kill services, never the machine.
		Settings: []string{"fsync=off", "full_page_writes=off", "shared_buffers=64MB"},
	}, zap.NewNop())
}

// sweep removes the folders of test binaries that are gone: the server dies
// with its binary, its files stay.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	for _, dir := range dirs {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), prefix))
		if err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.RemoveAll(dir)
		}
	}
}

// Server returns the shared server. Without Postgres binaries the test skips
// by name, except under CI=true, where that is a failure.
func Server(t testing.TB) *postgres.Server {
	t.Helper()
	s, err := shared()
	if err != nil {
		if os.Getenv("CI") != "true" {
			t.Skipf("no Postgres for this test: %v", err)
		}
		t.Fatal(err)
	}
	return s
}

// New makes an empty database and returns its superuser's URL; it is dropped
// after the test.
func New(t testing.TB) env.Secret {
	t.Helper()
	s := Server(t)
	name := fmt.Sprintf("t%d", databases.Add(1))
	exec(t, s, "create database "+name)
	t.Cleanup(func() { exec(t, s, "drop database "+name+" with (force)") })
	return s.SuperURL(name)
}

func exec(t testing.TB, s *postgres.Server, q string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.SuperURL("postgres").Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, q); err != nil {
		t.Fatal(err)
	}
}
