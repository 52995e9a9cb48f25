package partition

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
)

// take plans messages up to the bound of a transaction.
func (p *Partition) take(ctx context.Context, msgs []bus.Message) (n int, err error) {
	limit := p.MaxRows
	if limit == 0 {
		limit = defaultMaxRows
	}
	if p.yields(msgs[0]) {
		limit = min(limit, yieldRows)
	}
	for rows := 0; n < len(msgs) && rows < limit; n++ {
		r, err := p.Projection.Take(ctx, msgs[n])
		if err != nil {
			return n, fmt.Errorf("message %d of %s: %w", msgs[n].Seq, p.Subject, err)
		}
		rows += r
		if ids := msgs[n].Header.Get(bus.HeaderRequestID); ids != "" {
			p.Log.Debug("message", zap.String("partition", p.Name), zap.Uint64("seq", msgs[n].Seq), zap.String("request", ids))
		}
	}
	return n, nil
}

// A partition that yields takes transactions of this many rows, 20 ms of the
// machine or so, and then rests for this many times as long as one took. It does
// so while this many messages at least stand behind the one at hand: what comes
// at the head of a chain is never held up.
const (
	yieldRows   = 2000
	yieldTimes  = 3
	yieldBehind = 8
)

// yields says whether the partition is behind and others need the machine.
func (p *Partition) yields(m bus.Message) bool {
	return m.Pending >= yieldBehind && p.Yields != nil && p.Yields()
}

// hand gives the plan to a transaction: in the background when the projection
// can plan on meanwhile. An error of it ends the converge by cancel.
func (p *Partition) hand(ctx context.Context, cancel context.CancelCauseFunc, last bus.Message, backoff *run.Backoff) error {
	p.Metrics.Lag.WithLabelValues(p.Name).Set(float64(last.Pending))
	from, to := p.ahead, p.Projection.Cursor()
	if to.Seq == from.Seq {
		return nil // only parts of a block so far
	}
	head := last.Pending == 0 && to.Seq == last.Seq
	s, ahead := p.Projection.(Sealer)
	var batch Batch
	if ahead {
		batch = s.Seal()
	} else {
		batch = p.Projection.(Batch)
	}
	p.ahead = to
	if a, ok := p.Projection.(Apart); ok && p.careful > from.Seq {
		if err := p.commit(ctx, batch, from, to, head, true); err != nil {
			return err
		}
		a.Apart(p.careful > to.Seq)
		backoff.Reset()
		return nil
	}
	err := p.flight.start(ctx, func() error {
		began := time.Now()
		err := p.commit(ctx, batch, from, to, head, false)
		if err != nil {
			cancel(err)
			return err
		}
		backoff.Reset()
		if p.yields(last) {
			sleep(ctx, min(yieldTimes*time.Since(began), time.Second))
		}
		return nil
	})
	if err == nil && !ahead {
		err = p.flight.wait(ctx)
	}
	return err
}

// commit is the one transaction.
func (p *Partition) commit(ctx context.Context, batch Batch, from, to Cursor, head, careful bool) error {
	start := time.Now()
	var err error
	if careful {
		err = p.divided(ctx, batch.(Divided), from, to)
	} else {
		err = p.inTx(ctx, func(tx pgx.Tx) error {
			if err := p.fault("cursor"); err != nil {
				return err
			}
			if err := from.move(ctx, tx, &to); err != nil {
				return err
			}
			if err := p.fault("rows"); err != nil {
				return err
			}
			return batch.Write(ctx, tx)
		})
	}
	if err != nil {
		return fmt.Errorf("applying messages up to %d: %w", to.Seq, classify(err, to.Seq))
	}
	p.Metrics.Batches.WithLabelValues(p.Name).Inc()
	p.Metrics.Seconds.WithLabelValues(p.Name).Observe(time.Since(start).Seconds())
	if to.CaughtUp && !from.CaughtUp {
		p.Log.Info("partition caught up", zap.String("partition", p.Name), zap.Uint64("seq", to.Seq), zap.Uint64("number", to.Height()))
	}
	p.wrote.Store(time.Now().UnixNano())
	p.sought = 0
	p.healed()
	if err := p.fault("committed"); err != nil {
		return err
	}
	out := batch.Committed(from, head)
	if out.Hint != nil {
		p.Hints.Offer(out.Hint)
	}
	// After the hint: a heartbeat that overtook it would look like a lost one.
	p.publish(to)
	if out.Reply != nil {
		out.Reply()
	}
	return nil
}

// inTx runs do in a transaction. When the outcome of the commit is not known
// the caller reads the cursor again, which tells.
func (p *Partition) inTx(ctx context.Context, do func(pgx.Tx) error) error {
	tx, err := p.Pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := do(tx); err != nil {
		// The connection may be the trouble itself, and ctx may have ended.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = tx.Rollback(end)
		return err
	}
	if err := p.fault("commit"); err != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = tx.Rollback(end)
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func (p *Partition) fault(step string) error {
	if p.Fault == nil {
		return nil
	}
	return p.Fault(step)
}

// refusedError is what Postgres says of data that it will not take: sent again,
// it would be refused again.
type refusedError struct {
	pg   *pgconn.PgError
	upTo uint64 // last message of the transaction
}

func (r *refusedError) Error() string { return r.reason() }
func (r *refusedError) Unwrap() error { return r.pg }
func (r *refusedError) reason() string {
	return "postgres refuses the rows (" + r.pg.Code + "): " + r.pg.Message
}

// classify tells what a database error means: a row in the way is a broken
// chain, and data that Postgres refuses is a unit's own fault.
func classify(err error, upTo uint64) error {
	var pgErr *pgconn.PgError
	var known *refusedError
	if errors.As(err, &known) || !errors.As(err, &pgErr) {
		return err
	}
	switch {
	case pgErr.Code == "23505":
		return fmt.Errorf("%w: %w", ErrBroken, err)
	case refuses(pgErr):
		return &refusedError{pg: pgErr, upTo: upTo}
	}
	return err
}

// refuses says that the data is the trouble: data exceptions (22), violated
// constraints (23) and limits of the program, such as a key that is too long
// for its index (54). Source: PostgreSQL documentation, appendix A.
func refuses(e *pgconn.PgError) bool {
	return len(e.Code) == 5 && (e.Code[:2] == "22" || e.Code[:2] == "23" || e.Code[:2] == "54")
}

// Digest is the link of the next message to this one.
func Digest(m bus.Message) []byte {
	d := sha256.Sum256(m.Data)
	return d[:]
}
