package apitest

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// Repair gives a canonical block other events: those whose log index is in
// removed are taken away, and those in added come in their place. An index that
// is in both has another content. The hint leaves the rows out, as the writer's
// does.
func (c *Chain) Repair(t testing.TB, number uint64, removed, added []int) {
	t.Helper()
	ctx := context.Background()
	tx, err := c.DB.Super.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	removed = append([]int{}, removed...) // nil would be null
	c.seq++
	prev, pos, ix := c.pos, feedv1.Position(c.seq, 0), "ix_"+Build
	hash := c.hashes[number]
	batch := &pgx.Batch{}
	batch.Queue(fmt.Sprintf(`with e as (delete from %[1]s.events where network = $1 and block_number = $2 and log_index = any($3) returning *)
		insert into %[1]s.orphaned_events select $4, e.* from e`, ix), c.Network, int64(number), removed, int64(pos))
	c.pos = pos
	b := &feedv1.EvmBlock{Network: c.Network, Number: number, Hash: hash[:], Time: 1700000000 + number}
	for _, i := range added {
		e := c.event(b, i)
		c.salt++
		e.Data = append(make([]byte, 30), byte(c.salt>>8), byte(c.salt))
		c.pos = feedv1.Position(c.seq, i+1)
		batch.Queue(fmt.Sprintf(`insert into %s.events (network, block_number, log_index, block_hash, block_time, tx_hash, tx_index, address, contract, event, args, topics, data, pos)
			values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`, ix), c.Network, int64(number), i, b.Hash, int64(b.Time), e.TxHash, i, e.Address, e.Contract, e.Event,
			string(e.Args), e.Topics, e.Data, int64(c.pos))
	}
	batch.Queue(fmt.Sprintf(`with n as (update %[1]s.blocks set log_count = (select count(*) from %[1]s.events where network = $1 and block_number = $2) where network = $1 and number = $2 returning log_count)
		insert into %[1]s.repairs (network, pos, number, hash, log_count, removed) select $1, $3, $2, $4, log_count, $5 from n`, ix), c.Network, int64(number), int64(pos), hash[:], removed)
	c.pos = feedv1.Position(c.seq, 1000) // all logs of the block are counted, new or not
	batch.Queue(`update ctl.cursors set seq = $1, pos = $2 where build = $3 and partition = $4`, int64(c.seq), int64(c.pos), Build, c.Partition)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	was := c.LeaveOut
	c.LeaveOut = true
	c.hint(t, prev, nil)
	c.LeaveOut = was
}
