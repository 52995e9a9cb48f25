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
	"google.golang.org/protobuf/proto"

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
}

type message struct {
	seq  uint64
	data []byte
	out  *tradesv1.Output
}

// New makes the projection of a venue.
func New(venue string, m *partition.Metrics) *Journal { return &Journal{venue: venue, metrics: m} }

// Load forgets everything and goes on after cur.
func (j *Journal) Load(cur partition.Cursor) {
	j.stable, j.plan, j.events = cur, nil, 0
	j.units, j.windows = map[uint32]int64{}, map[uint32]*trade.Window{}
}

// Take plans one message.
func (j *Journal) Take(_ context.Context, m bus.Message) (int, error) {
	var out tradesv1.Output
	if err := proto.Unmarshal(m.Data, &out); err != nil {
		return 0, partition.Stopf("the message cannot be read (%v). %s", err, j.recovery())
	}
	if out.GetPrevSeq() != j.stable.Seq || !bytes.Equal(out.GetPrevDigest(), j.stable.Digest) {
		return 0, fmt.Errorf("%w: its predecessor is message %d, the cursor is at %d", partition.ErrBroken, out.GetPrevSeq(), j.stable.Seq)
	}
	// Event numbers are dense from 1; the cursor's position is the last one.
	if out.GetFirstEventSeq() != j.stable.Pos+1 {
		return 0, partition.Stopf("its events begin with %d, %d is awaited. %s", out.GetFirstEventSeq(), j.stable.Pos+1, j.recovery())
	}
	if out.GetLastInSeq() > math.MaxInt64 || out.GetFirstInSeq() > math.MaxInt64 {
		return 0, partition.Stopf("its input sequences are out of range. %s", j.recovery())
	}
	j.plan = append(j.plan, message{seq: m.Seq, data: m.Data, out: &out})
	j.events += len(out.GetEvents())
	j.stable.Seq, j.stable.Digest = m.Seq, partition.Digest(m)
	j.stable.Pos += uint64(len(out.GetEvents()))
	j.stable.CaughtUp = j.stable.CaughtUp || m.Pending == 0
	return 1 + len(out.GetEvents()), nil
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
	for _, m := range j.plan {
		for k, e := range m.out.GetEvents() {
			if err := changes.Apply(m.out.GetFirstEventSeq()+uint64(k), e); err != nil {
				return partition.Stopf("message %d of %s: %v. %s", m.seq, tradesv1.Subject(j.venue), err, j.recovery())
			}
		}
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"trade", "journal"},
		[]string{"venue", "seq", "first_in_seq", "last_in_seq", "part", "last", "first_event_seq", "data"},
		pgx.CopyFromSlice(len(j.plan), func(i int) ([]any, error) {
			m := &j.plan[i]
			return []any{j.venue, int64(m.seq), int64(m.out.GetFirstInSeq()), int64(m.out.GetLastInSeq()), int32(m.out.GetPart()), m.out.GetLast(),
				int64(m.out.GetFirstEventSeq()), m.data}, nil
		}))
	if err != nil {
		return fmt.Errorf("copying the journal: %w", err)
	}
	return j.write(ctx, tx, changes)
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
