// Package service puts a writer together: its partitions, their hints and the
// promotion of its build.
package service

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/writer/internal/chain"
	"fondaco.dev/services/writer/internal/hint"
	"fondaco.dev/services/writer/internal/ident"
	"fondaco.dev/services/writer/internal/journal"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Ways of promoting a build that caught up.
const (
	PromoteAuto   = "auto"
	PromoteManual = "manual"
)

// Config is the writer's configuration; see the root package.
type Config struct {
	Path    string
	Admin   string
	Bus     bus.Config
	PG      pg.Config
	Redis   rds.Config
	Promote string
	Migrate bool
}

type service struct {
	cfg   Config
	file  *config.File
	build string
	log   *zlog.Logger
	admin *admin.Server

	pool    *pgxpool.Pool
	bus     *bus.Bus
	hints   *hint.Publisher
	metrics *partition.Metrics
}

// Run serves until ctx ends.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	file, err := config.Load(cfg.Path)
	if err != nil {
		return err
	}
	cfg.Redis = cfg.Redis.Settle(ctx)
	redis, err := rds.Open(cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.Close()
	s := &service{cfg: cfg, file: file, build: file.Build(projection.Version), log: log, admin: admin.New(cfg.Admin, log)}
	s.hints = hint.New(redis, s.admin.Registry(), log.Logger)
	s.metrics = partition.NewMetrics(s.admin.Registry())
	return run.All(ctx, log.Logger,
		run.Part{Name: "admin", Run: s.admin.Run},
		run.Part{Name: "hints", Run: s.hints.Run},
		run.Part{Name: "redis", Run: cfg.Redis.Watch},
		run.Part{Name: "writer", Run: s.write})
}

// write waits for what the partitions need, then runs them.
func (s *service) write(ctx context.Context) error {
	database, stream := s.admin.Status("postgres"), s.admin.Status("nats")
	database.Set(errors.New("waiting for postgres"))
	stream.Set(errors.New("waiting for nats and its streams"))
	var err error
	if s.pool, err = pg.Open(ctx, s.cfg.PG.URL, s.cfg.PG.MaxConns, "writer", s.log.Logger); err != nil {
		return err
	}
	defer s.pool.Close()
	if err := s.prepare(ctx, database); err != nil {
		return err
	}
	database.Set(nil)
	if s.bus, err = bus.Connect(ctx, s.cfg.Bus, s.log.Logger); err != nil {
		return err
	}
	defer s.bus.Close()
	if err := s.bus.CheckDurable(ctx); err != nil {
		return err
	}
	stream.Set(nil)
	s.log.Info("writing", zap.String("build", s.build), zap.Int("networks", len(s.file.Networks)), zap.String("venue", s.file.Venue))

	parts := []run.Part{{Name: "promotion", Run: (&promotion{service: s}).run}}
	partitions := s.partitions()
	for _, p := range partitions {
		parts = append(parts, run.Part{Name: p.Name, Run: p.Run})
	}
	parts = append(parts, run.Part{Name: "heartbeat", Run: func(ctx context.Context) error {
		return hint.Heartbeat(ctx, s.hints, func() []*feedv1.Hint { return positions(partitions) })
	}})
	return run.All(ctx, s.log.Logger, parts...)
}

// prepare migrates and makes the build; it tries again while Postgres is away.
func (s *service) prepare(ctx context.Context, status *admin.Status) error {
	backoff := run.Backoff{Max: 5 * time.Second}
	for {
		err := s.migrate(ctx)
		if err == nil {
			err = schema.EnsureBuild(ctx, s.pool, s.build, projection.Version, s.file.Networks)
		}
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		status.Set(err)
		s.log.Warn("preparing the database", zap.Error(err))
		if backoff.Wait(ctx) != nil {
			return ctx.Err()
		}
	}
}

func (s *service) migrate(ctx context.Context) error {
	if !s.cfg.Migrate {
		return nil
	}
	applied, err := schema.Migrate(ctx, s.cfg.PG.URL)
	for _, m := range applied {
		s.log.Info("migration applied", zap.Int64("version", m.Version))
	}
	return err
}

// tradesEvery spaces the transactions of a venue: its live state is served from
// TRADES, and one transaction a message took a processor and the disk's fsyncs
// from the orders themselves.
const tradesEvery = 50 * time.Millisecond

func (s *service) partitions() []*partition.Partition {
	var out []*partition.Partition
	add := func(build, name, stream, subject string, p partition.Projection) {
		out = append(out, &partition.Partition{Build: build, Name: name, Stream: stream, Subject: subject, Bus: s.bus, Pool: s.pool,
			Projection: p, Hints: s.hints, Status: s.admin.Status(name), Metrics: s.metrics, Log: s.log.Logger})
	}
	for _, n := range s.file.Networks {
		var p partition.Projection = chain.NewEVM(s.build, n, s.pool, s.bus, s.metrics)
		if n.Kind == config.KindCasper {
			p = chain.NewCasper(s.build, n, s.pool, s.bus, s.metrics)
		}
		add(s.build, n.Subject(), chainv1.Stream, n.Subject(), p)
	}
	if v := s.file.Venue; v != "" {
		add("", feedv1.TradePartition(v), tradesv1.Stream, tradesv1.Subject(v), journal.New(v, s.metrics))
		book := out[len(out)-1]
		book.Every = tradesEvery
		for _, p := range out[:len(out)-1] {
			p.Yields = book.Active // which no other process's partition tells
		}
	}
	add("", feedv1.IdentityPartition, identityv1.Stream, identityv1.Subject, ident.New(s.bus, s.metrics, s.log.Logger))
	return out
}

// positions are the heartbeats of the partitions that this process writes.
func positions(partitions []*partition.Partition) []*feedv1.Hint {
	var out []*feedv1.Hint
	for _, p := range partitions {
		c, held := p.Cursor()
		if !held {
			continue
		}
		h := &feedv1.Hint{Build: p.Build, Partition: p.Name, Epoch: c.Epoch(), PrevPos: c.Pos, Pos: c.Pos, Head: c.Height(),
			Finalized: c.Final(), CaughtUp: c.CaughtUp}
		if p.Build != "" {
			h.Projection = projection.Version
		}
		out = append(out, h)
	}
	return out
}
