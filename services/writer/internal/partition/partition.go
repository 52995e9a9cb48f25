// Package partition applies one subject of a stream to Postgres, exactly once.
//
// A partition has one cursor row and one transaction at a time. A batch is what
// arrived and was planned while the transaction before it ran; inside its one
// transaction the cursor is moved first (no row = fenced), then the rows are
// written in stream order. A process that dies at any point starts again from
// the cursor.
//
// Every unit is pending, failed(n), done or dead. Pending is what lies behind
// the cursor. A unit that Postgres refuses has failed: it is tried again in its
// place, and the cursor does not pass it before it is done or dead.
package partition

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	feedv1 "fondaco.dev/proto/feed/v1"
)

// Bounds of a transaction.
const (
	defaultMaxRows = 20_000   // a single larger message still goes whole
	maxBytes       = 32 << 20 // of messages
)

// maxSeekBacks without a commit between them: a stream that breaks again and
// again at the same place is inconsistent in itself.
const maxSeekBacks = 3

// Pauses of the loop around the transactions.
const (
	watchEvery   = 5 * time.Second // is the stream still the one that we follow?
	problemPause = 5 * time.Second // until a partition that stands still looks again
)

// ErrBroken says that a message does not continue what the cursor stands on:
// the partition seeks back.
var ErrBroken = errors.New("the stream does not continue the cursor")

// Stop is a state in which a partition stands still until an operator, or the
// stream itself, mends it. It says how to recover.
type Stop struct{ Reason string }

func (s *Stop) Error() string { return s.Reason }

// Stopf makes a Stop.
func Stopf(format string, args ...any) *Stop { return &Stop{Reason: fmt.Sprintf(format, args...)} }

// Outcome is what a committed transaction has to tell.
type Outcome struct {
	Hint  *feedv1.Hint
	Reply func() // sends answers, may be nil
}

// Target is where a seek back leads.
type Target struct {
	Cursor Cursor
	Write  func(ctx context.Context, tx pgx.Tx) error // takes rows above it away
}

// Projection turns messages into rows. It is a Sealer, or the Batch that it has
// planned itself. It is used by one goroutine at a time.
type Projection interface {
	// Load forgets everything and goes on after cur.
	Load(cur Cursor)
	// Take plans one message and says how many rows it adds. After an error the
	// plan is as it was before. ErrBroken and *Stop have their meaning; any other
	// error is tried again.
	Take(ctx context.Context, m bus.Message) (rows int, err error)
	// Cursor is where a transaction that writes the plan ends.
	Cursor() Cursor
	// SeekBack finds the latest message that ends at something held, or says by
	// *Stop that there is none.
	SeekBack(ctx context.Context, cur Cursor, cause error) (Target, error)
}

// Hinter takes hints and never blocks.
type Hinter interface {
	Offer(*feedv1.Hint)
}

// Partition is one subject of a stream.
type Partition struct {
	Build   string
	Name    string // in ctl.cursors
	Stream  string
	Subject string

	Bus        *bus.Bus
	Pool       *pgxpool.Pool
	Projection Projection
	Hints      Hinter
	Status     *admin.Status
	Metrics    *Metrics
	Log        *zap.Logger

	MaxRows int // of a transaction, 0 = 20,000
	// Every is the least time between the beginnings of two transactions at the
	// end of the stream; 0 = none. One after a quiet time begins at once, and so
	// does every one of a partition that is behind.
	Every time.Duration
	// Yields says that others need the machine now: a partition that is far behind
	// then takes small transactions and rests after each; nil = never.
	Yields func() bool

	// RetryAfter are the pauses before a refused unit is tried again, after which
	// it is dead; nil = 0.2 s, 0.5 s, 1 s, 2 s.
	RetryAfter []time.Duration

	// Fault is a test's way to fail or to die between steps; nil in production.
	Fault func(step string) error

	cur     atomic.Pointer[Cursor]
	wrote   atomic.Int64 // when the last transaction ended, in unix nanoseconds
	ahead   Cursor       // end of what was given to a transaction
	flight  flight
	noRoom  atomic.Uint64 // message behind which no position is left for dead letters
	careful uint64        // up to this message units are written one by one
	stopped string        // problem that stands until a commit, "" = none
	sought  int           // seek backs since the last commit
	in      time.Time     // creation of the stream that they were in
}

// Run works whenever it holds the lease, until ctx ends.
func (p *Partition) Run(ctx context.Context) error {
	backoff := run.Backoff{Max: 5 * time.Second}
	for ctx.Err() == nil {
		held, release, err := p.lease(ctx)
		if err == nil {
			err = p.hold(held, &backoff)
			release()
			p.cur.Store(nil)
		}
		if ctx.Err() != nil {
			break
		}
		p.report(ctx, err)
		if backoff.Wait(ctx) != nil {
			break
		}
	}
	return nil
}

