package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/decode"
	"fondaco.dev/services/writer/internal/evm"
	"fondaco.dev/services/writer/internal/partition"

	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// EVM is the projection of an EVM network.
type EVM struct {
	index
	decoder *decode.Decoder

	plan   *evm.Planner
	link   link
	stable partition.Cursor // end of the plan; before the first part of an open block
	ctx    context.Context  // of the Take that runs, for look-ups of the planner
	dead   []dead           // whole messages that could not be read
}

// NewEVM makes the projection of a network in a build.
func NewEVM(build string, n config.Network, pool *pgxpool.Pool, b *bus.Bus, m *partition.Metrics) *EVM {
	return &EVM{index: newIndex(build, n, pool, b, m), decoder: decode.New(n.Contracts)}
}

// Load forgets everything and goes on after cur.
func (e *EVM) Load(cur partition.Cursor) {
	e.plan = &evm.Planner{Network: e.network.Name, Decoder: e.decoder, Held: e.held, Head: evm.Head{
		Started: cur.Number != nil, Number: cur.Height(), Hash: cur.Hash, Finalized: cur.Final()}}
	e.link = link{seq: cur.Seq, digest: cur.Digest}
	e.stable = cur
	e.dead = nil
}

// Take plans one message.
func (e *EVM) Take(ctx context.Context, m bus.Message) (int, error) {
	pack, err := readPack(m.Data)
	if err != nil {
		// The next message carries the digest of these bytes: it can be trusted
		// whatever this one was.
		e.dead = append(e.dead, dead{seq: m.Seq, unit: -1, reason: "the message cannot be read: " + err.Error(), body: m.Data})
		e.advance(m, 0, e.plan.Open())
		return 1, nil
	}
	if err := e.link.follows(pack); err != nil {
		return 0, err
	}
	e.ctx = ctx
	before := e.plan.Rows
	if err := e.plan.Take(m.Seq, pack); err != nil {
		return 0, stopOrBroken(err, e.build, e.name())
	}
	e.advance(m, pack.GetResume().GetBackfillHeight(), e.plan.Open())
	return e.plan.Rows - before, nil
}

// stopOrBroken sorts a planner's errors: what does not fit the index seeks
// back, look-ups are tried again, and a stream that contradicts itself stops.
func stopOrBroken(err error, build, name string) error {
	var lookup *lookupError
	switch {
	case errors.Is(err, evm.ErrBroken):
		return fmt.Errorf("%w: %w", partition.ErrBroken, err)
	case errors.As(err, &lookup):
		return err
	}
	return partition.Stopf("%v. %s", err, partition.Recovery(build, name))
}

func (e *EVM) advance(m bus.Message, backfill uint64, open bool) {
	e.link = link{seq: m.Seq, digest: partition.Digest(m)}
	if open {
		return // the cursor stays before the first part
	}
	head := e.plan.Head
	e.stable.Seq, e.stable.Digest, e.stable.Pos = m.Seq, e.link.digest, feedv1.EndOf(m.Seq)
	if head.Started {
		e.stable.Number, e.stable.Hash = &head.Number, head.Hash
		e.stable.Finalized = &head.Finalized
	}
	e.stable.CaughtUp = e.stable.CaughtUp || (m.Pending == 0 && backfill == 0)
}

// Cursor is where a transaction that writes the plan ends.
func (e *EVM) Cursor() partition.Cursor { return e.stable }

type lookupError struct{ err error }

func (l *lookupError) Error() string { return l.err.Error() }
func (l *lookupError) Unwrap() error { return l.err }

func (e *EVM) held(number uint64) ([]byte, error) {
	const q = `
select hash from ix.blocks where network = $1 and number = $2
union all select to_hash from ix.ranges where network = $1 and to_number = $2 limit 1`
	var hash []byte
	err := e.pool.QueryRow(e.ctx, e.sql(q), e.network.Name, number).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, &lookupError{fmt.Errorf("looking up block %d: %w", number, err)}
	}
	return hash, nil
}

