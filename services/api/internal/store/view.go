package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/services/api/internal/position"
)

var (
	// ErrBehind: neither a replica nor the primary has reached the position.
	ErrBehind = errors.New("the database is behind that position")
	// ErrOtherEpoch: the position is of another life of the partition.
	ErrOtherEpoch = errors.New("the position is of another epoch")
)

// Need is how far a server must be before it may answer. The zero value is
// met by any.
type Need struct {
	Epoch string // as clients see it; "" = whichever there is
	Pos   uint64
}

// None says that any server will do.
func (n Need) None() bool { return n == Need{} }

// And is met where both are.
func (n Need) And(o Need) Need {
	if o.None() {
		return n
	}
	if n.Epoch == "" {
		n.Epoch = o.Epoch
	}
	n.Pos = max(n.Pos, o.Pos)
	return n
}

// At is the place of a partition in the very view that rows were read in.
type At struct {
	Cursor
	Build     string
	Partition string
}

// Life is the epoch as clients see it.
func (a *At) Life() string { return position.ChainEpoch(a.Partition, a.Epoch) }

// meets says whether a view at this place may answer.
func (a *At) meets(n Need) error {
	switch {
	case n.None():
		return nil
	case n.Epoch != "" && n.Epoch != a.Life():
		return ErrOtherEpoch
	case a.Pos < n.Pos:
		return ErrBehind
	}
	return nil
}

// reached says whether a partition is known to be at a position.
func (s *Snapshot) reached(partition string, n Need) bool {
	c, ok := s.Cursor(partition)
	at := At{Cursor: c, Partition: partition}
	return n.None() || ok && at.meets(n) == nil
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

// serving lists who may answer, in the order in which they are to be tried: the
// replicas whose turn it is, those that are known to meet the need first, then
// the primary. Who is away or lags is left out, unless there is nobody else.
func (s *Store) serving(partition string, need Need) (order []*server, met bool) {
	live, now := s.live.Load(), time.Now()
	turn := int(s.next.Add(1) % uint64(len(s.servers)))
	var unmet []*server
	for i := range s.servers {
		sv := s.servers[(turn+i)%len(s.servers)]
		if !sv.reads || sv.pool.Load() == nil || s.unfit(sv, live, now) != nil {
			continue
		}
		if sv.sight.Load().snap.reached(partition, need) {
			order = append(order, sv)
		} else {
			unmet = append(unmet, sv)
		}
	}
	met = len(order) > 0
	if !met {
		// The furthest one is the first that will be there.
		slices.SortStableFunc(unmet, func(a, b *server) int {
			x, _ := a.sight.Load().snap.Cursor(partition)
			y, _ := b.sight.Load().snap.Cursor(partition)
			switch {
			case x.Pos > y.Pos:
				return -1
			case x.Pos < y.Pos:
				return 1
			}
			return 0
		})
		order = unmet
	}
	for _, sv := range s.servers {
		if sv.pool.Load() != nil && !slices.Contains(order, sv) && (sv.primary || len(order) == 0) {
			order = append(order, sv)
		}
	}
	return order, met
}

// do runs attempt on a server that meets the need: one that is known to, or the
// one that gets there within Config.Wait, or the primary. Another server is
// tried where the connection or the server is at fault, and one that is alone a
// second time, since its connections may all be of an earlier life of it.
// attempt itself says ErrBehind or ErrOtherEpoch when its view does not meet
// the need.
func (s *Store) do(ctx context.Context, partition string, need Need, attempt func(context.Context, *pgxpool.Pool) error) error {
	order, met := s.serving(partition, need)
	if len(order) == 0 {
		return ErrLoading
	}
	there := met || need.None()
	if !there {
		wait, cancel := context.WithTimeout(ctx, s.cfg.Wait)
		there = order[0].waitFor(wait, partition, need)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if i := slices.IndexFunc(order, func(sv *server) bool { return sv.primary }); !there && i >= 0 {
			order = order[i : i+1]
		}
	}
	if len(order) == 1 {
		order = append(order, order[0])
	}
	var err error
	for i, sv := range order {
		pool := sv.pool.Load()
		if pool == nil {
			continue
		}
		err = s.bounded(ctx, pool, attempt)
		switch {
		case err == nil:
			s.reads.WithLabelValues(sv.name).Inc()
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, ErrBehind), errors.Is(err, ErrOtherEpoch):
			if i+1 == len(order) || order[i+1] == sv {
				return err
			}
		case retriable(err):
			s.fault(sv, err)
		default:
			return err
		}
		if i+1 < len(order) {
			s.errors.WithLabelValues("retried").Inc()
		}
	}
	s.errors.WithLabelValues("failed").Inc()
	switch {
	case err == nil:
		return ErrLoading
	case !there: // who could have met it is away
		return fmt.Errorf("%w: %w", ErrBehind, err)
	}
	return err
}

// bounded gives one attempt its time.
func (s *Store) bounded(ctx context.Context, pool *pgxpool.Pool, attempt func(context.Context, *pgxpool.Pool) error) error {
	ctx, cancel := context.WithTimeout(ctx, viewTimeout)
	defer cancel()
	return attempt(ctx, pool)
}

// ask reads a network's rows in one round trip: the statements that queue adds
// and the network's cursor are answered from one snapshot of the database. What
// their callbacks fill must be reset by queue, which may be called again.
func (s *Store) ask(ctx context.Context, network string, need Need, queue func(*Tx, *pgx.Batch)) (at At, err error) {
	n, err := s.Network(network)
	if err != nil {
		return At{}, err
	}
	err = s.do(ctx, n.Partition, need, func(ctx context.Context, pool *pgxpool.Pool) error {
		tx := &Tx{snap: s.live.Load()}
		at = At{Build: tx.snap.Build, Partition: n.Partition}
		b := &pgx.Batch{}
		b.Queue(cursorOf, tx.snap.Build, n.Partition).QueryRow(func(row pgx.Row) error {
			var err error
			at.Cursor, err = scanCursor(row, n.Partition)
			return err
		})
		queue(tx, b)
		err := pool.SendBatch(ctx, b).Close()
		if at.Epoch != "" {
			// What is not found in a view that is behind may be there all the same.
			if unmet := at.meets(need); unmet != nil {
				return unmet
			}
		}
		return err
	})
	return at, err
}

// viewNeed runs fn in a view of a server that meets the need; fn says by
// ErrBehind when it does not.
func (s *Store) viewNeed(ctx context.Context, partition string, need Need, fn func(*Tx) error) error {
	return s.do(ctx, partition, need, func(ctx context.Context, pool *pgxpool.Pool) error { return s.viewOn(ctx, pool, fn) })
}

// view runs fn on any server.
func (s *Store) view(ctx context.Context, fn func(*Tx) error) error {
	return s.viewNeed(ctx, "", Need{}, fn)
}

// primaryView runs fn on the primary.
func (s *Store) primaryView(ctx context.Context, fn func(*Tx) error) error {
	for _, sv := range s.servers {
		if pool := sv.pool.Load(); sv.primary && pool != nil {
			return s.bounded(ctx, pool, func(ctx context.Context, pool *pgxpool.Pool) error { return s.viewOn(ctx, pool, fn) })
		}
	}
	return ErrLoading
}

func (s *Store) viewOn(ctx context.Context, pool *pgxpool.Pool, fn func(*Tx) error) error {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("beginning a read: %w", err)
	}
	// Nothing to commit: a rollback ends a read as well, and cheaper.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return fn(&Tx{Tx: tx, snap: s.live.Load()})
}

// retriable errors are the connection's or the server's, not the query's.
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
