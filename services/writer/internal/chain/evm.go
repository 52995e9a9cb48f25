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
)

// EVM is the projection of an EVM network.
type EVM struct {
	index
	decoder *decode.Decoder

	plan   *evm.Planner
	reader *evm.Reader
	stable partition.Cursor // end of the plan; before the first part of an open block
	ctx    context.Context  // of the Take that runs, for look-ups of the planner
	settle func(ctx context.Context) error

	restored bool // the children of factories are those of the cursor
}

// NewEVM makes the projection of a network in a build.
func NewEVM(build string, n config.Network, pool *pgxpool.Pool, b *bus.Bus, m *partition.Metrics) *EVM {
	return &EVM{index: newIndex(build, n, pool, b, m), decoder: decode.New(n.Contracts)}
}

// Load forgets everything and goes on after cur.
func (e *EVM) Load(cur partition.Cursor) {
	e.plan = &evm.Planner{Network: e.network.Name, Decoder: e.decoder, Held: e.held, Since: e.since}
	e.reader = evm.NewReader(e.plan, evm.Place{Seq: cur.Seq, Digest: cur.Digest, Pos: cur.Pos, Head: headOf(cur), CaughtUp: cur.CaughtUp})
	e.stable = cur
	e.restored = false
}

// headOf is the end of the chain at a cursor.
func headOf(cur partition.Cursor) evm.Head {
	return evm.Head{Started: cur.Number != nil, Number: cur.Height(), Hash: cur.Hash, Finalized: cur.Final()}
}

// Take plans one message.
func (e *EVM) Take(ctx context.Context, m bus.Message) (int, error) {
	if err := e.restore(ctx); err != nil {
		return 0, err
	}
	e.ctx = ctx
	e.plan.Quiet = m.Header.Get(bus.HeaderQuiet) == "1"
	rows, err := e.reader.Take(evm.Message{Seq: m.Seq, Data: m.Data, Pending: m.Pending})
	if err != nil {
		return 0, stopOrBroken(err, e.build, e.name())
	}
	at := e.reader.Place()
	e.stable.Seq, e.stable.Digest, e.stable.Pos, e.stable.CaughtUp = at.Seq, at.Digest, at.Pos, at.CaughtUp
	if at.Head.Started {
		e.stable.Number, e.stable.Hash, e.stable.Finalized = &at.Head.Number, at.Head.Hash, &at.Head.Finalized
	}
	return rows, nil
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
