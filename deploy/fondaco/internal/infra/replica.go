package infra

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"

	"fondaco.dev/pkg/embedded/postgres"
	"fondaco.dev/pkg/env"
)

// Replica is a streaming replica of the database: a second server that follows
// the first.
type Replica struct {
	in  *Infra
	cfg postgres.Config
	pg  *postgres.Server
}

// Replica copies the database into a folder of that name beside it and starts a
// server that follows it. It needs pg_basebackup. The caller stops it.
func (in *Infra) Replica(ctx context.Context, name string) (*Replica, error) {
	bin, err := baseBackup()
	if err != nil {
		return nil, err
	}
	super, err := url.Parse(in.pg.SuperURL("postgres").Reveal())
	if err != nil {
		return nil, fmt.Errorf("reading the database's URL: %w", err)
	}
	password, _ := super.User.Password()
	// Beside the primary's own folder, which may have moved to where its user can enter.
	dir := filepath.Join(filepath.Dir(in.pg.Dir()), filepath.Base(in.pg.Dir())+"-"+name)
	cmd := osexec.CommandContext(ctx, bin, "-D", dir, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", super.Hostname(), "-p", super.Port(), "-U", super.User.Username())
	// Not as an argument, which everybody sees.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PGPASSWORD=" + password}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copying the database: %w: %s", err, bytes.TrimSpace(out))
	}
	r := &Replica{in: in, cfg: postgres.Config{Dir: dir, Bin: in.cfg.Bin, Password: env.Secret(password)}}
	return r, r.start(ctx)
}

// baseBackup finds the program on PATH or in Debian's folders.
func baseBackup() (string, error) {
	if p, err := osexec.LookPath("pg_basebackup"); err == nil {
		return p, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("a replica needs pg_basebackup, of Debian's package postgresql-client")
	}
	return found[len(found)-1], nil
}

func (r *Replica) start(ctx context.Context) (err error) {
	if r.pg, err = postgres.Start(ctx, r.cfg, r.in.log); err != nil {
		return fmt.Errorf("starting the replica: %w", err)
	}
	r.cfg.Port = r.pg.Port()
	return nil
}

// ReaderURL is the replica for the api.
func (r *Replica) ReaderURL() env.Secret {
	return r.pg.URL(readerLogin, r.in.secrets.Get("postgres.reader"), database)
}

// Restart kills the replica as a crash would, runs what is to happen while it
// is away and starts it again on the same port.
func (r *Replica) Restart(ctx context.Context, away func()) error {
	r.pg.Kill()
	away()
	return r.start(ctx)
}

// Stop ends the replica and removes its folder.
func (r *Replica) Stop() error {
	r.pg.Stop()
	if err := os.RemoveAll(r.cfg.Dir); err != nil {
		return fmt.Errorf("removing the replica's folder: %w", err)
	}
	return nil
}
