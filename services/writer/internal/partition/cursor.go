package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Cursor is how far a partition is: one row of ctl.cursors, moved in the
// transaction that writes the rows.
type Cursor struct {
	Build     string // "" for trade and identity partitions
	Partition string
	Created   time.Time // of the stream, to the millisecond
	SeekBacks uint64
	Seq       uint64 // stream sequence of the last message applied, 0 = none
	Digest    []byte // SHA-256 of that message
	Number    *uint64
	Hash      []byte
	Finalized *uint64
	Pos       uint64 // feed position of everything applied
	CaughtUp  bool   // the end of the stream was reached once
	Problem   string
}

// Epoch names the life of the partition's positions.
func (c Cursor) Epoch() string { return feedv1.Epoch(c.Created, c.SeekBacks) }

// Height is the number, or 0 before the first.
func (c Cursor) Height() uint64 {
	if c.Number == nil {
		return 0
	}
	return *c.Number
}

// Final is the finalized height, or 0 before the first.
func (c Cursor) Final() uint64 {
	if c.Finalized == nil {
		return 0
	}
	return *c.Finalized
}

// ErrFenced says that another writer moved the cursor: this one waits for the
// lease again.
var ErrFenced = errors.New("fenced: another writer moved the cursor")

// Querier is a pool or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// ReadCursor reads a cursor; ok is false when there is none.
func ReadCursor(ctx context.Context, db Querier, build, partition string) (c Cursor, ok bool, err error) {
	const q = `
select stream_created, seek_backs, seq, digest, number, hash, finalized, pos, caught_up, coalesce(problem, '')
from ctl.cursors where build = $1 and partition = $2`
	c = Cursor{Build: build, Partition: partition}
	var created int64
	err = db.QueryRow(ctx, q, build, partition).Scan(&created, &c.SeekBacks, &c.Seq, &c.Digest, &c.Number, &c.Hash, &c.Finalized, &c.Pos, &c.CaughtUp, &c.Problem)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("reading the cursor of %s: %w", partition, err)
	}
	c.Created = time.UnixMilli(created)
	return c, true, nil
}

// insert makes the row of a new partition.
func (c *Cursor) insert(ctx context.Context, tx pgx.Tx) error {
	const q = `
insert into ctl.cursors (build, partition, stream_created, seq, digest, pos)
values ($1, $2, $3, 0, '', 0) on conflict (build, partition) do nothing`
	if _, err := tx.Exec(ctx, q, c.Build, c.Partition, c.Created.UnixMilli()); err != nil {
		return fmt.Errorf("making the cursor of %s: %w", c.Partition, err)
	}
	return nil
}

// move is the fence and the first statement of every transaction: it locks the
// row, and another writer that holds an older cursor finds no row. The life of
// the stream and the seek-backs are part of the fence, since a sequence may
// come again after a seek back; so is the position, which a replayed dead letter
// moves alone.
func (c *Cursor) move(ctx context.Context, tx pgx.Tx, to *Cursor) error {
	const q = `
update ctl.cursors set stream_created = $6, seek_backs = $7, seq = $8, digest = $9, number = $10, hash = $11,
	finalized = $12, pos = $13, caught_up = $14, problem = null, updated_at = now()
where build = $1 and partition = $2 and stream_created = $3 and seek_backs = $4 and seq = $5 and pos = $15`
	tag, err := tx.Exec(ctx, q, c.Build, c.Partition, c.Created.UnixMilli(), c.SeekBacks, c.Seq,
		to.Created.UnixMilli(), to.SeekBacks, to.Seq, to.Digest, to.Number, to.Hash, to.Finalized, to.Pos, to.CaughtUp, c.Pos)
	if err != nil {
		return fmt.Errorf("moving the cursor of %s: %w", c.Partition, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

// hold is the fence of a transaction that moves nothing.
func (c *Cursor) hold(ctx context.Context, tx pgx.Tx) error {
	const q = `
select true from ctl.cursors
where build = $1 and partition = $2 and stream_created = $3 and seek_backs = $4 and seq = $5 and pos = $6 for update`
	var is bool
	err := tx.QueryRow(ctx, q, c.Build, c.Partition, c.Created.UnixMilli(), c.SeekBacks, c.Seq, c.Pos).Scan(&is)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrFenced
	}
	if err != nil {
		return fmt.Errorf("holding the cursor of %s: %w", c.Partition, err)
	}
	return nil
}
