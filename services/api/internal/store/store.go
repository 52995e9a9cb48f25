// Package store reads Postgres for the api: from replicas where there are any,
// never writing. Every read is one REPEATABLE READ, READ ONLY transaction, so
// that a cursor and the rows up to it belong together.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/run"
)

var (
	// ErrLoading: there is no database, or no live build in it yet.
	ErrLoading = errors.New("the database is not there yet")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrCanWrite: the role is more than a reader.
	ErrCanWrite = errors.New("the role of FONDACO_PG_URL can write; give the api a role that is a member of fondaco_reader and nothing else")
)

// statementTimeout bounds one statement; a view may hold several.
const (
	statementTimeout = 8 * time.Second
	viewTimeout      = 20 * time.Second
)

// Config says where Postgres is.
type Config struct {
	PG       pg.Config
	Networks []string // names in the config, in its order
}

// Store is safe for concurrent use. Reads give ErrLoading until Run has
// connected and found a live build.
type Store struct {
	cfg    Config
	log    *zap.Logger
	status *admin.Status
	errors *prometheus.CounterVec

	mu       sync.Mutex
	primary  *pgxpool.Pool
	replicas []*pgxpool.Pool
	pools    []*pgxpool.Pool
	next     atomic.Uint64
	live     atomic.Pointer[Snapshot]
	watchers []func(*Snapshot)
}

// New makes a store that is not connected yet.
func New(cfg Config, adm *admin.Server, log *zap.Logger) *Store {
	s := &Store{cfg: cfg, log: log, status: adm.Status("postgres"), errors: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fondaco_api_postgres_errors_total", Help: "Reads that failed, by what was done about it."}, []string{"outcome"})}
	adm.Registry().MustRegister(s.errors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fondaco_api_postgres_connections", Help: "Open connections of all pools."}, s.connections))
	return s
}

// Run connects, checks that the role cannot write, and polls the live build
// and the cursors each second until ctx ends. It fails only where waiting
// cannot help: a role that can write, a refused password.
func (s *Store) Run(ctx context.Context) error {
	defer s.close()
	parts := []run.Part{{Name: "primary", Run: func(ctx context.Context) error { return s.open(ctx, s.cfg.PG.URL, true) }}}
	for _, url := range s.cfg.PG.ReadURLs {
		if url != s.cfg.PG.URL {
			parts = append(parts, run.Part{Name: "replica", Run: func(ctx context.Context) error { return s.open(ctx, url, false) }})
		}
	}
	parts = append(parts, run.Part{Name: "poll", Run: s.poll})
	return run.All(ctx, s.log, parts...)
}

// open connects one pool, then waits for the end: pools live as long as Run.
func (s *Store) open(ctx context.Context, url env.Secret, primary bool) error {
	pool, err := pg.Open(ctx, withParams(url), s.cfg.PG.MaxConns, "fondaco-api", s.log)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.pools = append(s.pools, pool)
	s.mu.Unlock()
	if err := checkReader(ctx, pool); err != nil {
		return err
	}
	s.mu.Lock()
	if primary {
		s.primary = pool
	}
	// With URLs of replicas the primary serves only what they cannot.
	if !primary || len(s.cfg.PG.ReadURLs) == 0 || s.cfg.PG.ReadURLs[0] == s.cfg.PG.URL {
		s.replicas = append(s.replicas, pool)
	}
	s.mu.Unlock()
	<-ctx.Done()
	return nil
}

// withParams adds what the server itself shall hold each session to.
func withParams(url env.Secret) env.Secret {
	timeout := fmt.Sprint(statementTimeout.Milliseconds())
	u := url.Reveal()
	switch {
	case !strings.Contains(u, "://"):
		return env.Secret(u + " default_transaction_read_only=on statement_timeout=" + timeout)
	case strings.Contains(u, "?"):
		u += "&"
	default:
		u += "?"
	}
	return env.Secret(u + "default_transaction_read_only=on&statement_timeout=" + timeout)
}

// checkReader waits for the schema and refuses a role that may write.
func checkReader(ctx context.Context, pool *pgxpool.Pool) error {
	const q = `select case when to_regclass('ctl.cursors') is null then null
		else has_table_privilege(current_user, 'ctl.cursors', 'insert') end`
	backoff := run.Backoff{Max: time.Second}
	for {
		var can *bool
		err := pool.QueryRow(ctx, q).Scan(&can)
		if err == nil && can != nil {
			if *can {
				return ErrCanWrite
			}
			return nil
		}
		if backoff.Wait(ctx) != nil {
			return fmt.Errorf("waiting for the schema: %w", ctx.Err())
		}
	}
}

func (s *Store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pools {
		p.Close()
	}
	s.primary, s.replicas, s.pools = nil, nil, nil
	s.live.Store(nil)
}

func (s *Store) connections() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int32
	for _, p := range s.pools {
		n += p.Stat().TotalConns()
	}
	return float64(n)
}

// pick lists the pools to try, in order: the next replica, then the primary;
// one that is alone is tried twice, since its connections may all be of an
// earlier life of the server.
func (s *Store) pick() []*pgxpool.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*pgxpool.Pool
	if n := len(s.replicas); n > 0 {
		out = append(out, s.replicas[int(s.next.Add(1)%uint64(n))])
	}
	if s.primary != nil && (len(out) == 0 || out[0] != s.primary) {
		out = append(out, s.primary)
	}
	if len(out) == 1 {
		out = append(out, out[0])
	}
	return out
}

