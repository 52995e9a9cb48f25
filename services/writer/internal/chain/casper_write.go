package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/casper"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// msPerDay is the width of a bucket of an account's deploys.
const msPerDay = 86_400_000

// Write writes the plan: the facts, what the new ones among them project to,
// and the frames of what changed.
func (c *Casper) Write(ctx context.Context, tx pgx.Tx) error {
	c.written, c.stats = nil, casperStats{}
	totals, people, signed := counts{}, accounts{}, signatures{}
	var placed []string // deploys of which it may be known only now in what block they are
	fresh, err := c.insertFacts(ctx, tx)
	if err != nil {
		return err
	}
	if err := c.known(ctx, tx, fresh); err != nil {
		return err
	}
	deploys, err := c.loadDeploys(ctx, tx, fresh)
	if err != nil {
		return err
	}
	dirty := map[string]uint64{} // deploy hash to the position of its last change
	for i := range c.facts {
		f := &c.facts[i]
		if !fresh[i] {
			continue
		}
		if f.Block != nil {
			if err := c.insertBlock(ctx, tx, f, totals); err != nil {
				return err
			}
			placed = append(placed, f.Block.Deploys...)
		}
		if f.Signature != nil {
			signed[f.Signature.BlockHash]++
		}
		if f.Deploy != nil {
			old := deploys[f.Deploy.Hash]
			merged, changed := casper.Merge(old, *f.Deploy)
			if changed {
				countDeploy(totals, old, merged)
				people.deploy(old, merged)
				deploys[merged.Hash] = &merged
				dirty[merged.Hash] = f.pos
				c.frame(&feedv1.Row{Pos: f.pos, Kind: &feedv1.Row_CasperDeploy{CasperDeploy: casper.FeedDeploy(c.network.Name, merged)}})
			}
			if merged.BlockHash != nil {
				placed = append(placed, merged.Hash)
			}
		}
		if err := c.insertTransfers(ctx, tx, f, people); err != nil {
			return err
		}
		if err := c.insertMessages(ctx, tx, f.Messages); err != nil {
			return err
		}
	}
	if err := c.writeDeploys(ctx, tx, deploys, dirty); err != nil {
		return err
	}
	if err := people.heights(ctx, tx, &c.index, placed); err != nil {
		return err
	}
	if err := people.write(ctx, tx, &c.index); err != nil {
		return err
	}
	if err := signed.write(ctx, tx, &c.index); err != nil {
		return err
	}
	if err := c.writeFrames(ctx, tx); err != nil {
		return err
	}
	if err := totals.write(ctx, tx, &c.index); err != nil {
		return err
	}
	return c.bury(ctx, tx, c.dead)
}

// countDeploy keeps the number of deploys of an account and day.
func countDeploy(totals counts, old *casper.Deploy, now casper.Deploy) {
	key := func(d *casper.Deploy) countKey {
		return countKey{kind: "account_deploys", scope: d.Account, bucket: d.TimestampMs / msPerDay}
	}
	if old != nil && old.Account != "" {
		totals[key(old)]--
	}
	if now.Account != "" {
		totals[key(&now)]++
	}
}

