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
	settle func(ctx context.Context) error

	restored bool // the children of factories are those of the cursor
}

// NewEVM makes the projection of a network in a build.
func NewEVM(build string, n config.Network, pool *pgxpool.Pool, b *bus.Bus, m *partition.Metrics) *EVM {
	return &EVM{index: newIndex(build, n, pool, b, m), decoder: decode.New(n.Contracts)}
}

// Load forgets everything and goes on after cur.
func (e *EVM) Load(cur partition.Cursor) {
	e.plan = &evm.Planner{Network: e.network.Name, Decoder: e.decoder, Held: e.held, Since: e.since, Head: evm.Head{
		Started: cur.Number != nil, Number: cur.Height(), Hash: cur.Hash, Finalized: cur.Final()}}
	e.link = link{seq: cur.Seq, digest: cur.Digest}
	e.stable = cur
	e.dead = nil
	e.restored = false
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
	if err := e.restore(ctx); err != nil {
		return 0, err
	}
	e.ctx = ctx
	before := e.plan.Rows
	e.plan.Quiet = m.Header.Get(bus.HeaderQuiet) == "1"
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

// Ahead lets Take go on while a sealed plan is being written; settle waits for
// that to end.
func (e *EVM) Ahead(settle func(ctx context.Context) error) { e.settle = settle }

// Apart keeps units apart, so that one that Postgres refuses can be found.
func (e *EVM) Apart(on bool) { e.plan.Apart = on }

// Cursor is where a transaction that writes the plan ends.
func (e *EVM) Cursor() partition.Cursor { return e.stable }

type lookupError struct{ err error }

func (l *lookupError) Error() string { return l.err.Error() }
func (l *lookupError) Unwrap() error { return l.err }

func (e *EVM) held(number uint64) ([]byte, error) {
	if e.settle != nil {
		// The rows of a plan before this one may be on their way.
		if err := e.settle(e.ctx); err != nil {
			return nil, &lookupError{err}
		}
	}
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
