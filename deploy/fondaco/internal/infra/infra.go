// Package infra runs what the services stand on inside or beside one process:
// NATS with its streams provisioned, Postgres with its roles, Redis.
package infra

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/natsd"
	"fondaco.dev/pkg/embedded/postgres"
	"fondaco.dev/pkg/embedded/redisd"
	"fondaco.dev/pkg/env"
	"fondaco.dev/proto/topology"
)

// Config says where the servers keep their files.
type Config struct {
	Dir      *home.Dir
	Bin      string     // folder of the Postgres binaries; "" = find them
	RedisURL env.Secret // "" = run one
	NATSPort int        // on 127.0.0.1; 0 = a free one
	PGPort   int        // likewise
	LazySync bool       // NATS acks before fsync; services refuse it unless told otherwise
	MaxStore int64      // bytes that NATS may keep; 0 = what the disk has
	System   System     // written beside the streams
}

// Infra is the running servers.
type Infra struct {
	cfg     Config
	secrets *home.Secrets
	log     *zap.Logger
	nats    *natsd.Server
	pg      *postgres.Server
	redis   *redisd.Server // nil when another Redis was named
}

// Start starts the three side by side and provisions them. On an error nothing
// is left running.
func Start(ctx context.Context, cfg Config, log *zap.Logger) (*Infra, error) {
	secrets, err := cfg.Dir.Secrets()
	if err != nil {
		return nil, err
	}
	in := &Infra{cfg: cfg, secrets: secrets, log: log}
	// Every password is drawn now, so that all of them are saved.
	in.natsUsers()
	in.databaseUsers()
	if err := secrets.Save(); err != nil {
		return nil, err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return in.startNATS(gctx) })
	group.Go(func() error { return in.startPostgres(gctx) })
	if cfg.RedisURL == "" {
		group.Go(func() (err error) {
			in.redis, err = redisd.Start(gctx, log)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		in.Stop()
		return nil, err
	}
	return in, nil
}

// startNATS starts the bus on its folder and provisions it.
func (in *Infra) startNATS(ctx context.Context) error {
	dir := in.cfg.Dir.Path("nats")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the nats folder: %w", err)
	}
	srv, err := natsd.Start(natsd.Config{Dir: dir, Port: in.cfg.NATSPort, LazySync: in.cfg.LazySync, MaxStore: in.cfg.MaxStore, Users: in.natsUsers()}, in.log)
	if err != nil {
		return err
	}
	in.nats = srv
	return in.provision(ctx)
}

// databaseUsers are the passwords of Postgres, and the name of its folder.
func (in *Infra) databaseUsers() (superuser, owner, reader env.Secret, dir string) {
	// Named at random: where its user cannot enter the data folder, Postgres
	// keeps its files elsewhere under a name made from this one, and a data
	// folder that was deleted must not meet its older self there.
	dir = "postgres-" + strings.ToLower(in.secrets.Get("postgres.folder").Reveal()[:8])
	return in.secrets.Get("postgres.superuser"), in.secrets.Get("postgres.owner"), in.secrets.Get("postgres.reader"), dir
}

func (in *Infra) startPostgres(ctx context.Context) error {
	superuser, owner, reader, dir := in.databaseUsers()
	srv, err := postgres.Start(ctx, postgres.Config{Dir: in.cfg.Dir.Path(dir), Bin: in.cfg.Bin, Port: in.cfg.PGPort, Password: superuser}, in.log)
	if err != nil {
		return err
	}
	in.pg = srv
	return prepareDatabase(ctx, srv.SuperURL("postgres"), owner, reader)
}

// RestartNATS stops the bus and starts it again on the same port. between runs
// while it is down, for what can be done to its folder only then.
func (in *Infra) RestartNATS(ctx context.Context, between func(dir string) error) error {
	in.cfg.NATSPort, _ = in.Ports()
	in.nats.Stop()
	if err := between(in.cfg.Dir.Path("nats")); err != nil {
		return err
	}
	return in.startNATS(ctx)
}

