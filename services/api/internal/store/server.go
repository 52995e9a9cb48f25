package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/run"
)

const (
	// pollEvery is how often a server is looked at: it bounds how long a
	// promotion, a lost hint and a lagging replica go unnoticed.
	pollEvery = 500 * time.Millisecond
	// glanceEvery is the same for its positions alone while somebody waits for them.
	glanceEvery = 10 * time.Millisecond
	// lookTimeout is after how long without an answer a server counts as away.
	lookTimeout = 5 * time.Second
)

// errConnecting: the server was not reached yet.
var errConnecting = errors.New("connecting")

// server is one Postgres: the primary or a replica.
type server struct {
	name    string // postgres://host:port
	url     env.Secret
	primary bool
	reads   bool // has its turn; else it serves only what the others cannot

	pool    atomic.Pointer[pgxpool.Pool] // nil until it was reached
	sight   atomic.Pointer[sight]        // never nil
	lacking atomic.Int64                 // since when it has lacked something, Unix nanoseconds; 0 = nothing
	waiting atomic.Int32                 // who wait for its positions
	kick    chan struct{}                // look now

	// Owned by its loop.
	eye *pgxpool.Pool // one connection for looking: readers never keep it waiting
}

// sight is what was last seen of a server. It is never changed.
type sight struct {
	at     time.Time
	err    error         // why it cannot serve; nil = it answers
	snap   *Snapshot     // its last answer, nil = none yet
	replay time.Duration // how old what it replayed last is, by its own clock; -1 = it replays nothing
	next   chan struct{} // closed when there is a newer sight
}

func newServer(url env.Secret, primary, reads bool) (*server, error) {
	cfg, err := pgxpool.ParseConfig(url.Reveal())
	if err != nil {
		// pgx's own message may hold the URL with its password.
		return nil, errors.New("a postgres URL cannot be parsed; it has the form postgres://user:password@host:port/database")
	}
	host := net.JoinHostPort(cfg.ConnConfig.Host, strconv.Itoa(int(cfg.ConnConfig.Port)))
	sv := &server{name: "postgres://" + host, url: url, primary: primary, reads: reads, kick: make(chan struct{}, 1)}
	sv.sight.Store(&sight{err: errConnecting, replay: -1, next: make(chan struct{})})
	return sv, nil
}

// see replaces the sight and wakes those who wait for it.
func (sv *server) see(next *sight) {
	next.at, next.next = time.Now(), make(chan struct{})
	close(sv.sight.Swap(next).next)
}

// look asks for a look out of turn.
func (sv *server) look() {
	select {
	case sv.kick <- struct{}{}:
	default:
	}
}

// follow connects to a server and looks at it until ctx ends. It fails only
// where waiting cannot help: a role that can write, a refused password.
func (s *Store) follow(ctx context.Context, sv *server) error {
	url := withParams(sv.url, s.cfg.Timeout)
	pool, err := pg.Open(ctx, url, s.cfg.PG.MaxConns, application, s.log)
	if err != nil {
		return err
	}
	defer pool.Close()
	if sv.eye, err = pg.Open(ctx, url, 1, application, s.log); err != nil {
		return err
	}
	defer sv.eye.Close()
	if err := checkReader(ctx, sv.eye); err != nil {
		return err
	}
	sv.pool.Store(pool)
	defer sv.pool.Store(nil)
	for {
		s.lookAt(ctx, sv)
		turn := time.NewTimer(pollEvery)
		for over := false; !over; {
			var glance <-chan time.Time
			if sv.waiting.Load() > 0 {
				glance = time.After(glanceEvery)
			}
			select {
			case <-ctx.Done():
				turn.Stop()
				return nil
			case <-turn.C:
				over = true
			case <-sv.kick:
				over = sv.sight.Load().err != nil
			case <-glance:
				over = s.glanceAt(ctx, sv) != nil
			}
		}
		turn.Stop()
	}
}

// lookAt reads all that is to know of a server.
func (s *Store) lookAt(ctx context.Context, sv *server) {
	was := sv.sight.Load()
	next := &sight{replay: -1}
	read := func(ctx context.Context, tx *Tx) error {
		const q = `select case when pg_is_in_recovery() then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end`
		var seconds *float64
		if err := tx.QueryRow(ctx, q).Scan(&seconds); err != nil {
			return fmt.Errorf("asking for the replay's age: %w", err)
		}
		if seconds != nil {
			next.replay = time.Duration(*seconds * float64(time.Second))
		}
		var err error
		next.snap, err = readSnapshot(ctx, tx, was.snap)
		return err
	}
	err := s.eyed(ctx, sv, read)
	if err != nil && ctx.Err() == nil && retriable(err) {
		err = s.eyed(ctx, sv, read) // the connection may have been of an earlier life of the server
	}
	if ctx.Err() != nil {
		return
	}
	if next.err = err; err != nil {
		next.snap = was.snap
	}
	if said, says := fmt.Sprint(was.err), fmt.Sprint(err); said != says && err != nil {
		if errors.Is(err, ErrLoading) { // nothing is wrong yet
			s.log.Info("waiting for postgres", zap.String("server", sv.name), zap.Error(err))
		} else {
			s.log.Warn("postgres does not answer", zap.String("server", sv.name), zap.Error(err))
		}
	}
	sv.see(next)
	s.publish(sv)
}

