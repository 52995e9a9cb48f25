package chain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"
)

// evmBatch is a sealed plan: what one transaction writes, encoded already, so
// that the next plan is made while Postgres takes this one.
type evmBatch struct {
	e     *EVM
	to    partition.Cursor
	steps []evmStep
	dead  []dead

	decodeErrors, duplicates int
}

// evmStep is a step with its rows as COPY wants them.
type evmStep struct {
	evm.Step
	origin         evm.Origin // with Apart
	left           bool       // refused by Postgres, and left out
	blocks, events *copyRows
	totals         counts
}

// Seal hands the plan over; Take goes on behind it.
func (e *EVM) Seal() partition.Batch {
	b := &evmBatch{e: e, to: e.stable, decodeErrors: e.plan.DecodeErrors, duplicates: e.plan.Duplicates}
	for i, s := range e.plan.Steps {
		out := evmStep{Step: s, totals: counts{}}
		if e.plan.Apart {
			out.origin = e.plan.Origins[i]
		}
		if s, ok := s.(*evm.Segment); ok {
			out.blocks, out.events = copyBlocks(e.network.Name, s.Blocks), copyEvents(e.network.Name, s.Events)
			out.totals.segment(s)
		}
		b.steps = append(b.steps, out)
	}
	for _, d := range e.plan.Dead {
		b.dead = append(b.dead, dead{seq: d.Seq, unit: d.Unit, number: d.Number, hash: d.Hash, reason: d.Reason, body: d.Body, orphaned: d.Orphaned, status: status(d)})
	}
	e.plan.Clear()
	return b
}

// status is what a unit that could not be applied is stored as.
func status(d evm.Dead) string {
	switch {
	case d.Pending:
		return "pending"
	case d.Healed:
		return "done"
	}
	return "dead"
}

// segment counts its rows; they ascend by height, so that buckets come in runs.
func (c counts) segment(s *evm.Segment) {
	for first := 0; first < len(s.Blocks); {
		n, bucket := first, s.Blocks[first].Number/heightsPerBucket
		for n < len(s.Blocks) && s.Blocks[n].Number/heightsPerBucket == bucket {
			n++
		}
		c.height("blocks", s.Blocks[first].Number, int64(n-first))
		first = n
	}
	for first := 0; first < len(s.Events); {
		n, bucket := first, s.Events[first].BlockNumber/heightsPerBucket
		for n < len(s.Events) && s.Events[n].BlockNumber/heightsPerBucket == bucket {
			n++
		}
		c.height("events", s.Events[first].BlockNumber, int64(n-first))
		first = n
	}
}

// Write writes the plan in stream order: a revert ends a run of COPY.
func (b *evmBatch) Write(ctx context.Context, tx pgx.Tx) error {
	totals := counts{}
	for i := range b.steps {
		if err := b.step(ctx, tx, &b.steps[i], totals); err != nil {
			return err
		}
	}
	if err := totals.write(ctx, tx, &b.e.index); err != nil {
		return err
	}
	return b.Rest(ctx, tx)
}

// step writes one step and adds what it changes to the totals.
func (b *evmBatch) step(ctx context.Context, tx pgx.Tx, s *evmStep, totals counts) error {
	for k, n := range s.totals {
		totals[k] += n
	}
	switch k := s.Step.(type) {
	case *evm.Segment:
		return b.segment(ctx, tx, s, k)
	case *evm.Revert:
		return b.e.revert(ctx, tx, int64(k.Pos), k, totals)
	case *evm.Repair:
		return b.e.repair(ctx, tx, k, totals)
	}
	return nil
}