// Tx is one consistent view.
type Tx struct {
	pgx.Tx
	snap *Snapshot
}

// table names a table of the live build.
func (tx *Tx) table(name string) string {
	return pgx.Identifier{"ix_" + tx.snap.Build, name}.Sanitize()
}

// view runs fn on a replica; when that connection fails, once more on the
// primary.
func (s *Store) view(ctx context.Context, fn func(*Tx) error) error {
	pools := s.pick()
	if len(pools) == 0 {
		return ErrLoading
	}
	var err error
	for i, pool := range pools {
		if err = s.viewOn(ctx, pool, fn); err == nil || !retriable(err) || ctx.Err() != nil {
			return err
		}
		if i+1 < len(pools) {
			s.errors.WithLabelValues("retried").Inc()
		}
	}
	s.errors.WithLabelValues("failed").Inc()
	return err
}

// primaryView runs fn on the primary.
func (s *Store) primaryView(ctx context.Context, fn func(*Tx) error) error {
	s.mu.Lock()
	pool := s.primary
	s.mu.Unlock()
	if pool == nil {
		return ErrLoading
	}
	return s.viewOn(ctx, pool, fn)
}

func (s *Store) viewOn(ctx context.Context, pool *pgxpool.Pool, fn func(*Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewTimeout)
	defer cancel()
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("beginning a read: %w", err)
	}
	// Nothing to commit: a rollback ends a read as well, and cheaper.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return fn(&Tx{Tx: tx, snap: s.live.Load()})
}

// viewLive is view, once a build is live.
func (s *Store) viewLive(ctx context.Context, fn func(*Tx) error) error {
	if s.live.Load() == nil {
		return ErrLoading
	}
	return s.view(ctx, fn)
}

// retriable errors are the connection's or the replica's, not the query's.
func retriable(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		switch pgErr.Code[:2] {
		case "08", "40", "53", "57":
			// 57014 is our own statement timeout: the primary would be as slow.
			return pgErr.Code != "57014"
		}
		return false
	}
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.Is(err, errClosed) || isNet(err)
}

// Overloaded says that a read failed for want of time or connections.
func Overloaded(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "57014" || strings.HasPrefix(pgErr.Code, "53") || strings.HasPrefix(pgErr.Code, "57") || strings.HasPrefix(pgErr.Code, "08")
	}
	return errors.Is(err, context.DeadlineExceeded) || retriable(err)
}
