package schema

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/env"
	"fondaco.dev/proto/config"
)

// Schema is the name of a build's schema.
func Schema(build string) string { return "ix_" + build }

var buildName = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)

// buildLock serialises the making of builds by several writers; any constant
// that nothing else uses would do.
const buildLock = 0x666f6e6461636f

// EnsureBuild makes the schema of a chain index, its row in ctl.builds and its
// networks, in one transaction. The first build is live at once; one that was
// retired stays so until it is promoted again.
func EnsureBuild(ctx context.Context, pool *pgxpool.Pool, build string, projection int, networks []config.Network) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return EnsureBuildIn(ctx, tx, build, projection, networks) })
}

// EnsureBuildIn is EnsureBuild as a part of the caller's transaction.
func EnsureBuildIn(ctx context.Context, tx pgx.Tx, build string, projection int, networks []config.Network) error {
	if !buildName.MatchString(build) {
		return fmt.Errorf("build %q is not a name that a schema may have", build)
	}
	if err := ensure(ctx, tx, build, projection, networks); err != nil {
		return fmt.Errorf("making build %s: %w", build, err)
	}
	return nil
}

func ensure(ctx context.Context, tx pgx.Tx, build string, projection int, networks []config.Network) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, int64(buildLock)); err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	var status string
	err := tx.QueryRow(ctx, `select status from ctl.builds where build = $1`, build).Scan(&status)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if err := create(ctx, tx, build, projection); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("reading the build: %w", err)
	}
	if err := indexFactories(ctx, tx, build, networks); err != nil {
		return err
	}
	return writeNetworks(ctx, tx, build, networks)
}

func create(ctx context.Context, tx pgx.Tx, build string, projection int) error {
	if err := CreateIndex(ctx, tx, build); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `insert into ctl.builds (build, projection, status) values ($1, $2, 'filling')`, build, projection); err != nil {
		return fmt.Errorf("writing the build: %w", err)
	}
	tag, err := tx.Exec(ctx, `insert into ctl.deployments (build) values ($1) on conflict (one) do nothing`, build)
	if err != nil {
		return fmt.Errorf("deploying the first build: %w", err)
	}
	if tag.RowsAffected() == 1 {
		if _, err := tx.Exec(ctx, `update ctl.builds set status = 'live' where build = $1`, build); err != nil {
			return fmt.Errorf("marking the first build live: %w", err)
		}
	}
	return nil
}

// CreateIndex makes the empty tables of a chain index.
func CreateIndex(ctx context.Context, tx pgx.Tx, build string) error {
	ddl, err := files.ReadFile("sql/index.sql")
	if err != nil {
		return fmt.Errorf("reading the index's tables: %w", err)
	}
	name := pgx.Identifier{Schema(build)}.Sanitize()
	script := strings.Join([]string{
		"create schema " + name,
		"set local search_path to " + name,
		string(ddl),
		"grant usage on schema " + name + " to fondaco_reader",
		"grant select on all tables in schema " + name + " to fondaco_reader",
		"reset search_path",
	}, ";\n")
	// Several statements at once need the simple protocol.
	if _, err := tx.Conn().PgConn().Exec(ctx, script).ReadAll(); err != nil {
		return fmt.Errorf("making schema %s: %w", name, err)
	}
	return nil
}

func writeNetworks(ctx context.Context, tx pgx.Tx, build string, networks []config.Network) error {
	q := `
insert into ` + Schema(build) + `.networks (network, kind, ordinal, partition, chain_id) values ($1, $2, $3, $4, $5)
on conflict (network) do update set kind = excluded.kind, ordinal = excluded.ordinal, partition = excluded.partition, chain_id = excluded.chain_id`
	for i := range networks {
		n := &networks[i]
		if _, err := tx.Exec(ctx, q, n.Name, n.Kind, i, n.Subject(), int64(n.ChainID)); err != nil {
			return fmt.Errorf("writing network %s: %w", n.Name, err)
		}
	}
	return nil
}

// Reset empties one partition of a build, so that it is indexed anew from the
// beginning of its subject. A running writer is fenced and starts over.
func Reset(ctx context.Context, pool *pgxpool.Pool, build, partition string) error {
	if !buildName.MatchString(build) {
		return fmt.Errorf("build %q is not a build's name", build)
	}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// A new epoch: positions are given again, possibly to other rows.
		const move = `
update ctl.cursors set seek_backs = seek_backs + 1, seq = 0, digest = '', number = null, hash = null, finalized = null,
	pos = 0, caught_up = false, problem = null, updated_at = now()
where build = $1 and partition = $2`
		tag, err := tx.Exec(ctx, move, build, partition)
		if err != nil {
			return fmt.Errorf("resetting the cursor: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return fmt.Errorf("there is no partition %q of build %q in ctl.cursors", partition, build)
		}
		var network string
		if err := tx.QueryRow(ctx, `select network from `+Schema(build)+`.networks where partition = $1`, partition).Scan(&network); err != nil {
			return fmt.Errorf("looking up the partition's network: %w", err)
		}
		for _, table := range []string{"blocks", "events", "orphaned_blocks", "orphaned_events", "reverts", "repairs", "ranges", "checks", "counts", "children",
			"casper_facts", "casper_blocks", "casper_deploys", "casper_transfers",
			"casper_accounts", "casper_messages", "casper_signatures", "casper_feed"} {
			if _, err := tx.Exec(ctx, `delete from `+Schema(build)+`.`+table+` where network = $1`, network); err != nil {
				return fmt.Errorf("emptying %s: %w", table, err)
			}
		}
		for _, table := range []string{"dead_letters", "quarantine"} {
			if _, err := tx.Exec(ctx, `delete from ctl.`+table+` where build = $1 and partition = $2`, build, partition); err != nil {
				return fmt.Errorf("emptying %s: %w", table, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resetting partition %s: %w", partition, err)
	}
	return nil
}

// parse hides pgx's own error, which may hold the URL with its password.
func parse(url env.Secret) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(url.Reveal())
	if err != nil {
		return nil, errors.New("FONDACO_PG_URL cannot be parsed; it has the form postgres://user:password@host:port/database")
	}
	return cfg, nil
}
