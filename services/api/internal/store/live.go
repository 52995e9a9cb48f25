package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// pollEvery is how often the live build and the cursors are read: it bounds
// how long a promotion and a lost hint go unnoticed.
const pollEvery = time.Second

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

func (s *Store) poll(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	said := ""
	for {
		err := s.refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.status.Set(err)
		switch {
		case err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			if errors.Is(err, ErrLoading) { // nothing is wrong yet
				s.log.Info("waiting for postgres", zap.Error(err))
			} else {
				s.log.Warn("postgres is not ready", zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// refresh polls once and tells the watchers.
func (s *Store) refresh(ctx context.Context) error {
	var snap *Snapshot
	err := s.view(ctx, func(tx *Tx) error {
		var err error
		snap, err = readSnapshot(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	s.live.Store(snap)
	for _, fn := range s.watchers {
		fn(snap)
	}
	return nil
}

func readSnapshot(ctx context.Context, tx *Tx) (*Snapshot, error) {
	snap := &Snapshot{Networks: map[string]Network{}, cursors: map[string]Cursor{}}
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
	const cursors = `select partition, ` + cursorColumns + ` from ctl.cursors where build = $1 or build = ''`
	if err := readProofs(ctx, tx, snap); err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, cursors, snap.Build)
	if err != nil {
		return nil, fmt.Errorf("reading the cursors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var partition string
		var c cursorRow
		if err := rows.Scan(append([]any{&partition}, c.fields()...)...); err != nil {
			return nil, fmt.Errorf("reading a cursor: %w", err)
		}
		snap.cursors[partition] = c.cursor()
	}
	return snap, rows.Err()
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

// readCursor reads a partition's cursor in a view; ErrLoading before there is
// one.
func readCursor(ctx context.Context, tx *Tx, build, partition string) (Cursor, error) {
	const q = `select ` + cursorColumns + ` from ctl.cursors where build = $1 and partition = $2`
	var r cursorRow
	err := tx.QueryRow(ctx, q, build, partition).Scan(r.fields()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return Cursor{}, fmt.Errorf("partition %s has no cursor yet: %w", partition, ErrLoading)
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("reading the cursor of %s: %w", partition, err)
	}
	return r.cursor(), nil
}
