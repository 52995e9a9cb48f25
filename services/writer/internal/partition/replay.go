package partition

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// replayEvery is how often pending dead letters are looked for.
const replayEvery = 500 * time.Millisecond

// errReplay interrupts a converge: dead letters are applied between two of its
// transactions, never inside one.
var errReplay = errors.New("dead letters wait to be applied")

// Letter is a dead letter that an operator wants applied after all.
type Letter struct {
	Seq      uint64
	Unit     int // index in the message, -1 = the whole message
	Number   *uint64
	Hash     []byte
	Body     []byte // the unit, in one piece
	Attempts int
}

// Late is what applying a letter writes, at positions from the given one on.
type Late struct {
	Rows  int // positions that it takes
	Write func(ctx context.Context, tx pgx.Tx) error
}

// Refusal says why a letter cannot be applied.
type Refusal struct {
	Reason   string
	Orphaned bool // its block is not canonical any more
}

func (r *Refusal) Error() string { return r.Reason }

// Replayer is a projection that applies units out of their order.
type Replayer interface {
	// Late plans a letter after cur, with its first row at position pos. The error,
	// and that of its Write, may be a *Refusal.
	Late(cur Cursor, l Letter, pos uint64) (Late, error)
	// Hint tells of positions from.Pos to to.Pos, without rows.
	Hint(from, to *Cursor) *feedv1.Hint
}

// pending says whether a letter waits and has room behind the cursor.
func (p *Partition) pending(ctx context.Context, cur Cursor) bool {
	if _, ok := p.Projection.(Replayer); !ok || cur.Seq == 0 || p.noRoom.Load() == cur.Seq {
		return false
	}
	const q = `select exists (select from ctl.dead_letters where build = $1 and partition = $2 and status = 'pending')`
	var is bool
	return p.Pool.QueryRow(ctx, q, p.Build, p.Name).Scan(&is) == nil && is
}

// replay applies all pending letters, each in a transaction of its own. The
// rows get positions behind everything that was told up to the cursor's
// message, and before the next: live, by since and on a replica they come once.
func (p *Partition) replay(ctx context.Context) error {
	for {
		more, err := p.replayNext(ctx)
		if err != nil || !more {
			return err
		}
	}
}

func (p *Partition) replayNext(ctx context.Context) (more bool, err error) {
	from, ok, err := ReadCursor(ctx, p.Pool, p.Build, p.Name)
	if err != nil || !ok {
		return false, err
	}
	r := p.Projection.(Replayer)
	p.load(from)
	l, ok, err := p.nextLetter(ctx)
	if err != nil || !ok {
		return false, err
	}
	to := from
	late, why := r.Late(from, l, from.Pos+1)
	if why == nil && late.Rows > feedv1.LateRows {
		why = &Refusal{Reason: fmt.Sprintf("its %d rows do not fit behind a message; index the network anew", late.Rows)}
	}
	if why == nil {
		to.Pos += uint64(late.Rows)
		if seq, _ := feedv1.SplitPosition(to.Pos); seq != from.Seq {
			p.noRoom.Store(from.Seq) // the next message makes room
			p.Log.Warn("a dead letter waits for the next message: no position is left", zap.String("partition", p.Name), zap.Uint64("seq", l.Seq))
			return false, nil
		}
	}
	var refusal *Refusal
	if why != nil && !errors.As(why, &refusal) {
		return false, why
	}
	err = p.inTx(ctx, func(tx pgx.Tx) error {
		if err := p.fault("replay"); err != nil {
			return err
		}
		if refusal == nil {
			if err := from.move(ctx, tx, &to); err != nil {
				return err
			}
			refused, err := try(ctx, tx, late.Write)
			switch {
			case errors.As(err, &refusal):
			case err != nil:
				return err
			case refused != nil:
				refusal = &Refusal{Reason: "postgres refuses it (" + refused.Code + "): " + refused.Message}
			default:
				return p.settleLetter(ctx, tx, l, nil)
			}
			return errAgain // nothing of it may stay, the position neither
		}
		return p.settleLetter(ctx, tx, l, refusal)
	})
	if errors.Is(err, errAgain) {
		err = p.inTx(ctx, func(tx pgx.Tx) error { return p.settleLetter(ctx, tx, l, refusal) })
	}
	if err != nil {
		return false, fmt.Errorf("replaying unit %d of message %d: %w", l.Unit, l.Seq, err)
	}
	if refusal != nil {
		p.Log.Warn("a dead letter cannot be applied", zap.String("partition", p.Name), zap.Uint64("seq", l.Seq), zap.Int("unit", l.Unit), zap.Error(refusal))
		return true, nil
	}
	p.Metrics.Replayed.WithLabelValues(p.Name).Inc()
	p.Log.Info("a dead letter was applied", zap.String("partition", p.Name), zap.Uint64("seq", l.Seq), zap.Int("unit", l.Unit))
	if err := p.fault("replayed"); err != nil {
		return false, err
	}
	p.Hints.Offer(r.Hint(&from, &to))
	p.publish(to)
	return true, nil
}

