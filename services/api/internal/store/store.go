// Package store reads Postgres for the api: from replicas where there are any,
// never writing. Every read is one REPEATABLE READ, READ ONLY transaction, so
// that a cursor and the rows up to it belong together.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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

// viewTimeout bounds a reading of several statements.
const viewTimeout = 20 * time.Second

// application is how the pools show in pg_stat_activity.
const application = "fondaco-api"

// Config says where Postgres is, and how fresh and how quick it has to be.
type Config struct {
	PG       pg.Config
	Networks []string // names in the config, in its order
	// MaxLag is for how long a replica may lack what the primary holds and still
	// have its turn; 0 = 5 s.
	MaxLag time.Duration
	// Wait is how long a read waits for a replica to reach a position before it
	// goes to the primary; 0 = 250 ms.
	Wait time.Duration
	// Timeout bounds one statement; 0 = 8 s.
	Timeout time.Duration
	// Scan is how many events a filter that has no index looks at for one answer;
	// 0 = 50,000.
	Scan int
}

// Store is safe for concurrent use. Reads give ErrLoading until Run has
// connected and found a live build.
type Store struct {
	cfg     Config
	log     *zap.Logger
	status  *admin.Status
	errors  *prometheus.CounterVec
	reads   *prometheus.CounterVec
	servers []*server // the primary first
	broken  error     // a URL that cannot be parsed

	next atomic.Uint64
	live atomic.Pointer[Snapshot]

	mu       sync.Mutex // of publish
	past     history
	watchers []func(*Snapshot)
}

// New makes a store that is not connected yet.
func New(cfg Config, adm *admin.Server, log *zap.Logger) *Store {
	cfg.MaxLag, cfg.Wait, cfg.Timeout = or(cfg.MaxLag, 5*time.Second), or(cfg.Wait, 250*time.Millisecond), or(cfg.Timeout, 8*time.Second)
	if cfg.Scan == 0 {
		cfg.Scan = 50000
	}
	s := &Store{cfg: cfg, log: log, status: adm.Status("postgres"),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fondaco_api_postgres_errors_total", Help: "Reads that failed, by what was done about it."}, []string{"outcome"}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fondaco_api_postgres_reads_total", Help: "Reads that were answered, by server."}, []string{"server"})}
	urls := cfg.PG.ReadURLs
	s.add(cfg.PG.URL, true, len(urls) == 0 || slices.Contains(urls, cfg.PG.URL))
	for _, url := range urls {
		if url != cfg.PG.URL {
			s.add(url, false, true)
		}
	}
	adm.Registry().MustRegister(s.errors, s.reads, (*lags)(s), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fondaco_api_postgres_connections", Help: "Open connections of all pools."}, s.connections))
	return s
}

// Wait is how long a reading waits for what it needs before it is refused.
func (s *Store) Wait() time.Duration { return s.cfg.Wait }

func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

func (s *Store) add(url env.Secret, primary, reads bool) {
	sv, err := newServer(url, primary, reads)
	if err != nil {
		s.broken = err
		return
	}
	s.servers = append(s.servers, sv)
}

// Run connects, checks that the role cannot write, and polls each server's live
// build and cursors each second until ctx ends. It fails only where waiting
// cannot help: a role that can write, a refused password, a URL that is none.
func (s *Store) Run(ctx context.Context) error {
	if s.broken != nil {
		return s.broken
	}
	defer s.live.Store(nil)
	return run.All(ctx, s.log, s.parts()...)
}

// withParams adds what the server itself shall hold each session to. The
// statements of one round trip are one transaction, hence one snapshot. All of
// them are short: where the planner takes one for long, compiling it (jit) would
// be what makes it so.
func withParams(url env.Secret, timeout time.Duration) env.Secret {
	ms := fmt.Sprint(timeout.Milliseconds())
	u := url.Reveal()
	switch {
	case !strings.Contains(u, "://"):
		return env.Secret(u + " default_transaction_read_only=on default_transaction_isolation='repeatable read' jit=off statement_timeout=" + ms)
	case strings.Contains(u, "?"):
		u += "&"
	default:
		u += "?"
	}
	return env.Secret(u + "default_transaction_read_only=on&default_transaction_isolation=repeatable%20read&jit=off&statement_timeout=" + ms)
}

// checkReader waits for the schema and refuses a role that may write.
func checkReader(ctx context.Context, pool *pgxpool.Pool) error {
	const q = `select case when to_regclass('ctl.cursors') is null then null else
		exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where c.relkind in ('r', 'p', 'S') and (n.nspname in ('ctl', 'trade', 'ident') or starts_with(n.nspname, 'ix_'))
			and case c.relkind when 'S' then has_sequence_privilege(c.oid, 'update') else has_table_privilege(c.oid, 'insert, update, delete, truncate') end)
		or exists (select from pg_namespace where (nspname in ('ctl', 'trade', 'ident') or starts_with(nspname, 'ix_')) and has_schema_privilege(oid, 'create'))
	end`
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
