package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Proof is what the index can say of its own completeness. Heights are -1
// while nothing can be said.
type Proof struct {
	CompleteFrom int64  // from here on nothing is missing
	CheckedTo    int64  // up to here final blocks were read twice
	Holes        uint64 // units that could not be applied and whose block is canonical
}

// readProofs completes the networks of a snapshot. A database that the writer
// has not migrated yet proves nothing.
func readProofs(ctx context.Context, tx *Tx, snap, was *Snapshot) error {
	for name, n := range snap.Networks {
		n.Proof = Proof{CompleteFrom: -1, CheckedTo: -1}
		snap.Networks[name] = n
	}
	sp, err := tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("reading what is proved: %w", err)
	}
	defer func() { _ = sp.Rollback(context.WithoutCancel(ctx)) }()
	// Every block is in blocks or covered by a range, from the lowest of both on.
	// A hole whose height nobody knows leaves nothing to promise.
	q := `
select n.network,
	case when h.unknown then -1 else greatest(coalesce(least(b.lowest, r.lowest), -1), coalesce(h.highest + 1, -1)) end,
	coalesce((select max(to_number) from ` + tx.table("checks") + ` c where c.network = n.network), -1),
	h.n
from ` + tx.table("networks") + ` n
cross join lateral (select min(number) as lowest from ` + tx.table("blocks") + ` where network = n.network) b
cross join lateral (select min(from_number) as lowest from ` + tx.table("ranges") + ` where network = n.network) r
cross join lateral (
	select count(*) as n, max(block_number) as highest, coalesce(bool_or(block_number is null), false) as unknown
	from ctl.dead_letters d where d.build = $1 and d.partition = n.partition and not d.orphaned and d.status <> 'done'
) h where n.kind = 'evm'`
	rows, err := sp.Query(ctx, q, snap.Build)
	var missing *pgconn.PgError
	if err == nil {
		var name string
		var p Proof
		var holes int64
		_, err = pgx.ForEachRow(rows, []any{&name, &p.CompleteFrom, &p.CheckedTo, &holes}, func() error {
			n := snap.Networks[name]
			p.Holes = uint64(holes)
			n.Proof = p
			snap.Networks[name] = n
			return nil
		})
	}
	if err == nil {
		err = readChanges(ctx, &Tx{Tx: sp, snap: snap}, was)
	}
	if errors.As(err, &missing) && (missing.Code == "42P01" || missing.Code == "42703") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what is proved: %w", err)
	}
	return nil
}
