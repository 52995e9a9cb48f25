package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/shape"
)

const casperBlockColumns = `hash, parent_hash, height, era_id::text, timestamp, proposer, state_root_hash, deploys`

func scanCasperBlock(row pgx.Row, network string) (*feedv1.CasperBlock, error) {
	b := &feedv1.CasperBlock{Network: network}
	var height int64
	var era string
	if err := row.Scan(&b.BlockHash, &b.ParentHash, &height, &era, &b.Timestamp, &b.Proposer, &b.StateRootHash, &b.Deploys); err != nil {
		return nil, err
	}
	var err error
	if b.EraId, err = strconv.ParseUint(era, 10, 64); err != nil {
		return nil, fmt.Errorf("reading era %q: %w", era, err)
	}
	b.Height = uint64(height)
	return b, nil
}

const casperDeployColumns = `hash, account, state, coalesce(cost::text, ''), coalesce(error_message, ''), coalesce(block_hash, ''), timestamp, transfers, version`

func scanCasperDeploy(row pgx.Row, network string) (*feedv1.CasperDeploy, error) {
	d := &feedv1.CasperDeploy{Network: network}
	err := row.Scan(&d.DeployHash, &d.Account, &d.State, &d.Cost, &d.ErrorMessage, &d.BlockHash, &d.Timestamp, &d.Transfers, &d.Version)
	return d, err
}

// CasperBlock finds a block by its lower-case hash.
func (s *Store) CasperBlock(ctx context.Context, network, hash string, need Need) (b *feedv1.CasperBlock, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, batch *pgx.Batch) {
		q := `select ` + casperBlockColumns + ` from ` + tx.table("casper_blocks") + ` where network = $1 and hash = $2`
		batch.Queue(q, network, hash).QueryRow(func(row pgx.Row) (err error) {
			b, err = scanCasperBlock(row, network)
			return found(err, "reading block")
		})
	})
	return b, at, err
}

// CasperDeploy finds a deploy or transaction by its lower-case hash.
func (s *Store) CasperDeploy(ctx context.Context, network, hash string, need Need) (d *feedv1.CasperDeploy, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, batch *pgx.Batch) {
		q := `select ` + casperDeployColumns + ` from ` + tx.table("casper_deploys") + ` where network = $1 and hash = $2`
		batch.Queue(q, network, hash).QueryRow(func(row pgx.Row) (err error) {
			d, err = scanCasperDeploy(row, network)
			return found(err, "reading deploy")
		})
	})
	return d, at, err
}

func found(err error, doing string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// CasperBlocks reads limit blocks after skipping offset, newest first, and the
// exact number of all.
func (s *Store) CasperBlocks(ctx context.Context, network string, offset, limit int64, need Need) (out []*feedv1.CasperBlock, total int64, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		total = 0
		page := paged{table: tx.table("casper_blocks"), columns: casperBlockColumns, where: `network = $1`, key: "height", tie: "hash", bucket: heightsABucket, whole: true}
		page.query(tx, b, network, "blocks", "", offset, limit).Query(func(rows pgx.Rows) (err error) {
			total, err = pageOf(rows, func(row pgx.Row) error {
				b, err := scanCasperBlock(row, network)
				out = append(out, b)
				return err
			})
			return reading("blocks", err)
		})
	})
	return out, total, at, err
}

// AccountDeploys is CasperBlocks for the deploys of one public key.
func (s *Store) AccountDeploys(ctx context.Context, network, account string, offset, limit int64, need Need) (out []*feedv1.CasperDeploy, total int64, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		total = 0
		page := paged{table: tx.table("casper_deploys"), columns: casperDeployColumns, where: `network = $1 and account = $3`, key: "timestamp_ms", tie: "hash",
			tieDesc: true, bucket: dayMS}
		page.query(tx, b, network, "account_deploys", account, offset, limit).Query(func(rows pgx.Rows) (err error) {
			total, err = pageOf(rows, func(row pgx.Row) error {
				d, err := scanCasperDeploy(row, network)
				out = append(out, d)
				return err
			})
			return reading("deploys", err)
		})
	})
	return out, total, at, err
}

// MaxTransfers bounds the answer about one account.
const MaxTransfers = 1000

// Transfers reads the newest native transfers from or to an account hash
// (lower-case hex without prefix).
func (s *Store) Transfers(ctx context.Context, network, account string, need Need) (out []shape.CasperTransfer, at At, err error) {
	at, err = s.ask(ctx, network, need, func(tx *Tx, b *pgx.Batch) {
		out = nil
		const columns = `deploy_hash, idx, transfer, block_hash, from_account, to_account, source, target, amount::text, gas::text, id::text, timestamp, timestamp_ms`
		t := tx.table("casper_transfers")
		q := `select transfer, deploy_hash, block_hash, from_account, to_account, source, target, amount, gas, id, timestamp from (
				(select ` + columns + ` from ` + t + ` where network = $1 and from_account = $2 order by timestamp_ms desc limit $3)
				union
				(select ` + columns + ` from ` + t + ` where network = $1 and to_account = $2 order by timestamp_ms desc limit $3)
			) both_ways order by timestamp_ms desc, deploy_hash, idx limit $3`
		b.Queue(q, network, account, MaxTransfers).Query(func(rows pgx.Rows) (err error) {
			out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (shape.CasperTransfer, error) {
				var t shape.CasperTransfer
				err := row.Scan(&t.TransferHash, &t.DeployHash, &t.BlockHash, &t.FromAccount, &t.ToAccount, &t.SourcePurse, &t.TargetPurse,
					&t.Amount, &t.Gas, &t.ID, &t.Timestamp)
				return t, err
			})
			return reading("transfers", err)
		})
	})
	return out, at, err
}
