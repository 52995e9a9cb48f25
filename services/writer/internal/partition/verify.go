package partition

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// open reads the cursor, or makes it.
func (p *Partition) open(ctx context.Context) (Cursor, error) {
	cur, ok, err := ReadCursor(ctx, p.Pool, p.Build, p.Name)
	if err != nil || ok {
		return cur, err
	}
	st, err := p.Bus.Stream(ctx, p.Stream)
	if err != nil {
		return cur, fmt.Errorf("waiting for stream %s: %w", p.Stream, err)
	}
	cur.Created = st.Created
	if err := p.inTx(ctx, func(tx pgx.Tx) error { return cur.insert(ctx, tx) }); err != nil {
		return cur, err
	}
	cur, _, err = ReadCursor(ctx, p.Pool, p.Build, p.Name)
	return cur, err
}

// verify says ErrBroken when the stream does not hold the message that the
// cursor stands on, and whether that is the subject's last message. A stream that was made anew with the same messages (a
// restored backup) is a new life of the same positions.
func (p *Partition) verify(ctx context.Context, cur *Cursor) (end bool, err error) {
	st, err := p.Bus.Stream(ctx, p.Stream)
	if err != nil {
		return false, fmt.Errorf("waiting for stream %s: %w", p.Stream, err)
	}
	to := *cur
	to.Created = time.UnixMilli(st.Created.UnixMilli())
	if cur.Seq > 0 {
		if err := p.holds(ctx, st, cur); err != nil {
			return false, err
		}
	}
	last, err := p.Bus.Last(ctx, p.Stream, p.Subject)
	if err != nil {
		return false, fmt.Errorf("reading the end of %s: %w", p.Subject, err)
	}
	if last != nil && last.Seq < cur.Seq {
		return false, fmt.Errorf("%w: subject %s ends at %d, the cursor is at %d", ErrBroken, p.Subject, last.Seq, cur.Seq)
	}
	end = last == nil || last.Seq == cur.Seq
	if to.Created.Equal(cur.Created) {
		return end, nil
	}
	p.Log.Warn("the stream was made anew with the same messages", zap.String("partition", p.Name), zap.Uint64("seq", cur.Seq))
	if err := p.inTx(ctx, func(tx pgx.Tx) error { return cur.move(ctx, tx, &to) }); err != nil {
		return false, err
	}
	*cur = to
	return end, nil
}

// holds says ErrBroken when the stream does not hold the message that the
// cursor stands on.
func (p *Partition) holds(ctx context.Context, st bus.StreamState, cur *Cursor) error {
	if st.LastSeq < cur.Seq {
		return fmt.Errorf("%w: stream %s ends at %d, the cursor is at %d", ErrBroken, p.Stream, st.LastSeq, cur.Seq)
	}
	m, err := p.Bus.Get(ctx, p.Stream, cur.Seq)
	if err != nil {
		return fmt.Errorf("reading message %d of %s: %w", cur.Seq, p.Stream, err)
	}
	switch {
	case m == nil && st.FirstSeq > cur.Seq:
		// A message that a purge took from below is no break: what follows still
		// carries its digest.
	case m == nil:
		return fmt.Errorf("%w: message %d of stream %s is gone", ErrBroken, cur.Seq, p.Stream)
	case m.Subject != p.Subject || !bytes.Equal(Digest(*m), cur.Digest):
		return fmt.Errorf("%w: message %d of stream %s is another one than the cursor's", ErrBroken, cur.Seq, p.Stream)
	}
	return nil
}

// watch ends a converge for which dead letters wait, and one whose stream was
// cut or made anew under it or whose cursor an operator has set back: a reader
// that waits above the stream's end would wait for ever.
func (p *Partition) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	for turn := 1; sleep(ctx, replayEvery); turn++ {
		cur, ok := p.Cursor()
		if ok && p.pending(ctx, cur) {
			cancel(errReplay)
			return
		}
		if turn%int(watchEvery/replayEvery) != 0 {
			continue
		}
		st, err := p.Bus.Stream(ctx, p.Stream)
		if err != nil || !ok {
			continue
		}
		if st.Created.UnixMilli() != cur.Created.UnixMilli() {
			cancel(fmt.Errorf("%w: stream %s was made anew, the cursor is at %d", ErrBroken, p.Stream, cur.Seq))
			return
		}
		// A tail that was cut and refilled up to the very sequence of the cursor
		// gives a reader nothing to stumble over until the next message.
		if cur.Seq > 0 {
			if err := p.holds(ctx, st, &cur); errors.Is(err, ErrBroken) {
				cancel(err)
				return
			}
		}
		stored, ok, err := ReadCursor(ctx, p.Pool, p.Build, p.Name)
		if err == nil && ok && (stored.Seq < cur.Seq || stored.SeekBacks != cur.SeekBacks) {
			cancel(ErrFenced)
			return
		}
	}
}

