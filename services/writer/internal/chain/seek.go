package chain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/seek"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// SeekBack goes back to where the subject and the index agree; see seek.Back.
func (e *EVM) SeekBack(ctx context.Context, cur partition.Cursor, cause error) (partition.Target, error) {
	distance, err := shift(cur.SeekBacks)
	if err != nil {
		return partition.Target{}, err
	}
	e.ctx = ctx
	var checked uint64
	const q = `select coalesce(max(to_number), 0) from ix.checks where network = $1`
	if err := e.pool.QueryRow(ctx, e.sql(q), e.network.Name).Scan(&checked); err != nil {
		return partition.Target{}, fmt.Errorf("reading how far %s was checked: %w", e.name(), err)
	}
	at, err := seek.Back(ctx, &subject{e.bus, e.name()}, headOf(cur), checked, e.held)
	switch {
	case err != nil:
		return partition.Target{}, fmt.Errorf("%s: %w", e.name(), err)
	case at.Message != nil:
		return e.target(cur, at.Message, at.Resume, distance), nil
	case cur.Number == nil && at.Beginning:
		// Nothing was indexed yet: the beginning is as good a place.
		to := cur
		to.Seq, to.Digest, to.Pos = 0, []byte{}, 0
		return partition.Target{Cursor: to, Write: func(context.Context, pgx.Tx) error { return nil }}, nil
	}
	return partition.Target{}, partition.Stopf("%v; no message of the subject ends at a block of this index (highest held: %d %x). %s",
		cause, cur.Height(), cur.Hash, partition.Recovery(e.build, e.name()))
}

// subject is the partition's subject in the stream.
type subject struct {
	bus  *bus.Bus
	name string
}

func (s *subject) Last(ctx context.Context) (*evm.Message, error) {
	return s.message(s.bus.Last(ctx, chainv1.Stream, s.name))
}

func (s *subject) Get(ctx context.Context, seq uint64) (*evm.Message, error) {
	return s.message(s.bus.Get(ctx, chainv1.Stream, seq))
}

func (s *subject) Next(ctx context.Context, seq uint64) (*evm.Message, error) {
	return s.message(s.bus.Next(ctx, chainv1.Stream, s.name, seq))
}

func (s *subject) message(m *bus.Message, err error) (*evm.Message, error) {
	if err != nil || m == nil || m.Subject != s.name {
		return nil, err
	}
	return &evm.Message{Seq: m.Seq, Data: m.Data}, nil
}

func (e *EVM) target(cur partition.Cursor, m *evm.Message, resume *chainv1.Resume, distance int64) partition.Target {
	to := cur
	number := resume.GetHead()
	final := min(cur.Final(), number)
	to.Seq, to.Digest, to.Pos = m.Seq, m.Digest(), feedv1.EndOf(m.Seq)
	to.Number, to.Hash, to.Finalized = &number, resume.GetHash(), &final
	return partition.Target{Cursor: to, Write: func(ctx context.Context, tx pgx.Tx) error {
		totals := counts{}
		// Rows above may be there without the cursor knowing them: that is what a
		// key in the way says.
		r := &evm.Revert{ToNumber: number, ToHash: resume.GetHash(), FromNumber: cur.Height(), FromHash: cur.Hash}
		if err := e.revert(ctx, tx, int64(cur.Pos)-distance, r, totals); err != nil {
			return err
		}
		if err := totals.write(ctx, tx, &e.index); err != nil {
			return err
		}
		// What cannot be read, and of what heights is not known, is met again or gone.
		const unknown = `
update ctl.dead_letters set orphaned = true where build = $1 and partition = $2 and seq > $3 and block_number is null and not orphaned`
		if _, err := tx.Exec(ctx, unknown, e.build, e.name(), to.Seq); err != nil {
			return fmt.Errorf("orphaning dead letters behind message %d: %w", to.Seq, err)
		}
		return e.restamp(ctx, tx, to.Pos, distance)
	}}
}

// restampAll is the number of rows from which all are numbered anew instead of
// those alone that are in the way: real rows of one message stay below it.
const restampAll = 1 << 19

// restamp keeps old positions and new ones apart after a seek back to end. The
// new life gives positions above end: kept rows with such positions are
// numbered in chain order up to end, so that a replay of the new life meets
// each row once. Reverts of the former life are history that no replay looks
// for: below zero.
func (e *EVM) restamp(ctx context.Context, tx pgx.Tx, end uint64, distance int64) error {
	const count = `
select (select count(*) from ix.blocks where network = $1 and pos > $2) + (select count(*) from ix.events where network = $1 and pos > $2)`
	above := int64(end)
	var n int64
	if err := tx.QueryRow(ctx, e.sql(count), e.network.Name, above).Scan(&n); err != nil {
		return fmt.Errorf("counting rows in the way: %w", err)
	}
	if n >= restampAll {
		above = -1
	}
	const ranked = `
with kept as (
	select number as block_number, -1 as log_index from ix.blocks where network = $1 and pos > $2
	union all
	select block_number, log_index from ix.events where network = $1 and pos > $2
), ranked as (
	select block_number, log_index, $3::bigint - count(*) over () + row_number() over (order by block_number, log_index) as pos from kept
)
insert into restamped (block_number, log_index, pos) select block_number, log_index, pos from ranked`
	const scratch = `create temp table restamped (block_number bigint, log_index integer, pos bigint) on commit drop`
	if _, err := tx.Exec(ctx, scratch); err != nil {
		return fmt.Errorf("numbering rows anew: %w", err)
	}
	if _, err := tx.Exec(ctx, e.sql(ranked), e.network.Name, above, int64(end)); err != nil {
		return fmt.Errorf("numbering rows anew: %w", err)
	}
	for _, q := range []string{
		`update ix.blocks b set pos = r.pos from restamped r where b.network = $1 and b.number = r.block_number and r.log_index = -1`,
		`update ix.events v set pos = r.pos from restamped r where v.network = $1 and v.block_number = r.block_number and v.log_index = r.log_index`,
	} {
		if _, err := tx.Exec(ctx, e.sql(q), e.network.Name); err != nil {
			return fmt.Errorf("numbering rows anew: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, e.sql(`update ix.ranges set pos = $2 where network = $1 and pos > $2`), e.network.Name, int64(end)); err != nil {
		return fmt.Errorf("numbering ranges anew: %w", err)
	}
	for _, q := range []string{
		`update ix.reverts set pos = pos - $3 where network = $1 and pos > $2`,
		`update ix.repairs set pos = pos - $3 where network = $1 and pos > $2`,
		`update ix.orphaned_blocks set revert_pos = revert_pos - $3 where network = $1 and revert_pos > $2`,
		`update ix.orphaned_events set revert_pos = revert_pos - $3 where network = $1 and revert_pos > $2`,
	} {
		if _, err := tx.Exec(ctx, e.sql(q), e.network.Name, int64(end), distance); err != nil {
			return fmt.Errorf("putting former reverts aside: %w", err)
		}
	}
	for _, q := range []string{
		`update ix.orphaned_blocks set pos = pos - $2 where network = $1 and revert_pos < 0 and pos >= 0`,
		`update ix.orphaned_events set pos = pos - $2 where network = $1 and revert_pos < 0 and pos >= 0`,
	} {
		if _, err := tx.Exec(ctx, e.sql(q), e.network.Name, distance); err != nil {
			return fmt.Errorf("putting orphaned rows aside: %w", err)
		}
	}
	return nil
}
