// Package schema owns the database: goose migrations for what is shared, and
// one schema ix_<build> for each chain index.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"fondaco.dev/pkg/env"
)

//go:embed sql/migrations/*.sql sql/index.sql
var files embed.FS

// Migration is one migration and when it was applied.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero = pending
}

// Migrate applies every pending migration and returns those it applied. Two
// processes may call it at once: one waits.
func Migrate(ctx context.Context, url env.Secret) ([]Migration, error) {
	p, closeDB, err := provider(url)
	if err != nil {
		return nil, err
	}
	defer closeDB()
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrating: %w", err)
	}
	var out []Migration
	for _, r := range results {
		out = append(out, Migration{Version: r.Source.Version, Name: r.Source.Path, AppliedAt: time.Now()})
	}
	return out, nil
}

// Status lists all migrations. It changes nothing but goose's own table, which
// it makes when it is not there.
func Status(ctx context.Context, url env.Secret) ([]Migration, error) {
	p, closeDB, err := provider(url)
	if err != nil {
		return nil, err
	}
	defer closeDB()
	list, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations' status: %w", err)
	}
	var out []Migration
	for _, m := range list {
		out = append(out, Migration{Version: m.Source.Version, Name: m.Source.Path, AppliedAt: m.AppliedAt})
	}
	return out, nil
}

func provider(url env.Secret) (*goose.Provider, func(), error) {
	migrations, err := fs.Sub(files, "sql/migrations")
	if err != nil {
		return nil, nil, fmt.Errorf("opening the migrations: %w", err)
	}
	cfg, err := parse(url)
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDB(*cfg)
	locker, err := lock.NewPostgresSessionLocker()
	if err == nil {
		var p *goose.Provider
		// Nothing registers Go migrations; the global registry is other people's.
		p, err = goose.NewProvider(goose.DialectPostgres, db, migrations, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
		if err == nil {
			return p, func() { _ = db.Close() }, nil
		}
	}
	return nil, nil, errors.Join(fmt.Errorf("preparing the migrations: %w", err), closeQuietly(db))
}

func closeQuietly(db *sql.DB) error {
	_ = db.Close()
	return nil
}
