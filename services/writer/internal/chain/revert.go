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
	delete from ix.events where network = $1 and block_number > $2
	returning network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event,
		args, topics, data, decode_error, pos
), kept as (
	insert into ix.orphaned_events (revert_pos, network, block_number, log_index, block_hash, block_time, tx_hash, tx_index,
		address, contract, event, args, topics, data, decode_error, pos)
	select $3, network, block_number, log_index, block_hash, block_time, tx_hash, tx_index,
		address, contract, event, args, topics, data, decode_error, pos from moved
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

// repair gives a canonical block the logs that it misses. Logs that are there
// keep their position, so that no client sees them twice; new ones have the
// repair's.
func (e *EVM) repair(ctx context.Context, tx pgx.Tx, r *evm.Repair, totals counts) error {
	indexes := make([]int32, len(r.Events))
	for i := range r.Events {
		indexes[i] = int32(r.Events[i].LogIndex)
	}
	const drop = `delete from ix.events where network = $1 and block_number = $2 and not log_index = any($3)`
	tag, err := tx.Exec(ctx, e.sql(drop), e.network.Name, r.Block.Number, indexes)
	if err != nil {
		return fmt.Errorf("repairing block %d: %w", r.Block.Number, err)
	}
	change := -tag.RowsAffected()
	const add = `
insert into ix.events (network, block_number, log_index, block_hash, block_time, tx_hash, tx_index,
	address, contract, event, args, topics, data, decode_error, pos)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (network, block_number, log_index) do nothing`
	for i := range r.Events {
		tag, err := tx.Exec(ctx, e.sql(add), eventValues(e.network.Name, &r.Events[i])...)
		if err != nil {
			return fmt.Errorf("repairing block %d: %w", r.Block.Number, err)
		}
		change += tag.RowsAffected()
	}
	totals.height("events", r.Block.Number, change)
	// A block that a range covered has no row yet.
	const block = `
insert into ix.blocks as b (network, number, hash, parent_hash, time, tx_count, log_count, header, pos)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (network, number) do update set log_count = excluded.log_count returning pos = $9`
	var added bool
	err = tx.QueryRow(ctx, e.sql(block), e.network.Name, r.Block.Number, r.Block.Hash, r.Block.Parent, r.Block.Time,
		r.Block.TxCount, r.Block.LogCount, r.Block.Header, r.Block.Pos).Scan(&added)
	if err != nil {
		return fmt.Errorf("repairing block %d: %w", r.Block.Number, err)
	}
	if added {
		totals.height("blocks", r.Block.Number, 1)
	}
	return nil
}
