// Package pg opens Postgres pools that wait for their server.
package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/run"
)

// Config says where Postgres is.
type Config struct {
	URL      env.Secret   // FONDACO_PG_URL: the primary
	ReadURLs []env.Secret // FONDACO_PG_READ_URLS: replicas, default the primary
	MaxConns int          // FONDACO_PG_MAX_CONNS per pool, default 8
}

// ConfigFromEnv reads the settings of a service's pools.
func ConfigFromEnv(r *env.Reader) Config {
	cfg := Config{URL: env.Secret(r.Required("FONDACO_PG_URL")), MaxConns: r.Int("FONDACO_PG_MAX_CONNS", 8, 2, 1000)}
	for _, u := range r.List("FONDACO_PG_READ_URLS") {
		cfg.ReadURLs = append(cfg.ReadURLs, env.Secret(u))
	}
	if len(cfg.ReadURLs) == 0 {
		cfg.ReadURLs = []env.Secret{cfg.URL}
	}
	return cfg
}

// Open waits until the server answers or ctx ends. A refused password or a
// database that does not exist ends the wait at once: waiting does not mend it.
func Open(ctx context.Context, url env.Secret, maxConns int, app string, log *zap.Logger) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		// pgx's own message may hold the URL with its password.
		return nil, errors.New("the postgres URL cannot be parsed; it has the form postgres://user:password@host:port/database")
	}
	cfg.MaxConns = int32(maxConns)
	cfg.ConnConfig.RuntimeParams["application_name"] = app
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening postgres at %s: %w", cfg.ConnConfig.Host, err)
	}
	backoff := run.Backoff{Max: 2 * time.Second}
	for said := false; ; said = true {
		err := pool.Ping(ctx)
		if err == nil {
			return pool, nil
		}
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && (pgErr.Code == "28P01" || pgErr.Code == "28000" || pgErr.Code == "3D000") {
			pool.Close()
			return nil, fmt.Errorf("connecting to postgres at %s:%d as %s: %s; check the URL's user, password and database",
				cfg.ConnConfig.Host, cfg.ConnConfig.Port, cfg.ConnConfig.User, pgErr.Message)
		}
		if !said {
			log.Warn("waiting for postgres", zap.String("host", cfg.ConnConfig.Host), zap.Uint16("port", cfg.ConnConfig.Port))
		}
		if backoff.Wait(ctx) != nil {
			pool.Close()
			return nil, fmt.Errorf("waiting for postgres at %s: %w", cfg.ConnConfig.Host, ctx.Err())
		}
	}
}