// insertFacts says of each fact whether it was new.
func (c *Casper) insertFacts(ctx context.Context, tx pgx.Tx) ([]bool, error) {
	fresh := make([]bool, len(c.facts))
	if len(c.facts) == 0 {
		return fresh, nil
	}
	var kinds, keys []string
	var raws [][]byte
	var received, positions []int64
	at := make(map[int64]int, len(c.facts))
	for i := range c.facts {
		f := &c.facts[i]
		kinds, keys, raws = append(kinds, f.kind), append(keys, f.key), append(raws, f.raw)
		received, positions = append(received, f.received), append(positions, int64(f.pos))
		at[int64(f.pos)] = i
	}
	const q = `
insert into ix.casper_facts (network, kind, key, raw, received_ms, pos)
select $1, u.* from unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::bigint[]) as u
on conflict (network, kind, key) do nothing returning pos`
	rows, err := tx.Query(ctx, c.sql(q), c.network.Name, kinds, keys, raws, received, positions)
	if err != nil {
		return nil, fmt.Errorf("inserting facts: %w", err)
	}
	var pos int64
	_, err = pgx.ForEachRow(rows, []any{&pos}, func() error {
		fresh[at[pos]] = true
		c.stats.facts++
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("inserting facts: %w", err)
	}
	return fresh, nil
}

// known compares facts that were there already with what holds their key:
// another content goes to the quarantine. A fact of a former life gets its
// position of this one.
func (c *Casper) known(ctx context.Context, tx pgx.Tx, fresh []bool) error {
	const q = `select raw, pos from ix.casper_facts where network = $1 and kind = $2 and key = $3`
	for i := range c.facts {
		f := &c.facts[i]
		if fresh[i] {
			continue
		}
		c.stats.duplicates++
		var raw []byte
		var pos int64
		if err := tx.QueryRow(ctx, c.sql(q), c.network.Name, f.kind, f.key).Scan(&raw, &pos); err != nil {
			return fmt.Errorf("comparing fact %s %s: %w", f.kind, f.key, err)
		}
		if !bytes.Equal(raw, f.raw) && !bytes.Equal(casper.Canonical(f.kind, raw), casper.Canonical(f.kind, f.raw)) {
			c.stats.quarantined++
			const hold = `
insert into ctl.quarantine (build, partition, seq, unit, kind, key, raw)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (build, partition, seq, unit) do nothing`
			if _, err := tx.Exec(ctx, hold, c.build, c.name(), f.seq, f.unit, f.kind, f.key, f.raw); err != nil {
				return fmt.Errorf("putting fact %s %s into quarantine: %w", f.kind, f.key, err)
			}
		}
		if err := c.late(ctx, tx, f, raw); err != nil {
			return err
		}
		if pos < 0 {
			if err := c.restamp(ctx, tx, f, pos); err != nil {
				return err
			}
		}
	}
	return nil
}

// restamp gives what a fact made its position in the new life.
func (c *Casper) restamp(ctx context.Context, tx pgx.Tx, f *fact, old int64) error {
	var frame []byte
	err := tx.QueryRow(ctx, c.sql(`select row from ix.casper_feed where network = $1 and pos = $2`), c.network.Name, old).Scan(&frame)
	if err == nil {
		var row feedv1.Row
		if err := proto.Unmarshal(frame, &row); err != nil {
			return fmt.Errorf("reading the frame at %d: %w", old, err)
		}
		row.Pos = f.pos
		if frame, err = proto.Marshal(&row); err != nil {
			return fmt.Errorf("writing the frame at %d: %w", f.pos, err)
		}
		if _, err := tx.Exec(ctx, c.sql(`update ix.casper_feed set pos = $3, row = $4 where network = $1 and pos = $2`), c.network.Name, old, f.pos, frame); err != nil {
			return fmt.Errorf("moving the frame at %d: %w", old, err)
		}
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("reading the frame at %d: %w", old, err)
	}
	move := func(q string, key ...any) error {
		if _, err := tx.Exec(ctx, c.sql(q), append([]any{c.network.Name, old, int64(f.pos)}, key...)...); err != nil {
			return fmt.Errorf("moving rows of position %d: %w", old, err)
		}
		return nil
	}
	if err := move(`update ix.casper_facts set pos = $3 where network = $1 and pos = $2`); err != nil {
		return err
	}
	if f.Block != nil {
		return move(`update ix.casper_blocks set pos = $3 where network = $1 and pos = $2 and hash = $4`, f.Block.Hash)
	}
	if f.Deploy != nil {
		if err := move(`update ix.casper_deploys set pos = $3 where network = $1 and pos = $2 and hash = $4`, f.Deploy.Hash); err != nil {
			return err
		}
		return move(`update ix.casper_transfers set pos = $3 where network = $1 and pos = $2 and deploy_hash = $4`, f.Deploy.Hash)
	}
	return nil
}

func (c *Casper) frame(row *feedv1.Row) { c.written = append(c.written, row) }

func (c *Casper) writeFrames(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.CopyFrom(ctx, c.table("casper_feed"), []string{"network", "pos", "row"},
		pgx.CopyFromSlice(len(c.written), func(i int) ([]any, error) {
			body, err := proto.Marshal(c.written[i])
			return []any{c.network.Name, int64(c.written[i].Pos), body}, err
		}))
	if err != nil {
		return fmt.Errorf("copying frames: %w", err)
	}
	return nil
}