// glanceAt reads a server's positions alone.
func (s *Store) glanceAt(ctx context.Context, sv *server) error {
	was := sv.sight.Load()
	if was.snap == nil || was.err != nil {
		return ErrLoading
	}
	next := *was
	err := s.eyed(ctx, sv, func(ctx context.Context, tx *Tx) error {
		snap := *was.snap
		snap.cursors = map[string]Cursor{}
		next.snap = &snap
		return readCursors(ctx, tx, &snap)
	})
	if err == nil {
		sv.see(&next)
	}
	return err
}

// eyed runs fn in a view of a server that no reader can keep from it.
func (s *Store) eyed(ctx context.Context, sv *server, fn func(context.Context, *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	tx, err := sv.eye.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("beginning a look: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return fn(ctx, &Tx{Tx: tx})
}

// fault notes that a read failed on a server's side: it is left out until it
// was looked at again, which is now.
func (s *Store) fault(sv *server, err error) {
	was := sv.sight.Load()
	if was.err == nil {
		next := *was
		next.err = err
		sv.see(&next)
	}
	sv.look()
}

// waitFor waits until a server is known to be at a position of a partition;
// false when ctx ended first or the server went away.
func (sv *server) waitFor(ctx context.Context, partition string, need Need) bool {
	sv.waiting.Add(1)
	defer sv.waiting.Add(-1)
	for sv.look(); ; {
		now := sv.sight.Load()
		switch {
		case now.err != nil:
			return false
		case now.snap.reached(partition, need):
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-now.next:
		}
	}
}

// history is where the primary was at each of its last looks, oldest first.
type history []moment

type moment struct {
	at      time.Time
	build   string
	cursors map[string]Cursor
}

// kept is how far back a lag can be told.
const kept = 2 * time.Minute

func (h history) add(at time.Time, snap *Snapshot) history {
	if n := len(h); n > 0 && !snap.holds(&h[n-1]) {
		h = nil // it was restored, or another build is live: what it held before says nothing
	}
	for len(h) > 0 && at.Sub(h[0].at) > kept {
		h = h[1:]
	}
	return append(h, moment{at, snap.Build, snap.cursors})
}

// lacks is since when a snapshot has lacked something that the primary held;
// zero when it lacks nothing that is known. Who holds the newest moment holds all.
func (h history) lacks(snap *Snapshot) (since time.Time) {
	for i := len(h) - 1; i >= 0 && !snap.holds(&h[i]); i-- {
		since = h[i].at
	}
	return since
}

// lag is for how long a server has lacked something that the primary holds.
func (sv *server) lag(now time.Time) time.Duration {
	since := sv.lacking.Load()
	if since == 0 {
		return 0
	}
	return max(now.Sub(time.Unix(0, since)), time.Millisecond)
}

func (s *Snapshot) holds(m *moment) bool {
	if s.Build != m.build {
		return false
	}
	for partition, c := range m.cursors {
		mine := s.cursors[partition]
		if mine.Epoch != c.Epoch || mine.Pos < c.Pos {
			return false
		}
	}
	return true
}

// behind is how many positions a snapshot is short of the primary's by
// partition; only partitions that are short. A partition of another epoch is
// short of all.
func behind(snap, primary *Snapshot) map[string]uint64 {
	out := map[string]uint64{}
	if primary == nil {
		return out
	}
	for partition, c := range primary.cursors {
		var mine Cursor
		if snap != nil {
			mine = snap.cursors[partition]
		}
		switch {
		case mine.Epoch != c.Epoch:
			out[partition] = c.Pos
		case mine.Pos < c.Pos:
			out[partition] = c.Pos - mine.Pos
		}
	}
	return out
}

// connections counts the open ones of all servers.
func (s *Store) connections() float64 {
	var n int32
	for _, sv := range s.servers {
		if p := sv.pool.Load(); p != nil {
			n += p.Stat().TotalConns()
		}
	}
	return float64(n)
}

// parts are the loops of Run.
func (s *Store) parts() []run.Part {
	var out []run.Part
	for _, sv := range s.servers {
		out = append(out, run.Part{Name: sv.name, Run: func(ctx context.Context) error { return s.follow(ctx, sv) }})
	}
	return out
}
