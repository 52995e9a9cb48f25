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
)

// take plans messages up to the bound of a transaction.
func (p *Partition) take(ctx context.Context, msgs []bus.Message) (n int, err error) {
	limit := p.MaxRows
	if limit == 0 {
		limit = defaultMaxRows
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

// commit is the one transaction.
func (p *Partition) commit(ctx context.Context, last bus.Message) error {
	from, to := *p.cur.Load(), p.Projection.Cursor()
	p.Metrics.Lag.WithLabelValues(p.Name).Set(float64(last.Pending))
	if to.Seq == from.Seq {
		return nil // only parts of a block so far
	}
	head := last.Pending == 0 && to.Seq == last.Seq
	start := time.Now()
	err := p.inTx(ctx, func(tx pgx.Tx) error {
		if err := p.fault("cursor"); err != nil {
			return err
		}
		if err := from.move(ctx, tx, &to); err != nil {
			return err
		}
		if err := p.fault("rows"); err != nil {
			return err
		}
		return p.Projection.Write(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("applying messages up to %d: %w", to.Seq, classify(err))
	}
	p.Metrics.Batches.WithLabelValues(p.Name).Inc()
	p.Metrics.Seconds.WithLabelValues(p.Name).Observe(time.Since(start).Seconds())
	if to.CaughtUp && !from.CaughtUp {
		p.Log.Info("partition caught up", zap.String("partition", p.Name), zap.Uint64("seq", to.Seq), zap.Uint64("number", to.Height()))
	}
	p.sought = 0
	p.healed()
	if err := p.fault("committed"); err != nil {
		return err
	}
	out := p.Projection.Committed(from, head)
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

// classify tells what a database error means: a row in the way is a broken
// chain, data that Postgres refuses would be refused again.
func classify(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || len(pgErr.Code) < 2 {
		return err
	}
	switch {
	case pgErr.Code == "23505":
		return fmt.Errorf("%w: %w", ErrBroken, err)
	case pgErr.Code[:2] == "22" || pgErr.Code[:2] == "23":
		return Stopf("postgres refuses the rows (%s: %s); this is a bug: report it with the message's sequence", pgErr.Code, pgErr.Message)
	}
	return err
}

// Digest is the link of the next message to this one.
func Digest(m bus.Message) []byte {
	d := sha256.Sum256(m.Data)
	return d[:]
}