// Write writes the plan in stream order: a revert ends a run of COPY.
func (e *EVM) Write(ctx context.Context, tx pgx.Tx) error {
	totals := counts{}
	for _, s := range e.plan.Steps {
		var err error
		switch s := s.(type) {
		case *evm.Segment:
			err = e.segment(ctx, tx, s, totals)
		case *evm.Revert:
			err = e.revert(ctx, tx, int64(s.Pos), s, totals)
		case *evm.Repair:
			err = e.repair(ctx, tx, s, totals)
		}
		if err != nil {
			return err
		}
	}
	if err := totals.write(ctx, tx, &e.index); err != nil {
		return err
	}
	list := e.dead
	for _, d := range e.plan.Dead {
		list = append(list, dead{seq: d.Seq, unit: d.Unit, number: d.Number, hash: d.Hash, reason: d.Reason, body: d.Body, orphaned: d.Orphaned})
	}
	return e.bury(ctx, tx, list)
}

func (e *EVM) segment(ctx context.Context, tx pgx.Tx, s *evm.Segment, totals counts) error {
	network := e.network.Name
	_, err := tx.CopyFrom(ctx, e.table("blocks"),
		[]string{"network", "number", "hash", "parent_hash", "time", "tx_count", "log_count", "header", "pos"},
		pgx.CopyFromSlice(len(s.Blocks), func(i int) ([]any, error) {
			b := &s.Blocks[i]
			totals.height("blocks", b.Number, 1)
			return []any{network, int64(b.Number), b.Hash, b.Parent, int64(b.Time), int32(b.TxCount), int32(b.LogCount), b.Header, int64(b.Pos)}, nil
		}))
	if err != nil {
		return fmt.Errorf("copying blocks: %w", err)
	}
	if len(s.Events) > 0 {
		_, err = tx.CopyFrom(ctx, e.table("events"), eventColumns,
			pgx.CopyFromSlice(len(s.Events), func(i int) ([]any, error) {
				totals.height("events", s.Events[i].BlockNumber, 1)
				return eventValues(network, &s.Events[i]), nil
			}))
		if err != nil {
			return fmt.Errorf("copying events: %w", err)
		}
	}
	for _, r := range s.Ranges {
		const q = `insert into ix.ranges (network, from_number, to_number, to_hash, pos) values ($1, $2, $3, $4, $5)`
		if _, err := tx.Exec(ctx, e.sql(q), network, r.From, r.To, r.ToHash, r.Pos); err != nil {
			return fmt.Errorf("inserting range %d..%d: %w", r.From, r.To, err)
		}
	}
	return nil
}

var eventColumns = []string{"network", "block_number", "log_index", "block_hash", "block_time", "tx_hash", "tx_index",
	"address", "contract", "event", "args", "topics", "data", "decode_error", "pos"}

func eventValues(network string, v *evm.Event) []any {
	var args any
	if v.Args != nil {
		args = v.Args
	}
	return []any{network, int64(v.BlockNumber), int32(v.LogIndex), v.BlockHash, int64(v.BlockTime), v.TxHash, int32(v.TxIndex),
		v.Address, v.Contract, v.Event, args, v.Topics, v.Data, v.DecodeError, int64(v.Pos)}
}

// Committed drops the plan and tells what it was.
func (e *EVM) Committed(from partition.Cursor, head bool) partition.Outcome {
	hint := e.hint(&from, &e.stable)
	hint.RowsLeftOut = true
	if head {
		if rows, ok := evm.FeedRows(e.network.Name, e.plan.Steps, maxHintBytes); ok {
			hint.Rows, hint.RowsLeftOut = rows, false
		}
	}
	blocks, events := 0, 0
	for _, s := range e.plan.Steps {
		switch s := s.(type) {
		case *evm.Segment:
			blocks += len(s.Blocks)
			events += len(s.Events)
		case *evm.Revert:
			e.rows("reverts", 1)
		}
	}
	e.rows("blocks", blocks)
	e.rows("events", events)
	e.metrics.DecodeErrors.WithLabelValues(e.name()).Add(float64(e.plan.DecodeErrors))
	e.metrics.DeadLetters.WithLabelValues(e.name()).Add(float64(len(e.plan.Dead) + len(e.dead)))
	e.metrics.Duplicates.WithLabelValues(e.name()).Add(float64(e.plan.Duplicates))
	e.plan.Clear()
	e.dead = nil
	return partition.Outcome{Hint: hint}
}
