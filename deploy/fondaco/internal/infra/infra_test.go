package infra

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/proto/topology"
)

func start(t *testing.T, dir *home.Dir) *Infra {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	in, err := Start(ctx, Config{Dir: dir, System: System{Profile: "dev", ManualDeposits: true}}, zlogtest.Test(t).Logger)
	if err != nil {
		if strings.Contains(err.Error(), "no postgres server binaries") && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	return in
}

// A second start finds the streams, the tables and the passwords of the first.
func TestSecondStartContinues(t *testing.T) {
	t.Parallel()
	dir, err := home.Open(filepath.Join(shallow(t), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	in := start(t, dir)
	ctx := t.Context()
	exec(t, in.OwnerURL(), "create table kept (n integer)")
	exec(t, in.OwnerURL(), "grant select on kept to fondaco_reader")
	if err := tryExec(t, in.ReaderURL(), "insert into kept values (1)"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("the reader wrote: %v", err)
	}
	in.Stop()

	in = start(t, dir)
	defer in.Stop()
	exec(t, in.ReaderURL(), "select n from kept")
	b, err := bus.Connect(ctx, bus.Config{URL: in.NATSURL(), User: topology.UserWriter, Password: in.NATSPassword(topology.UserWriter)}, zlogtest.Test(t).Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.CheckDurable(ctx); err != nil {
		t.Error(err)
	}
	if s, err := ReadSystem(ctx, b.JetStream()); err != nil || !s.ManualDeposits || s.Profile != "dev" {
		t.Errorf("ReadSystem = %+v, %v", s, err)
	}
}

// shallow is a folder that another user can enter, as Postgres must when the
// tests run as root; t.TempDir is not one.
func shallow(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fondaco-infra-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func exec(t *testing.T, url env.Secret, q string) {
	t.Helper()
	if err := tryExec(t, url, q); err != nil {
		t.Fatal(err)
	}
}

func tryExec(t *testing.T, url env.Secret, q string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url.Reveal())
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), q)
	return err
}
