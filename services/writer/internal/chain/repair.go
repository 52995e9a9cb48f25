package chain

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"
)

// repair makes the rows of a canonical block what the repair says. Rows that
// are equal keep their position, so that no client sees them twice; new ones
// have the repair's. Rows that were wrong go where a reorg would put them: they
// were sent, and a replay of what was sent must give them, and then that they
// were taken away (see announce).
func (e *EVM) repair(ctx context.Context, tx pgx.Tx, r *evm.Repair, totals counts) error {
	err := e.repairRows(ctx, tx, r, totals)
	if err == nil {
		err = e.repairChildren(ctx, tx, &r.Block)
	}
	if err != nil {
		return fmt.Errorf("repairing block %d: %w", r.Block.Number, err)
	}
	return nil
}

func (e *EVM) repairRows(ctx context.Context, tx pgx.Tx, r *evm.Repair, totals counts) error {
	held, err := e.heldLogs(ctx, tx, r.Block.Number)
	if err != nil {
		return err
	}
	var missing []evm.Event
	for i := range r.Events {
		v := &r.Events[i]
		if h, ok := held[v.LogIndex]; ok && h.equal(v) {
			delete(held, v.LogIndex)
			continue
		}
		missing = append(missing, *v)
	}
	wrong := make([]int32, 0, len(held)) // what is left
	for index := range held {
		wrong = append(wrong, int32(index))
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		const drop = `
with moved as (
	delete from ix.events where network = $1 and block_number = $2 and log_index = any($3) returning *
)
insert into ix.orphaned_events (revert_pos, ` + eventRow + `) select $4, ` + eventRow + ` from moved`
		if _, err := tx.Exec(ctx, e.sql(drop), e.network.Name, r.Block.Number, wrong, int64(r.Told(len(wrong)))); err != nil {
			return err
		}
	}
	if err := copyEvents(e.network.Name, missing).send(ctx, tx, &e.index); err != nil {
		return err
	}
	totals.height("events", r.Block.Number, int64(len(missing)-len(wrong)))
	// A block that a range covered has no row yet.
	const block = `
insert into ix.blocks as b (network, number, hash, parent_hash, time, tx_count, log_count, header, pos)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (network, number) do update set log_count = excluded.log_count returning pos = $9`
	var added bool
	err = tx.QueryRow(ctx, e.sql(block), e.network.Name, r.Block.Number, r.Block.Hash, r.Block.Parent, r.Block.Time,
		r.Block.TxCount, r.Block.LogCount, r.Block.Header, int64(r.Block.Pos)).Scan(&added)
	if err != nil {
		return err
	}
	if added {
		totals.height("blocks", r.Block.Number, 1)
	} else if len(missing)+len(wrong) > 0 {
		if err := e.announce(ctx, tx, r, wrong); err != nil {
			return err
		}
	}
	return e.heal(ctx, tx, r)
}

// heal marks the dead letters of the block that are older than the repair as
// done: what they held is there now, and they would be out of date. One whose
// hash could not be read is the block's when no revert took it. Letters of a
// former life of the partition are older than all of this one.
func (e *EVM) heal(ctx context.Context, tx pgx.Tx, r *evm.Repair) error {
	const q = `
update ctl.dead_letters set status = 'done', next_try = null, updated_at = now()
where build = $1 and partition = $2 and block_number = $3 and (block_hash = $4 or (block_hash is null and not orphaned))
	and (($6::bigint < $7::bigint and unit >= $7) or (unit / $7 = $6 / $7 and (seq, unit) < ($5, $6))) and status in ('dead', 'pending')`
	_, err := tx.Exec(ctx, q, e.build, e.name(), r.Block.Number, r.Block.Hash, int64(r.Seq), int64(r.Unit), int64(partition.UnitsPerLife))
	return err
}

// announce keeps for the feeds that a block which was told has other rows now.
// The position is the one that the repair counts for its block, which such a
// block does not take; a block that is new is told as one.
func (e *EVM) announce(ctx context.Context, tx pgx.Tx, r *evm.Repair, wrong []int32) error {
	const q = `insert into ix.repairs (network, pos, number, hash, log_count, removed) values ($1, $2, $3, $4, $5, $6)`
	_, err := tx.Exec(ctx, e.sql(q), e.network.Name, int64(r.Told(len(wrong))), r.Block.Number, r.Block.Hash, r.Block.LogCount, wrong)
	return err
}

// heldLog is what a node says of a log, as far as it can be wrong.
type heldLog struct {
	address, txHash, data []byte
	txIndex               int32
	topics                [][]byte
}

func (h *heldLog) equal(v *evm.Event) bool {
	return bytes.Equal(h.address, v.Address) && bytes.Equal(h.txHash, v.TxHash) && bytes.Equal(h.data, v.Data) &&
		h.txIndex == int32(v.TxIndex) && slices.EqualFunc(h.topics, v.Topics, bytes.Equal)
}

func (e *EVM) heldLogs(ctx context.Context, tx pgx.Tx, number uint64) (map[uint32]*heldLog, error) {
	const q = `select log_index, address, tx_hash, tx_index, topics, data from ix.events where network = $1 and block_number = $2`
	rows, err := tx.Query(ctx, e.sql(q), e.network.Name, number)
	if err != nil {
		return nil, err
	}
	out := map[uint32]*heldLog{}
	for rows.Next() {
		var index int32
		h := &heldLog{}
		if err := rows.Scan(&index, &h.address, &h.txHash, &h.txIndex, &h.topics, &h.data); err != nil {
			rows.Close()
			return nil, err
		}
		out[uint32(index)] = h
	}
	return out, rows.Err()
}
