package chain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/evm"
)

// revert moves every row above a height to the orphaned tables, under the
// position of the revert: a log that is mined again never meets its older self.
func (e *EVM) revert(ctx context.Context, tx pgx.Tx, pos int64, r *evm.Revert, totals counts) error {
	const moveEvents = `
with moved as (
	delete from ix.events where network = $1 and block_number > $2 returning ` + eventRow + `
), kept as (
	insert into ix.orphaned_events (revert_pos, ` + eventRow + `) select $3, ` + eventRow + ` from moved
)
select block_number / $4 as bucket, count(*) from moved group by bucket`
	if err := e.moved(ctx, tx, "events", moveEvents, pos, r.ToNumber, totals); err != nil {
		return err
	}
	const moveBlocks = `
with moved as (
	delete from ix.blocks where network = $1 and number > $2
	returning network, number, hash, parent_hash, time, tx_count, log_count, header, pos
), kept as (
	insert into ix.orphaned_blocks (revert_pos, network, number, hash, parent_hash, time, tx_count, log_count, header, pos)
	select $3, network, number, hash, parent_hash, time, tx_count, log_count, header, pos from moved
)
select number / $4 as bucket, count(*) from moved group by bucket`
	if err := e.moved(ctx, tx, "blocks", moveBlocks, pos, r.ToNumber, totals); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, e.sql(`delete from ix.ranges where network = $1 and from_number > $2`), e.network.Name, r.ToNumber); err != nil {
		return fmt.Errorf("dropping ranges above %d: %w", r.ToNumber, err)
	}
	const cut = `update ix.ranges set to_number = $2, to_hash = $3 where network = $1 and to_number > $2`
	if _, err := tx.Exec(ctx, e.sql(cut), e.network.Name, r.ToNumber, r.ToHash); err != nil {
		return fmt.Errorf("cutting ranges above %d: %w", r.ToNumber, err)
	}
	if err := e.orphanChildren(ctx, tx, r.ToNumber); err != nil {
		return err
	}
	// Whoever checked them said so of blocks that are gone.
	if _, err := tx.Exec(ctx, e.sql(`delete from ix.checks where network = $1 and to_number > $2`), e.network.Name, r.ToNumber); err != nil {
		return fmt.Errorf("dropping checks above %d: %w", r.ToNumber, err)
	}
	const orphan = `
update ctl.dead_letters set orphaned = true where build = $1 and partition = $2 and block_number > $3 and not orphaned`
	if _, err := tx.Exec(ctx, orphan, e.build, e.name(), r.ToNumber); err != nil {
		return fmt.Errorf("orphaning dead letters above %d: %w", r.ToNumber, err)
	}
	if r.FromNumber == r.ToNumber {
		return nil // a seek back that found nothing above
	}
	from := r.FromHash
	if from == nil {
		from = []byte{}
	}
	const row = `
insert into ix.reverts (network, pos, to_number, to_hash, from_number, from_hash) values ($1, $2, $3, $4, $5, $6)`
	if _, err := tx.Exec(ctx, e.sql(row), e.network.Name, pos, r.ToNumber, r.ToHash, r.FromNumber, from); err != nil {
		return fmt.Errorf("inserting the revert to %d: %w", r.ToNumber, err)
	}
	return nil
}

func (e *EVM) moved(ctx context.Context, tx pgx.Tx, kind, q string, pos int64, above uint64, totals counts) error {
	rows, err := tx.Query(ctx, e.sql(q), e.network.Name, above, pos, heightsPerBucket)
	if err != nil {
		return fmt.Errorf("moving %s above %d: %w", kind, above, err)
	}
	var bucket, n int64
	_, err = pgx.ForEachRow(rows, []any{&bucket, &n}, func() error {
		totals[countKey{kind: kind, bucket: bucket}] -= n
		return nil
	})
	if err != nil {
		return fmt.Errorf("moving %s above %d: %w", kind, above, err)
	}
	return nil
}
