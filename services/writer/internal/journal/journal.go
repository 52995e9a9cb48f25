// Package journal projects a venue's TRADES subject: every message verbatim,
// the second copy of the book, and beside it the rows that its events make.
// Nothing of it is ever skipped: what does not fit stops the partition.
package journal

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/trade"

	feedv1 "fondaco.dev/proto/feed/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Journal is the projection of a venue.
type Journal struct {
	venue   string
	metrics *partition.Metrics

	stable  partition.Cursor
	plan    []message
	events  int
	units   map[uint32]int64 // quote units of one lot at one tick, of every market known
	windows map[uint32]*trade.Window

	reader *trade.Reader
	made   map[uint64]bool // older's, empty between its calls
}

type message struct {
	seq  uint64
	data []byte
	out  trade.Output
}

// New makes the projection of a venue.
func New(venue string, m *partition.Metrics) *Journal {
	return &Journal{venue: venue, metrics: m, reader: trade.NewReader(), made: map[uint64]bool{}}
}

// Load forgets everything and goes on after cur.
func (j *Journal) Load(cur partition.Cursor) {
	j.stable, j.plan, j.events = cur, nil, 0
	j.units, j.windows = map[uint32]int64{}, map[uint32]*trade.Window{}
}

// Take plans one message.
func (j *Journal) Take(_ context.Context, m bus.Message) (int, error) {
	out, err := trade.ReadOutput(m.Data)
	if err != nil {
		return 0, partition.Stopf("the message cannot be read (%v). %s", err, j.recovery())
	}
	if out.PrevSeq != j.stable.Seq || !bytes.Equal(out.PrevDigest, j.stable.Digest) {
		return 0, fmt.Errorf("%w: its predecessor is message %d, the cursor is at %d", partition.ErrBroken, out.PrevSeq, j.stable.Seq)
	}
	// Event numbers are dense from 1; the cursor's position is the last one.
	if out.FirstEventSeq != j.stable.Pos+1 {
		return 0, partition.Stopf("its events begin with %d, %d is awaited. %s", out.FirstEventSeq, j.stable.Pos+1, j.recovery())
	}
	if out.LastInSeq > math.MaxInt64 || out.FirstInSeq > math.MaxInt64 {
		return 0, partition.Stopf("its input sequences are out of range. %s", j.recovery())
	}
	j.plan = append(j.plan, message{seq: m.Seq, data: m.Data, out: out})
	j.events += out.Count
	j.stable.Seq, j.stable.Digest = m.Seq, partition.Digest(m)
	j.stable.Pos += uint64(out.Count)
	j.stable.CaughtUp = j.stable.CaughtUp || m.Pending == 0
	return 1 + out.Count, nil
}

func (j *Journal) recovery() string {
	return partition.Recovery("", feedv1.TradePartition(j.venue))
}

// Cursor is where a transaction that writes the plan ends.
func (j *Journal) Cursor() partition.Cursor { return j.stable }

// Write writes the plan.
func (j *Journal) Write(ctx context.Context, tx pgx.Tx) error {
	known, err := j.load(ctx, tx)
	if err != nil {
		return err
	}
	changes := trade.NewChanges(known)
	if err := j.each(changes.Apply); err != nil {
		return err
	}
	rows := j.copyMessages()
	err = rows.Send(ctx, tx, "trade.journal")
	rows.Release()
	if err != nil {
		return err
	}
	return j.write(ctx, tx, changes)
}

// each gives the plan's events to do, in order; each is good until the next one.
func (j *Journal) each(do func(seq uint64, e *tradesv1.Event) error) error {
	for i := range j.plan {
		m := &j.plan[i]
		for seq, raw := range m.out.Events() {
			e, err := j.reader.Read(raw)
			if err == nil {
				err = do(seq, e)
			}
			if err != nil {
				return partition.Stopf("message %d of %s: %v. %s", m.seq, tradesv1.Subject(j.venue), err, j.recovery())
			}
		}
	}
	return nil
}

// Committed drops the plan and tells what it was.
func (j *Journal) Committed(from partition.Cursor, _ bool) partition.Outcome {
	name := feedv1.TradePartition(j.venue)
	j.metrics.Rows.WithLabelValues(name, "journal").Add(float64(len(j.plan)))
	j.metrics.Rows.WithLabelValues(name, "events").Add(float64(j.events))
	j.plan, j.events = nil, 0
	return partition.Outcome{Hint: &feedv1.Hint{Partition: name, Epoch: j.stable.Epoch(), PrevPos: from.Pos, Pos: j.stable.Pos,
		RowsLeftOut: true, CaughtUp: j.stable.CaughtUp}}
}

// SeekBack never leads anywhere: orders that were answered cannot be taken
// back, so the stream has to come back instead.
func (j *Journal) SeekBack(_ context.Context, cur partition.Cursor, cause error) (partition.Target, error) {
	return partition.Target{}, partition.Stopf("%v; the journal holds events up to %d. %s", cause, cur.Pos, j.recovery())
}
