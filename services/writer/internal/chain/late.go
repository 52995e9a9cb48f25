package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// Hint tells of positions without their rows.
func (ix *index) Hint(from, to *partition.Cursor) *feedv1.Hint {
	h := ix.hint(from, to)
	h.RowsLeftOut = true
	return h
}

// readLetter gives the unit that a dead letter holds.
func readLetter(l partition.Letter) (*chainv1.Unit, error) {
	if l.Unit < 0 {
		return nil, &partition.Refusal{Reason: "a whole message that cannot be read is not replayed: index the network anew"}
	}
	var u chainv1.Unit
	if err := proto.Unmarshal(l.Body, &u); err != nil {
		return nil, &partition.Refusal{Reason: "it cannot be read: " + err.Error()}
	}
	return &u, nil
}

// Late plans a dead block or repair: like a repair, it gives a canonical block
// the rows that it misses, so that a second replay changes nothing.
func (e *EVM) Late(cur partition.Cursor, l partition.Letter, pos uint64) (partition.Late, error) {
	u, err := readLetter(l)
	if err != nil {
		return partition.Late{}, err
	}
	b := u.GetBlock()
	if r := u.GetRepair(); r != nil {
		b = r.GetBlock()
	}
	if b == nil {
		return partition.Late{}, &partition.Refusal{Reason: "only blocks and repairs can be replayed"}
	}
	if err := e.reread(); err != nil {
		return partition.Late{}, err
	}
	r, reason := e.plan.Late(pos, b)
	if reason != "" {
		return partition.Late{}, &partition.Refusal{Reason: reason}
	}
	r.Seq, r.Unit = l.Seq, l.Unit
	return partition.Late{Rows: 1 + len(b.GetLogs()), Write: func(ctx context.Context, tx pgx.Tx) error {
		if err := e.canonical(ctx, tx, cur, &r.Block); err != nil {
			return err
		}
		totals := counts{}
		if err := e.repair(ctx, tx, r, totals); err != nil {
			return err
		}
		return totals.write(ctx, tx, &e.index)
	}}, nil
}

// canonical says by a Refusal that a block is not on the chain that the index
// holds: neither it nor its neighbours may contradict it.
func (e *EVM) canonical(ctx context.Context, tx pgx.Tx, cur partition.Cursor, b *evm.Block) error {
	orphan := &partition.Refusal{Reason: "its block is not on the chain any more", Orphaned: true}
	if cur.Number == nil || b.Number > *cur.Number || (b.Number == *cur.Number && cur.Hash != nil && !bytes.Equal(b.Hash, cur.Hash)) {
		return orphan
	}
	const q = `select number, hash, parent_hash from ix.blocks where network = $1 and number between $2::bigint - 1 and $2::bigint + 1`
	rows, err := tx.Query(ctx, e.sql(q), e.network.Name, b.Number)
	if err != nil {
		return fmt.Errorf("looking up the neighbours of block %d: %w", b.Number, err)
	}
	var number uint64
	var hash, parent []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &hash, &parent}, func() error {
		if (number == b.Number && !bytes.Equal(hash, b.Hash)) || (number+1 == b.Number && !bytes.Equal(hash, b.Parent)) ||
			(number == b.Number+1 && !bytes.Equal(parent, b.Hash)) {
			return orphan
		}
		return nil
	})
	if err != nil && !errors.Is(err, orphan) {
		return fmt.Errorf("looking up the neighbours of block %d: %w", b.Number, err)
	}
	return err
}

// Late plans a dead fact.
func (c *Casper) Late(_ partition.Cursor, l partition.Letter, pos uint64) (partition.Late, error) {
	u, err := readLetter(l)
	if err != nil {
		return partition.Late{}, err
	}
	c.clear()
	c.unit(l.Seq, 0, u)
	if len(c.dead) > 0 {
		return partition.Late{}, &partition.Refusal{Reason: c.dead[0].reason}
	}
	c.facts[0].unit, c.facts[0].pos = l.Unit, pos
	return partition.Late{Rows: 1, Write: c.Write}, nil
}
