package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/zap"
)

// retryAfter are the pauses before a refused unit is tried again; when they are
// used up it is dead. Data that is refused rarely becomes good, so they bound
// how long a batch with such units stands: 3.7 s, however many they are.
var retryAfter = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

func (p *Partition) retries() []time.Duration {
	if p.RetryAfter != nil {
		return p.RetryAfter
	}
	return retryAfter
}

// errAgain rolls a transaction back whose failed units shall be tried again.
var errAgain = errors.New("units failed and are tried again")

// failure is a unit that Postgres refused.
type failure struct {
	unit *Unit
	why  *pgconn.PgError
	n    int // times, with this one
}

// divides says whether units can be written one by one.
func (p *Partition) divides() bool {
	_, ok := p.Projection.(Apart)
	return ok
}

// divided writes a batch unit by unit. A unit that Postgres refuses fails: the
// whole transaction is tried again after a pause, and one that was refused too
// often is left out as a dead letter. Failures are stored apart from the
// transaction, so that a crash forgets none and repeats the batch from the
// cursor, which has not passed it.
func (p *Partition) divided(ctx context.Context, b Divided, from, to Cursor) error {
	for {
		var failed []failure
		dead := 0
		err := p.inTx(ctx, func(tx pgx.Tx) error {
			failed, dead = nil, 0
			if err := p.fault("cursor"); err != nil {
				return err
			}
			if err := from.move(ctx, tx, &to); err != nil {
				return err
			}
			if err := p.fault("rows"); err != nil {
				return err
			}
			var err error
			if failed, dead, err = p.writeUnits(ctx, tx, b.Units(), to.Seq); err != nil {
				return err
			}
			if len(failed) > 0 {
				return errAgain
			}
			if err := b.Rest(ctx, tx); err != nil {
				return err
			}
			const done = `
update ctl.dead_letters set status = 'done', next_try = null, updated_at = now()
where build = $1 and partition = $2 and seq <= $3 and status = 'failed'`
			if _, err := tx.Exec(ctx, done, p.Build, p.Name, to.Seq); err != nil {
				return fmt.Errorf("marking units as done: %w", err)
			}
			return nil
		})
		if !errors.Is(err, errAgain) {
			if err == nil && dead > 0 {
				p.Metrics.DeadLetters.WithLabelValues(p.Name).Add(float64(dead))
			}
			return err
		}
		if err := p.fault("refused"); err != nil {
			return err
		}
		pause, err := p.recordFailures(ctx, &from, failed)
		if err != nil {
			return err
		}
		if err := p.fault("failed"); err != nil {
			return err
		}
		if !sleep(ctx, pause) {
			return context.Cause(ctx)
		}
	}
}

// resume goes on with units that had failed when the writer before ended: one by
// one, so that they are done or dead in the end.
func (p *Partition) resume(ctx context.Context) error {
	if !p.divides() {
		return nil
	}
	const q = `select coalesce(max(seq), 0) from ctl.dead_letters where build = $1 and partition = $2 and status = 'failed'`
	var seq uint64
	if err := p.Pool.QueryRow(ctx, q, p.Build, p.Name).Scan(&seq); err != nil {
		return fmt.Errorf("reading failed units: %w", err)
	}
	p.careful = max(p.careful, seq)
	return nil
}

