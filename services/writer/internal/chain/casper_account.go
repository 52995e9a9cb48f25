package chain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/casper"
)

// accounts collects what the new facts of a transaction say of accounts, by
// account hash. Sums, minima and a key that a hash fixes: they come out the same
// in any order of facts.
type accounts map[string]*account

type account struct {
	publicKey   string
	firstMs     *int64
	firstHeight *int64
	deploys     int64
	in, out     int64
}

// of finds an account by public key or account hash.
func (a accounts) of(key string) *account {
	hash, public := key, ""
	if h, err := casper.AccountHash(key); err == nil {
		hash, public = h, key
	}
	found := a[hash]
	if found == nil {
		found = &account{}
		a[hash] = found
	}
	if public != "" {
		found.publicKey = public
	}
	return found
}

func (a *account) seen(ms int64) {
	if a.firstMs == nil || ms < *a.firstMs {
		a.firstMs = &ms
	}
}

// deploy counts a deploy once its account is known.
func (a accounts) deploy(old *casper.Deploy, now casper.Deploy) {
	if old != nil && old.Account != "" {
		a.of(old.Account).deploys--
	}
	if now.Account != "" {
		it := a.of(now.Account)
		it.deploys++
		it.seen(now.TimestampMs)
	}
}

func (a accounts) transfer(t *casper.Transfer) {
	from := a.of(t.From)
	from.out++
	from.seen(t.TimestampMs)
	if t.To != nil {
		to := a.of(*t.To)
		to.in++
		to.seen(t.TimestampMs)
	}
}

// heights notes the lowest block of the accounts that the given deploys name. It
// is asked when a deploy or its block comes, whichever is the later one.
func (a accounts) heights(ctx context.Context, tx pgx.Tx, ix *index, deploys []string) error {
	if len(deploys) == 0 {
		return nil
	}
	const q = `
select account, min(height) from (
	select d.account, b.height from ix.casper_deploys d
	join ix.casper_blocks b on b.network = d.network and b.hash = d.block_hash
	where d.network = $1 and d.hash = any($2) and d.account <> ''
	union all
	select unnest(array[t.from_account, t.to_account]), b.height from ix.casper_transfers t
	join ix.casper_blocks b on b.network = t.network and b.hash = t.block_hash
	where t.network = $1 and t.deploy_hash = any($2)
) named where account is not null group by account`
	rows, err := tx.Query(ctx, ix.sql(q), ix.network.Name, deploys)
	if err != nil {
		return fmt.Errorf("reading the blocks of accounts: %w", err)
	}
	var key string
	var height int64
	_, err = pgx.ForEachRow(rows, []any{&key, &height}, func() error {
		it := a.of(key)
		if it.firstHeight == nil || height < *it.firstHeight {
			h := height
			it.firstHeight = &h
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the blocks of accounts: %w", err)
	}
	return nil
}

// write adds what was collected. The first statement is for accounts that are
// new or were seen at a time, the second for those of which only the block came.
func (a accounts) write(ctx context.Context, tx pgx.Tx, ix *index) error {
	var hashes, keys []string
	var ms, heights []*int64
	var deploys, in, out []int64
	for hash, it := range a {
		hashes, keys, ms, heights = append(hashes, hash), append(keys, it.publicKey), append(ms, it.firstMs), append(heights, it.firstHeight)
		deploys, in, out = append(deploys, it.deploys), append(in, it.in), append(out, it.out)
	}
	if len(hashes) == 0 {
		return nil
	}
	const add = `
insert into ix.casper_accounts as a (network, account_hash, public_key, first_ms, first_height, deploys, transfers_in, transfers_out)
select $1, u.* from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
	as u (hash, key, ms, height, deploys, came, went) where u.ms is not null
on conflict (network, account_hash) do update set
	public_key = case when excluded.public_key = '' then a.public_key else excluded.public_key end,
	first_ms = least(a.first_ms, excluded.first_ms), first_height = least(a.first_height, excluded.first_height),
	deploys = a.deploys + excluded.deploys, transfers_in = a.transfers_in + excluded.transfers_in,
	transfers_out = a.transfers_out + excluded.transfers_out`
	if _, err := tx.Exec(ctx, ix.sql(add), ix.network.Name, hashes, keys, ms, heights, deploys, in, out); err != nil {
		return fmt.Errorf("adding to the accounts: %w", err)
	}
	const place = `
update ix.casper_accounts a set first_height = least(a.first_height, u.height), deploys = a.deploys + u.deploys
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) as u (hash, ms, height, deploys)
where a.network = $1 and a.account_hash = u.hash and u.ms is null
	and (u.deploys <> 0 or a.first_height is distinct from least(a.first_height, u.height))`
	if _, err := tx.Exec(ctx, ix.sql(place), ix.network.Name, hashes, ms, heights, deploys); err != nil {
		return fmt.Errorf("placing the accounts: %w", err)
	}
	return nil
}
