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

// Widths of the buckets of `counts`.
const (
	heightsABucket = 1000
	dayMS          = 86400000
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
func (s *Store) CasperBlock(ctx context.Context, network, hash string) (b *feedv1.CasperBlock, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		q := `select ` + casperBlockColumns + ` from ` + tx.table("casper_blocks") + ` where network = $1 and hash = $2`
		b, err = scanCasperBlock(tx.QueryRow(ctx, q, network, hash), network)
		return found(err, "reading block")
	})
	return b, err
}

// CasperDeploy finds a deploy or transaction by its lower-case hash.
func (s *Store) CasperDeploy(ctx context.Context, network, hash string) (d *feedv1.CasperDeploy, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		q := `select ` + casperDeployColumns + ` from ` + tx.table("casper_deploys") + ` where network = $1 and hash = $2`
		d, err = scanCasperDeploy(tx.QueryRow(ctx, q, network, hash), network)
		return found(err, "reading deploy")
	})
	return d, err
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
func (s *Store) CasperBlocks(ctx context.Context, network string, offset, limit int64) (out []*feedv1.CasperBlock, total int64, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out = nil
		var at place
		if at, err = locate(ctx, tx, network, "blocks", "", offset); err != nil {
			return err
		}
		total = at.total
		if limit == 0 || !at.found {
			return nil
		}
		q := `select ` + casperBlockColumns + ` from ` + tx.table("casper_blocks") + `
			where network = $1 and height < $2 order by height desc, hash limit $3 offset $4`
		rows, err := tx.Query(ctx, q, network, (at.bucket+1)*heightsABucket, limit, offset-at.before)
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*feedv1.CasperBlock, error) { return scanCasperBlock(row, network) })
		if err != nil {
			return fmt.Errorf("reading blocks: %w", err)
		}
		return nil
	})
	return out, total, err
}

// AccountDeploys is CasperBlocks for the deploys of one public key.
func (s *Store) AccountDeploys(ctx context.Context, network, account string, offset, limit int64) (out []*feedv1.CasperDeploy, total int64, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		out = nil
		var at place
		if at, err = locate(ctx, tx, network, "account_deploys", account, offset); err != nil {
			return err
		}
		total = at.total
		if limit == 0 || !at.found {
			return nil
		}
		q := `select ` + casperDeployColumns + ` from ` + tx.table("casper_deploys") + `
			where network = $1 and account = $2 and timestamp_ms < $3 order by timestamp_ms desc, hash desc limit $4 offset $5`
		rows, err := tx.Query(ctx, q, network, account, (at.bucket+1)*dayMS, limit, offset-at.before)
		if err != nil {
			return fmt.Errorf("reading deploys: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*feedv1.CasperDeploy, error) { return scanCasperDeploy(row, network) })
		if err != nil {
			return fmt.Errorf("reading deploys: %w", err)
		}
		return nil
	})
	return out, total, err
}

// place is where the row at an offset is: in which bucket, and how many rows
// are in the buckets before it.
type place struct {
	total, bucket, before int64
	found                 bool
}

// locate adds buckets, newest first, until they hold more than offset rows.
// Heights have gaps, so neither arithmetic nor an OFFSET over all rows does.
func locate(ctx context.Context, tx *Tx, network, kind, scope string, offset int64) (place, error) {
	q := `with c as (
			select bucket, n, sum(n) over (order by bucket desc)::bigint as upto
			from ` + tx.table("counts") + ` where network = $1 and kind = $2 and scope = $3 and n > 0)
		select coalesce((select max(upto) from c), 0), b.bucket, b.before
		from (select 1) one left join lateral
			(select bucket, upto - n as before from c where upto > $4 order by bucket desc limit 1) b on true`
	var p place
	var bucket, before *int64
	if err := tx.QueryRow(ctx, q, network, kind, scope, offset).Scan(&p.total, &bucket, &before); err != nil {
		return place{}, fmt.Errorf("reading the counts of %s: %w", kind, err)
	}
	if bucket != nil {
		p.bucket, p.before, p.found = *bucket, *before, true
	}
	return p, nil
}

// MaxTransfers bounds the answer about one account.
const MaxTransfers = 1000

// Transfers reads the newest native transfers from or to an account hash
// (lower-case hex without prefix).
func (s *Store) Transfers(ctx context.Context, network, account string) (out []shape.CasperTransfer, err error) {
	err = s.viewLive(ctx, func(tx *Tx) error {
		const columns = `deploy_hash, idx, transfer, block_hash, from_account, to_account, source, target, amount::text, gas::text, id::text, timestamp, timestamp_ms`
		t := tx.table("casper_transfers")
		q := `select transfer, deploy_hash, block_hash, from_account, to_account, source, target, amount, gas, id, timestamp from (
				(select ` + columns + ` from ` + t + ` where network = $1 and from_account = $2 order by timestamp_ms desc limit $3)
				union
				(select ` + columns + ` from ` + t + ` where network = $1 and to_account = $2 order by timestamp_ms desc limit $3)
			) both_ways order by timestamp_ms desc, deploy_hash, idx limit $3`
		rows, err := tx.Query(ctx, q, network, account, MaxTransfers)
		if err != nil {
			return fmt.Errorf("reading transfers: %w", err)
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (shape.CasperTransfer, error) {
			var t shape.CasperTransfer
			err := row.Scan(&t.TransferHash, &t.DeployHash, &t.BlockHash, &t.FromAccount, &t.ToAccount, &t.SourcePurse, &t.TargetPurse,
				&t.Amount, &t.Gas, &t.ID, &t.Timestamp)
			return t, err
		})
		if err != nil {
			return fmt.Errorf("reading transfers: %w", err)
		}
		return nil
	})
	return out, err
}
