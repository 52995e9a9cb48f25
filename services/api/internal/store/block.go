package store

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

const blockColumns = `number, hash, parent_hash, time, tx_count, log_count, pos`

func scanBlock(row pgx.Row, network string) (*feedv1.EvmBlock, uint64, error) {
	b := &feedv1.EvmBlock{Network: network}
	var number, at, pos int64
	var txs, logs int32
	if err := row.Scan(&number, &b.Hash, &b.ParentHash, &at, &txs, &logs, &pos); err != nil {
		return nil, 0, err
	}
	b.Number, b.Time, b.TxCount, b.LogCount = uint64(number), uint64(at), uint32(txs), uint32(logs)
	return b, uint64(pos), nil
}

// BlockRow is a block and, when it was taken away, by what.
type BlockRow struct {
	*feedv1.EvmBlock
	Gone int64 // position of the revert; 0 = it is canonical
}

// Key is its place in a list in a direction.
func (b *BlockRow) Key(desc bool) Key {
	k := Key{Block: int64(b.GetNumber()), Gone: b.Gone}
	if !desc {
		k.Log = math.MaxInt32
	}
	return k
}

// Blocks lists EVM blocks by height, up to l.Limit.
func (s *Store) Blocks(ctx context.Context, network string, l List) (out []BlockRow, at At, err error) {
	at, err = s.ask(ctx, network, l.Need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		c := &clauses{}
		part := func(table, gone string, orphaned bool) string {
			from := len(c.parts)
			l.bound(tx, c, network, "number", "", orphaned)
			q := `select ` + blockColumns + `, ` + gone + ` as gone from ` + tx.table(table) + ` where ` + strings.Join(c.parts[from:], " and ") +
				` order by number ` + direction(l.Desc)
			if orphaned {
				q += `, revert_pos ` + direction(l.Desc)
			}
			return q + limited(l.Limit)
		}
		q := part("blocks", goneNever, false)
		if l.Orphaned {
			q = `select * from ((` + q + `) union all (` + part("orphaned_blocks", "revert_pos", true) + `)) both_kinds order by number ` + direction(l.Desc) +
				`, coalesce(gone, 9223372036854775807) ` + direction(l.Desc) + limited(l.Limit)
		}
		b.Queue(q, c.args...).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r BlockRow, err error) {
				r.EvmBlock, _, err = scanBlock(trailing{row, &r.Gone}, network)
				return r, err
			})
			return reading("blocks", err)
		})
	})
	return out, at, err
}

// trailing scans one nullable column more than its scanner knows of.
type trailing struct {
	pgx.Row
	gone *int64
}

// Scan is of pgx.Row.
func (t trailing) Scan(dest ...any) error {
	var gone *int64
	err := t.Row.Scan(append(dest, &gone)...)
	if gone != nil {
		*t.gone = *gone
	}
	return err
}

func reading(what string, err error) error {
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// Block finds an EVM block by height or, with number < 0, by hash.
func (s *Store) Block(ctx context.Context, network string, number int64, hash []byte, need Need) (b *feedv1.EvmBlock, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, batch *pgx.Batch) {
		q := `select ` + blockColumns + ` from ` + tx.table("blocks") + ` where network = $1 and `
		var arg any = number
		if number < 0 {
			q += `hash = $2`
			arg = hash
		} else {
			q += `number = $2`
		}
		batch.Queue(q, network, arg).QueryRow(func(row pgx.Row) (err error) {
			b, _, err = scanBlock(row, network)
			return found(err, "reading block")
		})
	})
	return b, at, err
}
