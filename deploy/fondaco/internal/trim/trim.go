// Package trim takes from a venue's ORDERS and TRADES what nobody needs any
// more: below the oldest confirmed snapshot, which stands in for it when an
// order book starts, and below the writer's cursor. A subject always keeps its
// last message, by which its writers go on. Only the provisioner's user may.
package trim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/client/book"
)

// Bounds are what a venue needs of its streams: the messages from these
// sequences on.
type Bounds struct {
	Venue    string `json:"venue"`
	Snapshot string `json:"snapshot"`     // the oldest confirmed one
	Orders   uint64 `json:"orders_below"` // ORDERS sequence
	Trades   uint64 `json:"trades_below"` // TRADES sequence
	Cursor   uint64 `json:"writer_cursor"`
}

// Trimmed is what became of one subject, or would.
type Trimmed struct {
	Subject string `json:"subject"`
	Below   uint64 `json:"below"` // first stream sequence that stays for sure
	Purged  uint64 `json:"purged"`
	Kept    uint64 `json:"kept"` // messages
}

// Database is a pool or a connection.
type Database interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Find computes the bounds; it loads the snapshot to be sure of it. It refuses
// when no snapshot is confirmed, and when the writer does not follow the venue.
func Find(ctx context.Context, b *bus.Bus, db Database, venue string) (Bounds, error) {
	cursor, err := writerCursor(ctx, b, db, venue)
	if err != nil {
		return Bounds{}, err
	}
	a, err := book.FindAnchor(ctx, b, venue)
	if err != nil {
		return Bounds{}, err
	}
	return Bounds{Venue: venue, Snapshot: a.Snapshot, Orders: a.Orders, Trades: min(a.Trades, cursor), Cursor: cursor}, nil
}

// writerCursor reads which message of TRADES the writer applied last. One that
// is of another stream says nothing about this one.
func writerCursor(ctx context.Context, b *bus.Bus, db Database, venue string) (uint64, error) {
	const q = `select seq, stream_created from ctl.cursors where build = '' and partition = 'trade.' || $1`
	var seq, created int64
	err := db.QueryRow(ctx, q, venue).Scan(&seq, &created)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && seq == 0 {
		return 0, fmt.Errorf("the writer has no cursor of venue %s: nobody has stored its events yet; start the writer, or see its /readyz", venue)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the writer's cursor of venue %s: %w", venue, err)
	}
	st, err := b.Stream(ctx, tradesv1.Stream)
	if err != nil {
		return 0, err
	}
	if at := st.Created.UnixMilli(); at != created {
		return 0, fmt.Errorf("the writer's cursor of venue %s is of the TRADES made at %s, this one was made at %s: wait until the writer has gone over to it",
			venue, time.UnixMilli(created).UTC().Format(time.RFC3339), time.UnixMilli(at).UTC().Format(time.RFC3339))
	}
	return uint64(seq), nil
}

// Purge removes what is below the bounds, subject by subject; dry only counts.
func (to Bounds) Purge(ctx context.Context, b *bus.Bus, dry bool) ([]Trimmed, error) {
	var all []Trimmed
	for _, s := range []struct {
		stream, subjects string
		below            uint64
	}{
		{ordersv1.Stream, ordersv1.VenueSubjects(to.Venue), to.Orders},
		{tradesv1.Stream, tradesv1.Subject(to.Venue), to.Trades},
	} {
		stream, err := b.JetStream().Stream(ctx, s.stream)
		if err != nil {
			return all, fmt.Errorf("asking for stream %s: %w", s.stream, err)
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(s.subjects))
		if err != nil {
			return all, fmt.Errorf("asking for the subjects %s: %w", s.subjects, err)
		}
		for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
			t, err := one(ctx, b, stream, subject, s.below, dry)
			if err != nil {
				return all, fmt.Errorf("trimming %s: %w", subject, err)
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// one trims a subject.
func one(ctx context.Context, b *bus.Bus, stream jetstream.Stream, subject string, below uint64, dry bool) (Trimmed, error) {
	t := Trimmed{Subject: subject}
	last, err := b.Last(ctx, stream.CachedInfo().Config.Name, subject)
	if err != nil || last == nil {
		return t, err
	}
	t.Below = min(below, last.Seq)
	all, err := count(ctx, stream, subject, 1)
	if err != nil {
		return t, err
	}
	if t.Kept, err = count(ctx, stream, subject, t.Below); err != nil {
		return t, err
	}
	t.Purged = all - min(all, t.Kept)
	if dry || t.Purged == 0 {
		return t, nil
	}
	return t, stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(t.Below))
}

// count asks how many messages of a subject there are from a sequence on: a
// consumer that is about to read them knows.
func count(ctx context.Context, stream jetstream.Stream, subject string, from uint64) (uint64, error) {
	c, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{FilterSubject: subject, DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq: max(from, 1), AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Minute})
	if err != nil {
		return 0, fmt.Errorf("counting messages: %w", err)
	}
	n := c.CachedInfo().NumPending
	return n, stream.DeleteConsumer(ctx, c.CachedInfo().Name)
}
