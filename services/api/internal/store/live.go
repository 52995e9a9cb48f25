package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	feedv1 "fondaco.dev/proto/feed/v1"
	"github.com/jackc/pgx/v5"
)

var errClosed = io.ErrUnexpectedEOF

func isNet(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

// Network is a network of the live build.
type Network struct {
	Name      string
	Kind      string // evm, casper
	Partition string // CHAIN subject
	ChainID   uint64
	Proof     Proof
	Changes   Changes
}

// Cursor is how far a partition is.
type Cursor struct {
	Created   time.Time // of the stream
	Epoch     string    // of the partition's positions
	Seq       uint64    // stream sequence applied
	Pos       uint64    // feed position, or event_seq
	Number    int64     // highest block; -1 = none
	Finalized int64     // -1 = unknown
	CaughtUp  bool
	Problem   string
}

// Snapshot is the live build with its networks and all cursors, as of one
// moment. It is never changed.
type Snapshot struct {
	Taken    time.Time
	Build    string
	Networks map[string]Network
	cursors  map[string]Cursor // by partition
}

// Cursor of a partition; false before the writer made one.
func (s *Snapshot) Cursor(partition string) (Cursor, bool) {
	if s == nil {
		return Cursor{}, false
	}
	c, ok := s.cursors[partition]
	return c, ok
}

// Snapshot is the last poll's answer, nil before the first.
func (s *Store) Snapshot() *Snapshot { return s.live.Load() }

// Network finds a network of the live build.
func (s *Store) Network(name string) (Network, error) {
	snap := s.live.Load()
	if snap == nil {
		return Network{}, ErrLoading
	}
	n, ok := snap.Networks[name]
	if !ok {
		return Network{}, fmt.Errorf("network %s in build %s: %w", name, snap.Build, ErrLoading)
	}
	return n, nil
}

// Watch has fn called after each poll, from the poll's goroutine; before Run.
func (s *Store) Watch(fn func(*Snapshot)) { s.watchers = append(s.watchers, fn) }

// publish makes a server's newest answer the live one, when it is the one that
// the process goes by, and tells the watchers.
func (s *Store) publish(sv *server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	seen := sv.sight.Load()
	if sv.primary && seen.err == nil {
		s.past = s.past.add(seen.at, seen.snap)
	}
	for _, other := range s.servers {
		if snap := other.sight.Load().snap; snap != nil {
			since := int64(0)
			if t := s.past.lacks(snap); !t.IsZero() {
				since = t.UnixNano()
			}
			other.lacking.Store(since)
		}
	}
	ref := s.reference(now)
	if ref == nil {
		s.status.Set(seen.err)
		return
	}
	s.status.Set(nil)
	if snap := ref.sight.Load().snap; ref == sv && snap != s.live.Load() {
		s.live.Store(snap)
		for _, fn := range s.watchers {
			fn(snap)
		}
	}
}

// reference is the server that the process goes by: the primary while it
// answers, else the replica that is furthest; nil = none answers.
func (s *Store) reference(now time.Time) *server {
	var best *server
	var least time.Duration
	for _, sv := range s.servers {
		seen := sv.sight.Load()
		if seen.err != nil || seen.snap == nil {
			continue
		}
		if sv.primary {
			return sv
		}
		if lag := sv.lag(now); best == nil || lag < least {
			best, least = sv, lag
		}
	}
	return best
}

// readSnapshot reads the live build; was is what the same server answered
// before, nil = nothing yet.
func readSnapshot(ctx context.Context, tx *Tx, was *Snapshot) (*Snapshot, error) {
	snap := &Snapshot{Taken: time.Now(), Networks: map[string]Network{}, cursors: map[string]Cursor{}}
	const build = `select build from ctl.deployments`
	if err := tx.QueryRow(ctx, build).Scan(&snap.Build); errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("no build is live yet: %w", ErrLoading)
	} else if err != nil {
		return nil, fmt.Errorf("reading the live build: %w", err)
	}
	tx.snap = snap
	networks := `select network, kind, partition, chain_id from ` + tx.table("networks") + ` order by ordinal`
	rows, err := tx.Query(ctx, networks)
	if err != nil {
		return nil, fmt.Errorf("reading the networks: %w", err)
	}
	var n Network
	var chainID int64
	if _, err := pgx.ForEachRow(rows, []any{&n.Name, &n.Kind, &n.Partition, &chainID}, func() error {
		n.ChainID = uint64(chainID)
		snap.Networks[n.Name] = n
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reading the networks: %w", err)
	}
	if err := readCursors(ctx, tx, snap); err != nil {
		return nil, err
	}
	return snap, readProofs(ctx, tx, snap, was)
}

func readCursors(ctx context.Context, tx *Tx, snap *Snapshot) error {
	const q = `select partition, ` + cursorColumns + ` from ctl.cursors where build = $1 or build = ''`
	rows, err := tx.Query(ctx, q, snap.Build)
	if err != nil {
		return fmt.Errorf("reading the cursors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var partition string
		var c cursorRow
		if err := rows.Scan(append([]any{&partition}, c.fields()...)...); err != nil {
			return fmt.Errorf("reading a cursor: %w", err)
		}
		snap.cursors[partition] = c.cursor()
	}
	return rows.Err()
}

const cursorColumns = `stream_created, seek_backs, seq, pos, coalesce(number, -1), coalesce(finalized, -1), caught_up, coalesce(problem, '')`

type cursorRow struct {
	created, seekBacks, seq, pos int64
	c                            Cursor
}

func (r *cursorRow) fields() []any {
	return []any{&r.created, &r.seekBacks, &r.seq, &r.pos, &r.c.Number, &r.c.Finalized, &r.c.CaughtUp, &r.c.Problem}
}

func (r *cursorRow) cursor() Cursor {
	r.c.Created = time.UnixMilli(r.created)
	r.c.Epoch = feedv1.Epoch(time.UnixMilli(r.created), uint64(r.seekBacks))
	r.c.Seq, r.c.Pos = uint64(r.seq), uint64(r.pos)
	return r.c
}

const cursorOf = `select ` + cursorColumns + ` from ctl.cursors where build = $1 and partition = $2`

// readCursor reads a partition's cursor in a view; ErrLoading before there is
// one.
func readCursor(ctx context.Context, tx *Tx, build, partition string) (Cursor, error) {
	return scanCursor(tx.QueryRow(ctx, cursorOf, build, partition), partition)
}

func scanCursor(row pgx.Row, partition string) (Cursor, error) {
	var r cursorRow
	err := row.Scan(r.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Cursor{}, fmt.Errorf("partition %s has no cursor yet: %w", partition, ErrLoading)
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("reading the cursor of %s: %w", partition, err)
	}
	return r.cursor(), nil
}