func (b *evmBatch) segment(ctx context.Context, tx pgx.Tx, s *evmStep, k *evm.Segment) error {
	if err := s.blocks.send(ctx, tx, &b.e.index); err != nil {
		return err
	}
	if err := s.events.send(ctx, tx, &b.e.index); err != nil {
		return err
	}
	for _, r := range k.Ranges {
		const q = `insert into ix.ranges (network, from_number, to_number, to_hash, pos) values ($1, $2, $3, $4, $5)`
		if _, err := tx.Exec(ctx, b.e.sql(q), b.e.network.Name, r.From, r.To, r.ToHash, r.Pos); err != nil {
			return fmt.Errorf("inserting range %d..%d: %w", r.From, r.To, err)
		}
	}
	for _, c := range k.Checks {
		const q = `
insert into ix.checks (network, from_number, to_number, logs, digest) values ($1, $2, $3, $4, $5)
on conflict (network, to_number) do update set from_number = excluded.from_number, logs = excluded.logs, digest = excluded.digest`
		if _, err := tx.Exec(ctx, b.e.sql(q), b.e.network.Name, c.From, c.To, c.Logs, c.Digest); err != nil {
			return fmt.Errorf("inserting the check of %d..%d: %w", c.From, c.To, err)
		}
	}
	return nil
}

// Units are the steps of a plan whose units were kept apart.
func (b *evmBatch) Units() []partition.Unit {
	out := make([]partition.Unit, len(b.steps))
	for i := range b.steps {
		s := &b.steps[i]
		u := partition.Unit{Seq: s.origin.Seq, Index: s.origin.Unit, Leave: func(out bool) { s.left = out }}
		u.Write = func(ctx context.Context, tx pgx.Tx) error {
			totals := counts{}
			if err := b.step(ctx, tx, s, totals); err != nil {
				return err
			}
			return totals.write(ctx, tx, &b.e.index)
		}
		switch k := s.Step.(type) {
		case *evm.Segment:
			if len(k.Blocks) > 0 {
				number := k.Blocks[0].Number
				u.Number, u.Hash = &number, k.Blocks[0].Hash
			}
		case *evm.Repair:
			number := k.Block.Number
			u.Number, u.Hash = &number, k.Block.Hash
		case *evm.Revert:
			u.Vital = true // without it the rows above it would be wrong
		}
		u.Body = func() []byte {
			body, err := proto.Marshal(s.origin.Whole)
			if err != nil {
				return []byte{}
			}
			return body
		}
		out[i] = u
	}
	return out
}

// Rest writes what belongs to no unit that can be applied, and the children of
// factories: these are known whether the rows beside them are taken or not.
func (b *evmBatch) Rest(ctx context.Context, tx pgx.Tx) error {
	if err := b.children(ctx, tx); err != nil {
		return err
	}
	return b.e.bury(ctx, tx, b.dead)
}

// Committed tells what the plan was.
func (b *evmBatch) Committed(from partition.Cursor, head bool) partition.Outcome {
	e := b.e
	hint := e.hint(&from, &b.to)
	hint.RowsLeftOut = true
	steps := make([]evm.Step, 0, len(b.steps))
	blocks, events := 0, 0
	for i := range b.steps {
		s := &b.steps[i]
		s.blocks.release()
		s.events.release()
		if s.left {
			continue
		}
		steps = append(steps, s.Step)
		switch k := s.Step.(type) {
		case *evm.Segment:
			blocks += len(k.Blocks)
			events += len(k.Events)
		case *evm.Revert:
			e.rows("reverts", 1)
		}
	}
	if head {
		if rows, ok := evm.FeedRows(e.network.Name, steps, maxHintBytes); ok {
			hint.Rows, hint.RowsLeftOut = rows, false
		}
	}
	for i := range b.steps {
		if k, ok := b.steps[i].Step.(*evm.Segment); ok {
			evm.Recycle(k)
		}
	}
	b.steps = nil
	e.rows("blocks", blocks)
	e.rows("events", events)
	e.metrics.DecodeErrors.WithLabelValues(e.name()).Add(float64(b.decodeErrors))
	e.metrics.DeadLetters.WithLabelValues(e.name()).Add(float64(len(b.dead)))
	e.metrics.Duplicates.WithLabelValues(e.name()).Add(float64(b.duplicates))
	return partition.Outcome{Hint: hint}
}
