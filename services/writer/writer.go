// Package writer applies the CHAIN, TRADES and IDENTITY streams to Postgres,
// each message exactly once, and hints at what it committed on Redis. It owns
// the database's schema and its migrations.
package writer

import (
	"context"
	"fmt"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/writer/internal/schema"
	"fondaco.dev/services/writer/internal/service"
)

// Config is everything that a writer needs to know.
type Config struct {
	Path    string     // FONDACO_CONFIG: the configuration file
	Admin   string     // FONDACO_ADMIN_ADDR, default 127.0.0.1:9102
	Bus     bus.Config // FONDACO_NATS_*
	PG      pg.Config  // FONDACO_PG_URL, FONDACO_PG_MAX_CONNS
	Redis   rds.Config // FONDACO_REDIS_URL
	Promote string     // FONDACO_PROMOTE: auto (default) or manual
	Migrate bool       // FONDACO_MIGRATE: apply pending migrations at start, default true
}

// ConfigFromEnv reads the settings and names every problem at once.
func ConfigFromEnv(lookup env.Lookup) (Config, error) {
	r := env.New(lookup)
	cfg := Config{
		Path:    r.Required("FONDACO_CONFIG"),
		Admin:   r.String("FONDACO_ADMIN_ADDR", "127.0.0.1:9102"),
		Bus:     bus.ConfigFromEnv(r, "writer"),
		PG:      pg.ConfigFromEnv(r),
		Redis:   rds.ConfigFromEnv(r),
		Promote: r.OneOf("FONDACO_PROMOTE", service.PromoteAuto, service.PromoteAuto, service.PromoteManual),
		Migrate: r.Bool("FONDACO_MIGRATE", true),
	}
	return cfg, r.Err()
}

// Run writes until ctx ends; it waits for Postgres, NATS and the streams, and
// says on /readyz what it waits for.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	return service.Run(ctx, service.Config(cfg), log)
}

// Migrate applies every pending migration of the database at url.
func Migrate(ctx context.Context, url env.Secret) error {
	if _, err := schema.Migrate(ctx, url); err != nil {
		return fmt.Errorf("preparing the database: %w", err)
	}
	return nil
}
