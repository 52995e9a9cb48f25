package chain

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"

	chainv1 "fondaco.dev/proto/chain/v1"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// SeekBack looks from the subject's end backwards for a message that ends at a
// block which the index holds. Hashes link the blocks, so that everything up
// to that block is what the subject says too; what is above goes the way of a
// revert, and the messages behind it are applied as always.
func (e *EVM) SeekBack(ctx context.Context, cur partition.Cursor, cause error) (partition.Target, error) {
	distance, err := shift(cur.SeekBacks)
	if err != nil {
		return partition.Target{}, err
	}
	e.ctx = ctx
	m, err := e.bus.Last(ctx, chainv1.Stream, e.name())
	beginning := m == nil // the subject's first message was reached, or there is none
	for steps := 0; err == nil && m != nil; m, err = e.before(ctx, m) {
		if steps++; steps == walkFirst && cur.Number != nil {
			if m, err = e.bisect(ctx, m, *cur.Number); err != nil || m == nil {
				break
			}
		}
		pack, bad := readPack(m.Data)
		if bad != nil {
			break // its predecessor is not known
		}
		beginning = pack.GetPrevSeq() == 0
		resume := pack.GetResume()
		if midBlock(pack) || !resume.GetStarted() || cur.Number == nil || resume.GetHead() > *cur.Number {
			continue
		}
		held, err := e.held(resume.GetHead())
		if err != nil {
			return partition.Target{}, err
		}
		if resume.GetHead() == *cur.Number && held == nil {
			held = cur.Hash // a block that lies among the dead letters
		}
		if held != nil && bytes.Equal(held, resume.GetHash()) {
			return e.target(cur, m, resume, distance), nil
		}
	}
	if err != nil {
		return partition.Target{}, fmt.Errorf("seeking back in %s: %w", e.name(), err)
	}
	if cur.Number == nil && beginning {
		// Nothing was indexed yet: the beginning is as good a place.
		to := cur
		to.Seq, to.Digest, to.Pos = 0, []byte{}, 0
		return partition.Target{Cursor: to, Write: func(context.Context, pgx.Tx) error { return nil }}, nil
	}
	return partition.Target{}, partition.Stopf("%v; no message of the subject ends at a block of this index (highest held: %d %x). %s",
		cause, cur.Height(), cur.Hash, partition.Recovery(e.build, e.name()))
}

// walkFirst is how many messages are read backwards one by one, links checked,
// before a subject that went on for long is cut in halves.
const walkFirst = 32

// bisect finds about the last message at or before m that ends at or below
// number. Heads go down with reverts, so it may be an earlier one than need be:
// the messages behind it are applied again, and their links are checked then.
func (e *EVM) bisect(ctx context.Context, m *bus.Message, number uint64) (*bus.Message, error) {
	first, err := e.bus.Next(ctx, chainv1.Stream, e.name(), 1)
	if err != nil || first == nil {
		return m, err
	}
	low, high := first, m
	for low.Seq+1 < high.Seq {
		mid, err := e.bus.Next(ctx, chainv1.Stream, e.name(), low.Seq+(high.Seq-low.Seq)/2)
		if err != nil {
			return nil, err
		}
		if mid == nil || mid.Seq >= high.Seq {
			// The subject has nothing between the middle and high.
			if mid, err = e.before(ctx, high); err != nil || mid == nil || mid.Seq <= low.Seq {
				break
			}
		}
		pack, bad := readPack(mid.Data)
		if bad == nil && pack.GetResume().GetStarted() && pack.GetResume().GetHead() > number {
			high = mid
		} else {
			low = mid
		}
	}
	return low, nil
}

// midBlock says that a message holds a part of a block, but not the last.
func midBlock(p *chainv1.Pack) bool {
	for _, u := range p.GetUnits() {
		if part := u.GetPart(); part != nil && part.GetI() < part.GetN() {
			return true
		}
	}
	return false
}

// before reads the subject's message before m; nil at its beginning, or when
// the link leads to another message.
func (e *EVM) before(ctx context.Context, m *bus.Message) (*bus.Message, error) {
	pack, err := readPack(m.Data)
	if err != nil || pack.GetPrevSeq() == 0 {
		return nil, nil
	}
	prev, err := e.bus.Get(ctx, chainv1.Stream, pack.GetPrevSeq())
	if err != nil || prev == nil {
		return nil, err
	}
	if prev.Subject != m.Subject || !bytes.Equal(partition.Digest(*prev), pack.GetPrevDigest()) {
		return nil, nil
	}
	return prev, nil
}

func (e *EVM) target(cur partition.Cursor, m *bus.Message, resume *chainv1.Resume, distance int64) partition.Target {
	to := cur
	number := resume.GetHead()
	final := min(cur.Final(), number)
	to.Seq, to.Digest, to.Pos = m.Seq, partition.Digest(*m), feedv1.EndOf(m.Seq)
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