// seekBack moves the cursor to the latest message that ends at something held
// and takes the rows above it away.
func (p *Partition) seekBack(ctx context.Context, cause error) error {
	cur, ok, err := ReadCursor(ctx, p.Pool, p.Build, p.Name)
	if err != nil || !ok {
		return err
	}
	st, err := p.Bus.Stream(ctx, p.Stream)
	if err != nil {
		return fmt.Errorf("waiting for stream %s: %w", p.Stream, err)
	}
	if !p.in.Equal(st.Created) {
		p.in, p.sought = st.Created, 0
	}
	if p.sought >= maxSeekBacks {
		return Stopf("%v; %d seek backs led to the same. %s", cause, p.sought, Recovery(cur.Build, cur.Partition))
	}
	p.Log.Warn("seeking back", zap.String("partition", p.Name), zap.Uint64("seq", cur.Seq), zap.Error(cause))
	target, err := p.Projection.SeekBack(ctx, cur, cause)
	if err != nil {
		return err
	}
	to := target.Cursor
	to.Created, to.SeekBacks = time.UnixMilli(st.Created.UnixMilli()), cur.SeekBacks+1
	err = p.inTx(ctx, func(tx pgx.Tx) error {
		if err := cur.move(ctx, tx, &to); err != nil {
			return err
		}
		if err := target.Write(ctx, tx); err != nil {
			return err
		}
		return p.setAside(ctx, tx, to.Seq, cur.SeekBacks)
	})
	if err != nil {
		return fmt.Errorf("seeking back from %d to %d: %w", cur.Seq, to.Seq, err)
	}
	p.sought++
	p.Metrics.SeekBacks.WithLabelValues(p.Name).Inc()
	p.Log.Warn("sought back", zap.String("partition", p.Name), zap.Uint64("from_seq", cur.Seq), zap.Uint64("to_seq", to.Seq),
		zap.Uint64("from_number", cur.Height()), zap.Uint64("to_number", to.Height()), zap.String("epoch", to.Epoch()))
	return nil
}

// Recovery is what an operator can do about a partition that stands still.
func Recovery(build, partition string) string {
	if build == "" {
		lost := "`fondaco book rebuild`"
		if partition == feedv1.IdentityPartition {
			lost = "`fondaco streams resume`"
		}
		return fmt.Sprintf("To recover: restore the stream from a backup that holds the cursor's message; the partition %s goes on by itself. "+
			"Where the stream is lost for good: %s", partition, lost)
	}
	return fmt.Sprintf("To recover: restore the stream from a backup that holds the cursor's message (the partition goes on by itself), "+
		"or index it anew with: writer reset --build %s --partition %s", build, partition)
}

// problem makes a Stop known on /readyz and in ctl.cursors.
func (p *Partition) problem(ctx context.Context, stop *Stop) {
	p.Status.Set(stop)
	if p.stopped == stop.Reason {
		return
	}
	p.Log.Error("partition stands still", zap.String("partition", p.Name), zap.Error(stop))
	const q = `update ctl.cursors set problem = $3, updated_at = now() where build = $1 and partition = $2`
	if _, err := p.Pool.Exec(ctx, q, p.Build, p.Name, stop.Reason); err != nil {
		p.Log.Warn("storing a partition's problem", zap.String("partition", p.Name), zap.Error(err))
		return
	}
	p.stopped = stop.Reason
}

// healed drops a problem after a commit, which has cleared its column.
func (p *Partition) healed() {
	if p.stopped != "" {
		p.Log.Info("partition goes on", zap.String("partition", p.Name))
		p.stopped = ""
	}
	p.Status.Set(nil)
}

// report logs why the lease was given up.
func (p *Partition) report(ctx context.Context, err error) {
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, ErrFenced):
		p.Metrics.Fenced.WithLabelValues(p.Name).Inc()
		p.Log.Info("fenced, waiting for the lease", zap.String("partition", p.Name))
	default:
		p.Status.Set(err)
		p.Log.Warn("partition interrupted", zap.String("partition", p.Name), zap.Error(err))
	}
}
