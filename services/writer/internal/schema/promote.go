package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Standing is how a build stands beside the one that the api serves.
type Standing struct {
	// Live is the build that is served.
	Live string
	// Retired: the build itself was served before.
	Retired bool
	// CaughtUp: every network has reached the end of its subject, and holds what
	// the live build holds of that network, as far as it is final there. The end of
	// a subject alone says little: while an event-handler fills a new subject from
	// the nodes, its writer is at the end of it again and again.
	CaughtUp bool
}

// Stand asks how a build stands. Networks are compared by name: all filters of a
// network are of one chain, which the event-handler sees to.
func Stand(ctx context.Context, pool *pgxpool.Pool, build string) (s Standing, err error) {
	const q = `select d.build, b.status = 'retired' from ctl.deployments d, ctl.builds b where b.build = $1`
	if err := pool.QueryRow(ctx, q, build).Scan(&s.Live, &s.Retired); err != nil {
		return s, fmt.Errorf("asking how build %s stands: %w", build, err)
	}
	behind := `
select exists (
	select from ` + Schema(build) + `.networks n
	left join ctl.cursors c on c.build = $1 and c.partition = n.partition
	left join ` + Schema(s.Live) + `.networks o on o.network = n.network and o.kind = n.kind and o.chain_id = n.chain_id
	left join ctl.cursors l on l.build = $2 and l.partition = o.partition
	where not coalesce(c.caught_up and c.problem is null and coalesce(c.number, -1) >= coalesce(l.finalized, l.number, -1), false))`
	var late bool
	if err := pool.QueryRow(ctx, behind, build, s.Live).Scan(&late); err != nil {
		return s, fmt.Errorf("asking whether build %s caught up: %w", build, err)
	}
	s.CaughtUp = !late
	return s, nil
}

// Partitions are those of a build's networks.
func Partitions(ctx context.Context, pool *pgxpool.Pool, build string) ([]string, error) {
	rows, err := pool.Query(ctx, `select partition from `+Schema(build)+`.networks order by partition`)
	if err != nil {
		return nil, fmt.Errorf("listing the partitions of build %s: %w", build, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("listing the partitions of build %s: %w", build, err)
	}
	return list, nil
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