// Each life of a partition has unit numbers of its own: no message has as many
// units, and so many lives fit into an integer. Those of the present life are
// below UnitsPerLife.
const (
	UnitsPerLife = 1 << 22
	maxLives     = 500
)

// setAside keeps the letters of messages behind a seek back apart from those
// that the same sequences will bring anew: what is known to be missing of rows
// that are kept stays known. A unit that had failed was not passed.
func (p *Partition) setAside(ctx context.Context, tx pgx.Tx, after, seekBacks uint64) error {
	const failed = `delete from ctl.dead_letters where build = $1 and partition = $2 and seq > $3 and status = 'failed'`
	if _, err := tx.Exec(ctx, failed, p.Build, p.Name, after); err != nil {
		return fmt.Errorf("dropping failed units: %w", err)
	}
	const kept = `
update ctl.dead_letters set unit = unit + $4
where build = $1 and partition = $2 and seq > $3 and unit < $5`
	if _, err := tx.Exec(ctx, kept, p.Build, p.Name, after, UnitsPerLife*(1+seekBacks%maxLives), UnitsPerLife); err != nil {
		return fmt.Errorf("setting dead letters aside: %w", err)
	}
	return nil
}

func (p *Partition) nextLetter(ctx context.Context) (l Letter, ok bool, err error) {
	const q = `
select seq, unit, block_number, block_hash, body, attempts from ctl.dead_letters
where build = $1 and partition = $2 and status = 'pending' order by seq, unit limit 1`
	err = p.Pool.QueryRow(ctx, q, p.Build, p.Name).Scan(&l.Seq, &l.Unit, &l.Number, &l.Hash, &l.Body, &l.Attempts)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, false, nil
	}
	if err != nil {
		return l, false, fmt.Errorf("reading a dead letter: %w", err)
	}
	return l, true, nil
}

// settleLetter stores how a replay ended.
func (p *Partition) settleLetter(ctx context.Context, tx pgx.Tx, l Letter, refusal *Refusal) error {
	const q = `
update ctl.dead_letters set status = $5, attempts = attempts + 1, last_error = coalesce($6, last_error), orphaned = orphaned or $7, updated_at = now()
where build = $1 and partition = $2 and seq = $3 and unit = $4 and status = 'pending'`
	status, reason, orphaned := "done", (*string)(nil), false
	if refusal != nil {
		status, reason, orphaned = "dead", &refusal.Reason, refusal.Orphaned
	}
	tag, err := tx.Exec(ctx, q, p.Build, p.Name, l.Seq, l.Unit, status, reason, orphaned)
	if err != nil {
		return fmt.Errorf("storing how a replay ended: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced // somebody else has settled it
	}
	return nil
}
