package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/decode"
	"fondaco.dev/services/writer/internal/evm"
)

// restore reads the children of factories that the index holds, once after
// each Load: nothing is on its way to the database then.
func (e *EVM) restore(ctx context.Context) error {
	if e.restored || !e.decoder.Factories() {
		return nil
	}
	list, err := ReadChildren(ctx, e.pool, e.sql("ix.children"), e.network.Name)
	if err != nil {
		return err
	}
	if err := e.decoder.Restore(list); err != nil {
		return fmt.Errorf("restoring the children of factories: %w", err)
	}
	e.restored = true
	return nil
}

// reread restores the children for a unit that comes out of its order: plans
// that were made ahead and not written may have changed those in memory.
func (e *EVM) reread() error {
	ctx, cancel := context.WithTimeout(context.Background(), rereadTimeout)
	defer cancel()
	e.restored = false
	err := e.restore(ctx)
	e.restored = false // and once more for whoever comes next
	return err
}

// Children are one table read; a writer that cannot have it in this time tries again.
const rereadTimeout = 10 * time.Second

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ReadChildren reads a network's children of factories in chain order from a
// table of a build.
func ReadChildren(ctx context.Context, db querier, table, network string) ([]decode.Child, error) {
	q := `select contract, address, block_number, log_index from ` + table + ` where network = $1 order by block_number, log_index, contract`
	rows, err := db.Query(ctx, q, network)
	if err != nil {
		return nil, fmt.Errorf("reading the children of factories: %w", err)
	}
	var out []decode.Child
	var k decode.Child
	var address []byte
	_, err = pgx.ForEachRow(rows, []any{&k.Contract, &address, &k.Block, &k.Log}, func() error {
		k.Address = common.BytesToAddress(address)
		out = append(out, k)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the children of factories: %w", err)
	}
	return out, nil
}

// children writes what the plan's steps, in order, say of children.
func (b *evmBatch) children(ctx context.Context, tx pgx.Tx) error {
	if !b.e.decoder.Factories() {
		return nil
	}
	for i := range b.steps {
		var err error
		switch k := b.steps[i].Step.(type) {
		case *evm.Segment:
			for n := range k.Blocks {
				if err = b.e.addChildren(ctx, tx, &k.Blocks[n]); err != nil {
					break
				}
			}
		case *evm.Revert:
			err = b.e.orphanChildren(ctx, tx, k.ToNumber)
		case *evm.Repair:
			err = b.e.repairChildren(ctx, tx, &k.Block)
		}
		if err != nil {
			return fmt.Errorf("writing the children of factories: %w", err)
		}
	}
	return nil
}

// addChildren is carried out twice of a repair: with its rows and, in the order
// of the plan, behind all of them.
func (e *EVM) addChildren(ctx context.Context, tx pgx.Tx, b *evm.Block) error {
	const q = `
insert into ix.children (network, contract, address, block_number, log_index) values ($1, $2, $3, $4, $5)
on conflict (network, contract, address) do update set block_number = excluded.block_number, log_index = excluded.log_index`
	for _, k := range b.Children {
		if _, err := tx.Exec(ctx, e.sql(q), e.network.Name, k.Contract, k.Address.Bytes(), k.Block, k.Log); err != nil {
			return err
		}
	}
	return nil
}

// repairChildren gives a block the children that it names, in place of those
// that it was said to name.
func (e *EVM) repairChildren(ctx context.Context, tx pgx.Tx, b *evm.Block) error {
	const drop = `delete from ix.children where network = $1 and block_number = $2`
	if _, err := tx.Exec(ctx, e.sql(drop), e.network.Name, b.Number); err != nil {
		return err
	}
	return e.addChildren(ctx, tx, b)
}

// orphanChildren takes away the children above a height.
func (e *EVM) orphanChildren(ctx context.Context, tx pgx.Tx, above uint64) error {
	if _, err := tx.Exec(ctx, e.sql(`delete from ix.children where network = $1 and block_number > $2`), e.network.Name, above); err != nil {
		return fmt.Errorf("dropping children above %d: %w", above, err)
	}
	return nil
}
