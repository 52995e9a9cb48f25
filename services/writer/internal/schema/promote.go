package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// CaughtUp says whether every network of a build has reached the end of its
// subject, and the build still waits to go live.
func CaughtUp(ctx context.Context, pool *pgxpool.Pool, build string) (bool, error) {
	q := `
select b.status = 'filling' and not exists (
	select from ` + Schema(build) + `.networks n
	where not exists (select from ctl.cursors c where c.build = b.build and c.partition = n.partition and c.caught_up and c.problem is null))
from ctl.builds b where b.build = $1`
	var ok bool
	if err := pool.QueryRow(ctx, q, build).Scan(&ok); err != nil {
		return false, fmt.Errorf("asking whether build %s caught up: %w", build, err)
	}
	return ok, nil
}

// Promote makes a build the one that the api serves: one row, no DDL.
func Promote(ctx context.Context, pool *pgxpool.Pool, build string) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, `select exists (select from ctl.builds where build = $1)`, build).Scan(&known); err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("there is no build %q", build)
		}
		for _, q := range []string{
			`insert into ctl.deployments (build) values ($1) on conflict (one) do update set build = excluded.build, promoted_at = now()`,
			`update ctl.builds set status = 'retired' where status = 'live' and build <> $1`,
			`update ctl.builds set status = 'live' where build = $1`,
		} {
			if _, err := tx.Exec(ctx, q, build); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("promoting build %s: %w", build, err)
	}
	return nil
}
