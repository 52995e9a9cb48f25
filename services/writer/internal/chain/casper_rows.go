package chain

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fondaco.dev/services/writer/internal/casper"

	feedv1 "fondaco.dev/proto/feed/v1"
)

func (c *Casper) insertBlock(ctx context.Context, tx pgx.Tx, f *fact, totals counts) error {
	const q = `
insert into ix.casper_blocks (network, hash, parent_hash, height, era_id, timestamp, timestamp_ms, proposer, state_root_hash, deploys, pos)
values ($1, $2, $3, $4, $5::text::numeric, $6, $7, $8, $9, $10, $11) on conflict (network, hash) do nothing`
	b := f.Block
	tag, err := tx.Exec(ctx, c.sql(q), c.network.Name, b.Hash, b.ParentHash, b.Height, b.EraID, b.Timestamp, b.TimestampMs,
		b.Proposer, b.StateRootHash, b.Deploys, f.pos)
	if err != nil {
		return fmt.Errorf("inserting block %s: %w", b.Hash, err)
	}
	if tag.RowsAffected() == 1 {
		c.stats.blocks++
		totals.height("blocks", b.Height, 1)
		c.frame(&feedv1.Row{Pos: f.pos, Kind: &feedv1.Row_CasperBlock{CasperBlock: casper.FeedBlock(c.network.Name, b)}})
	}
	return nil
}

// loadDeploys reads what is known of the deploys that new facts speak of.
func (c *Casper) loadDeploys(ctx context.Context, tx pgx.Tx, fresh []bool) (map[string]*casper.Deploy, error) {
	var hashes []string
	for i := range c.facts {
		if fresh[i] && c.facts[i].Deploy != nil {
			hashes = append(hashes, c.facts[i].Deploy.Hash)
		}
	}
	out := map[string]*casper.Deploy{}
	if len(hashes) == 0 {
		return out, nil
	}
	const q = `
select hash, account, state, cost::text, error_message, block_hash, timestamp, timestamp_ms, transfers, version
from ix.casper_deploys where network = $1 and hash = any($2)`
	rows, err := tx.Query(ctx, c.sql(q), c.network.Name, hashes)
	if err != nil {
		return nil, fmt.Errorf("reading deploys: %w", err)
	}
	var d casper.Deploy
	_, err = pgx.ForEachRow(rows, []any{&d.Hash, &d.Account, &d.State, &d.Cost, &d.ErrorMessage, &d.BlockHash, &d.Timestamp, &d.TimestampMs, &d.Transfers, &d.Version}, func() error {
		known := d
		known.Transfers = slices.Clone(d.Transfers)
		out[known.Hash] = &known
		d = casper.Deploy{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading deploys: %w", err)
	}
	return out, nil
}

func (c *Casper) writeDeploys(ctx context.Context, tx pgx.Tx, deploys map[string]*casper.Deploy, dirty map[string]uint64) error {
	const q = `
insert into ix.casper_deploys as d (network, hash, account, state, cost, error_message, block_hash, timestamp, timestamp_ms, transfers, version, pos)
values ($1, $2, $3, $4, $5::text::numeric, $6, $7, $8, $9, $10, $11, $12)
on conflict (network, hash) do update set account = excluded.account, state = excluded.state, cost = excluded.cost,
	error_message = excluded.error_message, block_hash = excluded.block_hash, timestamp = excluded.timestamp,
	timestamp_ms = excluded.timestamp_ms, transfers = excluded.transfers, version = excluded.version, pos = excluded.pos`
	batch := &pgx.Batch{}
	for hash, pos := range dirty {
		d := deploys[hash]
		transfers := d.Transfers
		if transfers == nil {
			transfers = []string{}
		}
		batch.Queue(c.sql(q), c.network.Name, d.Hash, d.Account, d.State, d.Cost, d.ErrorMessage, d.BlockHash, d.Timestamp, d.TimestampMs,
			transfers, d.Version, int64(pos))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("writing deploys: %w", err)
	}
	c.stats.deploys += len(dirty)
	return nil
}

// insertTransfers writes the transfers of a processed deploy, and counts those
// that are new: on 2.x a deploy may come as DeployProcessed and as
// TransactionProcessed.
func (c *Casper) insertTransfers(ctx context.Context, tx pgx.Tx, f *fact, people accounts) error {
	if len(f.Transfers) == 0 {
		return nil
	}
	const q = `
insert into ix.casper_transfers (network, deploy_hash, idx, transfer, from_account, to_account, source, target, amount, gas, id,
	block_hash, timestamp, timestamp_ms, pos)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::numeric, $10::text::numeric, $11::text::numeric, $12, $13, $14, $15)
on conflict (network, deploy_hash, idx) do nothing`
	batch := &pgx.Batch{}
	for i := range f.Transfers {
		t := &f.Transfers[i]
		batch.Queue(c.sql(q), c.network.Name, t.DeployHash, t.Index, t.Address, t.From, t.To, t.Source, t.Target, t.Amount, t.Gas, t.ID,
			t.BlockHash, t.Timestamp, t.TimestampMs, int64(f.pos)).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 1 {
				people.transfer(t)
				c.stats.transfers++
			}
			return nil
		})
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inserting the transfers of %s: %w", f.Deploy.Hash, err)
	}
	return nil
}