// RestartPostgres kills the database as a crash would and starts it again on
// the same port.
func (in *Infra) RestartPostgres(ctx context.Context) error {
	_, in.cfg.PGPort = in.Ports()
	in.pg.Kill()
	return in.startPostgres(ctx)
}

// RestartRedis kills Redis and starts it again after that long, on the same port
// and empty.
func (in *Infra) RestartRedis(ctx context.Context, away time.Duration) error {
	return in.redis.Restart(ctx, away)
}

// natsUsers gives every user of the topology a password of its own.
func (in *Infra) natsUsers() []natsd.User {
	var users []natsd.User
	for _, p := range topology.Permissions() {
		users = append(users, natsd.User{Name: p.User, Password: in.NATSPassword(p.User), Publish: p.Publish, Subscribe: p.Subscribe})
	}
	return users
}

func (in *Infra) provision(ctx context.Context) error {
	b, err := bus.Connect(ctx, bus.Config{
		URL: in.nats.URL(), User: topology.UserProvisioner, Password: in.NATSPassword(topology.UserProvisioner), Name: "fondaco up",
	}, in.log)
	if err != nil {
		return err
	}
	defer b.Close()
	return Provision(ctx, b.JetStream(), in.cfg.System, in.nats.MonitorURL())
}

// Dir is the data folder in use.
func (in *Infra) Dir() *home.Dir { return in.cfg.Dir }

// Ports of NATS and Postgres on 127.0.0.1.
func (in *Infra) Ports() (nats, postgres int) {
	u, err := url.Parse(in.nats.URL())
	if err != nil {
		return 0, in.pg.Port()
	}
	nats, _ = strconv.Atoi(u.Port())
	return nats, in.pg.Port()
}

// NATSURL is where the bus listens.
func (in *Infra) NATSURL() string { return in.nats.URL() }

// NATSMonitorURL is the base of the bus's monitoring pages.
func (in *Infra) NATSMonitorURL() string { return in.nats.MonitorURL() }

// NATSPassword is the password of a user of the bus.
func (in *Infra) NATSPassword(user string) env.Secret { return in.secrets.Get("nats." + user) }

// RedisURL is the Redis in use.
func (in *Infra) RedisURL() env.Secret {
	if in.redis == nil {
		return in.cfg.RedisURL
	}
	return in.redis.URL()
}

// OwnerURL is the database for the writer, which owns the schema.
func (in *Infra) OwnerURL() env.Secret {
	return in.pg.URL(ownerRole, in.secrets.Get("postgres.owner"), database)
}

// ReaderURL is the database for the api, which can only read.
func (in *Infra) ReaderURL() env.Secret {
	return in.pg.URL(readerLogin, in.secrets.Get("postgres.reader"), database)
}

// Watch returns when a server has ended by itself, naming it, or when ctx ends.
func (in *Infra) Watch(ctx context.Context) error {
	var redisDone <-chan struct{}
	if in.redis != nil {
		redisDone = in.redis.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-in.pg.Done():
		return in.pg.Err()
	case <-redisDone:
		return errors.New("redis-server ended by itself")
	}
}

// Stop ends Redis, then NATS, then Postgres. It is safe after a failed Start.
func (in *Infra) Stop() {
	if in.redis != nil {
		in.redis.Stop()
	}
	if in.nats != nil {
		in.nats.Stop()
	}
	if in.pg != nil {
		in.pg.Stop()
	}
	// A temporary folder's Postgres may have moved where its user can enter.
	if in.pg != nil && in.cfg.Dir.Temporary() {
		if err := os.RemoveAll(in.pg.Dir()); err != nil {
			in.log.Warn("the temporary database folder is left behind", zap.String("dir", in.pg.Dir()), zap.Error(err))
		}
	}
}