// hold converges again and again while the lease is held.
func (p *Partition) hold(ctx context.Context, backoff *run.Backoff) error {
	for {
		err := p.converge(ctx, backoff)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var stop *Stop
		var refused *refusedError
		switch {
		case errors.Is(err, ErrBroken):
			err = p.seekBack(ctx, err)
			if err == nil {
				continue
			}
			if errors.As(err, &stop) {
				p.problem(ctx, stop)
				if !sleep(ctx, problemPause) {
					return context.Cause(ctx)
				}
				continue
			}
			return err
		case errors.As(err, &refused) && p.divides() && p.careful < refused.upTo:
			// Which unit it was is found by writing them one by one.
			p.careful = refused.upTo
			p.Log.Warn("postgres refuses a unit", zap.String("partition", p.Name), zap.Uint64("seq", refused.upTo), zap.Error(err))
		case errors.As(err, &refused):
			err = Stopf("%s; this is a bug: report it with the message's sequence", refused.reason())
			errors.As(err, &stop)
			fallthrough
		case errors.As(err, &stop):
			p.problem(ctx, stop)
			if !sleep(ctx, problemPause) {
				return context.Cause(ctx)
			}
		case errors.Is(err, errReplay):
			if err := p.replay(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// converge loads the cursor, checks that the stream still holds it, and
// applies message after message.
func (p *Partition) converge(ctx context.Context, backoff *run.Backoff) error {
	cur, err := p.open(ctx)
	if err != nil {
		return err
	}
	end, err := p.verify(ctx, &cur)
	if err != nil {
		return err
	}
	if end && (p.stopped != "" || cur.Problem != "") {
		// What we stand on is there and nothing behind it is to stumble over.
		if err := p.inTx(ctx, func(tx pgx.Tx) error { return cur.move(ctx, tx, &cur) }); err != nil {
			return err
		}
		p.healed()
	}
	if err := p.resume(ctx); err != nil {
		return err
	}
	p.load(cur)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go p.watch(ctx, cancel)
	follower := p.Bus.Follow(ctx, p.Stream, []string{p.Subject}, cur.Seq+1)
	defer follower.Close()
	defer p.flight.land()
	if s, ok := p.Projection.(Sealer); ok {
		s.Ahead(p.flight.wait)
	}
	if p.stopped == "" {
		p.Status.Set(nil)
	}
	var begun time.Time
	pending := uint64(0)
	if p.Every > 0 {
		// At the end of the stream nothing comes while the partition rests: what was
		// stored meanwhile is one burst.
		follower.Rest = func() time.Duration {
			if pending > 0 {
				return -1
			}
			return 0
		}
	}
	for {
		if left := p.Every - time.Since(begun); left > 0 && pending == 0 && !sleep(ctx, left) {
			return causeOf(ctx, ctx.Err())
		}
		msgs, err := follower.Next(ctx, maxBytes)
		if err != nil {
			return causeOf(ctx, err)
		}
		begun, pending = time.Now(), msgs[len(msgs)-1].Pending
		for len(msgs) > 0 {
			n, taken := p.take(ctx, msgs)
			if n > 0 {
				if err := p.hand(ctx, cancel, msgs[n-1], backoff); err != nil {
					return causeOf(ctx, err)
				}
			}
			if taken != nil {
				// What came before it is good, and an error of its own comes first.
				if err := p.flight.wait(ctx); err != nil {
					return causeOf(ctx, err)
				}
				return causeOf(ctx, taken)
			}
			msgs = msgs[n:]
		}
	}
}

// load begins anew at a cursor.
func (p *Partition) load(cur Cursor) {
	p.flight = flight{}
	p.ahead = cur
	p.Projection.Load(cur)
	if a, ok := p.Projection.(Apart); ok && p.careful > cur.Seq {
		a.Apart(true)
	}
	p.publish(cur)
}

func (p *Partition) publish(c Cursor) {
	p.cur.Store(&c)
	p.Metrics.Seq.WithLabelValues(p.Name).Set(float64(c.Seq))
	p.Metrics.Head.WithLabelValues(p.Name).Set(float64(c.Height()))
}

// activeFor is how long after a transaction a partition counts as active.
const activeFor = 3 * time.Second

// Active says whether this process wrote something of the partition just now.
func (p *Partition) Active() bool { return time.Since(time.Unix(0, p.wrote.Load())) < activeFor }

// Cursor is the last committed cursor while this process holds the lease.
func (p *Partition) Cursor() (Cursor, bool) {
	if c := p.cur.Load(); c != nil {
		return *c, true
	}
	return Cursor{}, false
}

// causeOf prefers why a context was cancelled to what broke because of it.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