// writeUnits writes each unit under a savepoint.
func (p *Partition) writeUnits(ctx context.Context, tx pgx.Tx, units []Unit, upTo uint64) (failed []failure, dead int, err error) {
	attempts, err := p.attempts(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	for i := range units {
		u := &units[i]
		u.Leave(false)
		why, err := try(ctx, tx, u.Write)
		if err != nil {
			return nil, 0, fmt.Errorf("message %d, unit %d: %w", u.Seq, u.Index, err)
		}
		if why == nil {
			continue
		}
		if u.Vital {
			return nil, 0, Stopf("postgres refuses unit %d of message %d, which cannot be left out (%s: %s); this is a bug: report it with the message's sequence",
				u.Index, u.Seq, why.Code, why.Message)
		}
		f := failure{unit: u, why: why, n: attempts[unitKey{u.Seq, u.Index}] + 1}
		if f.n <= len(p.retries()) {
			failed = append(failed, f)
			continue
		}
		if err := p.store(ctx, tx, f, "dead", 0); err != nil {
			return nil, 0, err
		}
		u.Leave(true)
		dead++
		p.Log.Error("a unit is dead: its rows are missing", zap.String("partition", p.Name), zap.Uint64("seq", u.Seq),
			zap.Int("unit", u.Index), zap.String("code", why.Code), zap.Int("attempts", f.n))
	}
	return failed, dead, nil
}

// try runs write under a savepoint. Data that Postgres refuses is the answer,
// any other trouble an error.
func try(ctx context.Context, tx pgx.Tx, write func(context.Context, pgx.Tx) error) (*pgconn.PgError, error) {
	sp, err := tx.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("setting a savepoint: %w", err)
	}
	err = write(ctx, sp)
	var why *pgconn.PgError
	switch {
	case err == nil:
		if err := sp.Commit(ctx); err != nil {
			return nil, fmt.Errorf("releasing a savepoint: %w", err)
		}
		return nil, nil
	case errors.As(err, &why) && refuses(why) && why.Code != "23505":
		if err := sp.Rollback(ctx); err != nil {
			return nil, fmt.Errorf("rolling back to a savepoint: %w", err)
		}
		return why, nil
	}
	return nil, err
}

type unitKey struct {
	seq  uint64
	unit int
}

// attempts reads how often the units that failed were tried.
func (p *Partition) attempts(ctx context.Context, tx pgx.Tx) (map[unitKey]int, error) {
	const q = `select seq, unit, attempts from ctl.dead_letters where build = $1 and partition = $2 and status = 'failed'`
	rows, err := tx.Query(ctx, q, p.Build, p.Name)
	if err != nil {
		return nil, fmt.Errorf("reading failed units: %w", err)
	}
	out := map[unitKey]int{}
	var k unitKey
	var n int
	if _, err = pgx.ForEachRow(rows, []any{&k.seq, &k.unit, &n}, func() error { out[k] = n; return nil }); err != nil {
		return nil, fmt.Errorf("reading failed units: %w", err)
	}
	return out, nil
}

// recordFailures stores failures and gives the pause until the next attempt. It
// is fenced as the batch is: what a later writer knows of a unit stays.
func (p *Partition) recordFailures(ctx context.Context, from *Cursor, list []failure) (time.Duration, error) {
	var pause time.Duration
	err := p.inTx(ctx, func(tx pgx.Tx) error {
		if err := from.hold(ctx, tx); err != nil {
			return err
		}
		for _, f := range list {
			wait := p.retries()[f.n-1]
			pause = max(pause, wait)
			if err := p.store(ctx, tx, f, "failed", wait); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	first := list[0]
	p.Metrics.Failed.WithLabelValues(p.Name).Add(float64(len(list)))
	p.Status.Set(fmt.Errorf("postgres refuses unit %d of message %d (attempt %d of %d): %s: %s", first.unit.Index, first.unit.Seq,
		first.n, len(p.retries())+1, first.why.Code, first.why.Message))
	return pause, nil
}

func (p *Partition) store(ctx context.Context, tx pgx.Tx, f failure, status string, wait time.Duration) error {
	const q = `
insert into ctl.dead_letters as d (build, partition, seq, unit, block_number, block_hash, reason, body, status, attempts, next_try, last_error)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $9 = 'failed' then now() + $11 * interval '1 millisecond' end, $7)
on conflict (build, partition, seq, unit) do update set block_number = excluded.block_number, block_hash = excluded.block_hash,
	body = excluded.body, status = excluded.status, attempts = excluded.attempts,
	next_try = excluded.next_try, last_error = excluded.last_error, orphaned = false, updated_at = now()`
	why := "postgres refuses it (" + f.why.Code + "): " + f.why.Message
	_, err := tx.Exec(ctx, q, p.Build, p.Name, f.unit.Seq, f.unit.Index, f.unit.Number, f.unit.Hash, why, f.unit.Body(), status, f.n, wait.Milliseconds())
	if err != nil {
		return fmt.Errorf("storing a failed unit: %w", err)
	}
	return nil
}
