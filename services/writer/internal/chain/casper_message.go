package chain

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/services/writer/internal/casper"
)

// insertMessages writes what contracts emitted; what is there already stays.
func (c *Casper) insertMessages(ctx context.Context, tx pgx.Tx, list []casper.Message) error {
	const q = `
insert into ix.casper_messages (network, deploy_hash, idx, entity, entity_name, topic, topic_hash, topic_index, block_index, text, bytes,
	block_hash, timestamp, timestamp_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8::text::numeric, $9::text::numeric, $10, $11, $12, $13, $14)
on conflict (network, deploy_hash, idx) do nothing`
	if len(list) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	for i := range list {
		m := &list[i]
		var body []byte
		if m.Bytes != nil {
			var err error
			if body, err = hex.DecodeString(*m.Bytes); err != nil {
				return fmt.Errorf("reading message %d of %s: %w", m.Index, m.TransactionHash, err)
			}
		}
		batch.Queue(c.sql(q), c.network.Name, m.TransactionHash, m.Index, m.Entity, m.EntityName, m.Topic, m.TopicHash, m.TopicIndex,
			m.BlockIndex, m.Text, body, m.BlockHash, m.Timestamp, m.TimestampMs)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("inserting the messages of %s: %w", list[0].TransactionHash, err)
	}
	c.stats.messages += len(list)
	return nil
}

// late stores the messages of a transaction whose outcome was known already
// from a source that does not tell them, and the fact that tells them in the
// place of the one that did not.
func (c *Casper) late(ctx context.Context, tx pgx.Tx, f *fact, raw []byte) error {
	if f.Messages == nil {
		return nil
	}
	if known, _ := casper.Parse(f.kind, raw); known.Messages != nil {
		return nil
	}
	const q = `update ix.casper_facts set raw = $4 where network = $1 and kind = $2 and key = $3`
	if _, err := tx.Exec(ctx, c.sql(q), c.network.Name, f.kind, f.key, f.raw); err != nil {
		return fmt.Errorf("completing fact %s %s: %w", f.kind, f.key, err)
	}
	return c.insertMessages(ctx, tx, f.Messages)
}

// signatures are the new finality signatures of each block, by its hash.
type signatures map[string]int64

func (s signatures) write(ctx context.Context, tx pgx.Tx, ix *index) error {
	var blocks []string
	var ns []int64
	for block, n := range s {
		blocks, ns = append(blocks, block), append(ns, n)
	}
	if len(blocks) == 0 {
		return nil
	}
	const q = `
insert into ix.casper_signatures as s (network, block_hash, n)
select $1, u.* from unnest($2::text[], $3::bigint[]) as u
on conflict (network, block_hash) do update set n = s.n + excluded.n`
	if _, err := tx.Exec(ctx, ix.sql(q), ix.network.Name, blocks, ns); err != nil {
		return fmt.Errorf("counting signatures: %w", err)
	}
	return nil
}
