package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// MaxTxEvents bounds the answer about one transaction: canonical events, and
// again as many that were taken away.
const MaxTxEvents = 5000

// TxEvents are the logs of one transaction of every contract of the
// configuration, in chain order, and what of it reorgs and repairs took away.
func (s *Store) TxEvents(ctx context.Context, network string, hash []byte, need Need) (held, gone []EventRow, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		held, gone = nil, nil
		q := `select ` + eventColumns + `, ` + goneNever + ` from ` + tx.table("events") + ` where network = $1 and tx_hash = $2 order by block_number, log_index limit $3`
		b.Queue(q, network, hash, MaxTxEvents).Query(func(rows pgx.Rows) (err error) {
			held, err = scanEventRows(rows, network)
			return reading("events", err)
		})
		q = `select ` + eventColumns + `, revert_pos from ` + tx.table("orphaned_events") + ` where network = $1 and tx_hash = $2 order by revert_pos, block_number, log_index limit $3`
		b.Queue(q, network, hash, MaxTxEvents).Query(func(rows pgx.Rows) (err error) {
			gone, err = scanEventRows(rows, network)
			return reading("orphaned events", err)
		})
	})
	return held, gone, at, err
}

// HasTx says whether there are events of a transaction, and where the view was
// that says so.
func (s *Store) HasTx(ctx context.Context, network string, hash []byte) (has bool, at At, err error) {
	at, err = s.ask(ctx, network, Need{}, func(tx *Tx, b *pgx.Batch) {
		b.Queue(`select exists (select from `+tx.table("events")+` where network = $1 and tx_hash = $2)`, network, hash).QueryRow(func(row pgx.Row) error {
			return reading("a transaction", row.Scan(&has))
		})
	})
	return has, at, err
}

// Reorg is one reorganisation of a network.
type Reorg struct {
	*feedv1.Reverted
	Pos    int64
	Blocks int64 // rows of blocks that it took away
	Events int64
}

// Reorgs lists reorganisations by their position: those behind after, nil =
// all, up to limit.
func (s *Store) Reorgs(ctx context.Context, network string, after *int64, desc bool, limit int, need Need) (out []Reorg, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		c := &clauses{}
		c.add("network = %s", network)
		if after != nil {
			c.add("pos "+map[bool]string{true: "<", false: ">"}[desc]+" %s", *after)
		}
		q := `select ` + revertColumns + `,
			(select count(*) from ` + tx.table("orphaned_blocks") + ` o where o.revert_pos = r.pos and o.network = r.network),
			(select count(*) from ` + tx.table("orphaned_events") + ` o where o.revert_pos = r.pos and o.network = r.network)
			from ` + tx.table("reverts") + ` r where ` + c.where() + ` order by pos ` + direction(desc) + limited(limit)
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Reorg, err error) {
				r.Reverted = &feedv1.Reverted{Network: network}
				var to, from int64
				err = row.Scan(&to, &r.ToHash, &from, &r.FromHash, &r.Pos, &r.Blocks, &r.Events)
				r.ToNumber, r.FromNumber = uint64(to), uint64(from)
				return r, err
			})
			return reading("reorgs", err)
		})
	})
	return out, at, err
}
