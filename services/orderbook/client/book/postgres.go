package book

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres is the writer's journal.
type Postgres struct{ Pool *pgxpool.Pool }

// Each reads the journal's messages in one snapshot of the database, a
// thousand at a time.
func (p Postgres) Each(ctx context.Context, venue string, fn func(seq uint64, data []byte) error) error {
	const q = `select seq, data from trade.journal where venue = $1 and seq > $2 order by seq limit 1000`
	tx, err := p.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("beginning to read the journal: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	for after := int64(0); ; {
		rows, err := tx.Query(ctx, q, venue, after)
		if err != nil {
			return fmt.Errorf("reading the journal after message %d: %w", after, err)
		}
		n := 0
		var data []byte
		_, err = pgx.ForEachRow(rows, []any{&after, &data}, func() error {
			n++
			return fn(uint64(after), data)
		})
		if err != nil {
			return fmt.Errorf("reading the journal up to message %d: %w", after, err)
		}
		if n == 0 {
			return nil
		}
	}
}
