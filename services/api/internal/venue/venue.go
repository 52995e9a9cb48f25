// Package venue keeps the projection of one venue in memory, level with
// TRADES, and tells its feed what changed. REST and WebSocket read the same
// projection, so that both show the same update id.
package venue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	feedv1 "fondaco.dev/proto/feed/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/store"
)

// ErrLoading: the projection is not there yet.
var ErrLoading = errors.New("the venue's projection is loading")

// Loader reads the projection as of the writer's cursor.
type Loader interface {
	LoadVenue(ctx context.Context, venue string, primary bool) (*market.State, store.Cursor, error)
	Journal(ctx context.Context, venue string, account, after, atLeast uint64) (store.Replay, error)
}

// Venue is safe for concurrent use.
type Venue struct {
	name   string
	loader Loader
	feed   *feed.Feed
	status *admin.Status
	log    *zap.Logger

	mu      sync.RWMutex
	state   *market.State          // nil while loading
	epoch   atomic.Pointer[string] // of state; nil while loading
	applied chan struct{}          // closed and replaced when InSeq grew
	dir     atomic.Pointer[market.Directory]
	inSeq   atomic.Uint64 // of state
	trades  atomic.Pointer[bus.Follower]
	pause   time.Duration // between two reads of TRADES while nobody watches
	asked   atomic.Int64  // when View was called last, in unix nanoseconds

	waiting sync.Mutex
	waits   map[uint64]uint64
}

// New makes a venue that is not loaded yet.
func New(name string, loader Loader, adm *admin.Server, log *zap.Logger) *Venue {
	delivered := prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_venue_frames_total", Help: "Frames given to venue subscriptions."})
	v := &Venue{name: name, loader: loader, feed: feed.New(delivered), status: adm.Status("venue"), log: log,
		pause: unwatchedRest, applied: make(chan struct{}), waits: map[uint64]uint64{}}
	adm.Registry().MustRegister(delivered, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fondaco_api_venue_event_seq", Help: "Last event of TRADES in the projection."}, v.seq))
	return v
}

// Feed carries depth, trades and orders.
func (v *Venue) Feed() *feed.Feed { return v.feed }

func (v *Venue) seq() float64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.state == nil {
		return 0
	}
	return float64(v.state.Seq)
}

// errReload: what was loaded does not lead to what TRADES holds.
var errReload = errors.New("the projection has to be loaded again")

// Epoch of a venue's positions: they are event numbers, which outlive every
// seek back of a reader.
func Epoch(created time.Time) string { return feedv1.Epoch(created, 0) }

// Run loads the projection and follows TRADES until ctx ends.
func (v *Venue) Run(ctx context.Context, b *bus.Bus) error {
	return run.All(ctx, v.log, run.Part{Name: "positions", Run: v.positions},
		run.Part{Name: "trades", Run: func(ctx context.Context) error { return v.keep(ctx, b) }})
}

func (v *Venue) keep(ctx context.Context, b *bus.Bus) error {
	backoff := run.Backoff{Max: 2 * time.Second}
	primary := false
	for ctx.Err() == nil {
		err := v.follow(ctx, b, primary, &backoff)
		if ctx.Err() != nil {
			return nil
		}
		primary = errors.Is(err, errReload)
		v.status.Set(err)
		v.log.Debug("waiting for the venue", zap.Error(err))
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
	return nil
}

const positionEvery = 10 * time.Second

func (v *Venue) positions(ctx context.Context) error {
	tick := time.NewTicker(positionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			hub.TellPositions(v.feed)
		}
	}
}

// readBytes bounds what one read of TRADES takes at a time.
const readBytes = 16 << 20

func (v *Venue) follow(ctx context.Context, b *bus.Bus, primary bool, backoff *run.Backoff) error {
	st, err := b.WaitStream(ctx, tradesv1.Stream)
	if err != nil {
		return err
	}
	state, cur, err := v.loader.LoadVenue(ctx, v.name, primary)
	if err != nil {
		return fmt.Errorf("loading the projection: %w", err)
	}
	epoch := Epoch(st.Created)
	if was := Epoch(cur.Created); was != epoch {
		return fmt.Errorf("postgres holds epoch %s of TRADES and the stream is %s: %w", was, epoch, errReload)
	}
	if cur.Seq > st.LastSeq {
		return fmt.Errorf("postgres is at message %d of TRADES, which ends at %d: %w", cur.Seq, st.LastSeq, errReload)
	}
	v.adopt(state, epoch)
	v.log.Info("venue loaded", zap.String("venue", v.name), zap.Uint64("event_seq", state.Seq), zap.Uint64("message", cur.Seq))
	f := b.Follow(ctx, tradesv1.Stream, []string{tradesv1.Subject(v.name)}, cur.Seq+1)
	defer f.Close()
	f.Rest = v.rest
	v.trades.Store(f)
	if last, err := b.Last(ctx, tradesv1.Stream, tradesv1.Subject(v.name)); err == nil && (last == nil || last.Seq <= cur.Seq) {
		v.status.Set(nil)
	}
	backoff.Reset()
	var parts []market.Output
	for {
		msgs, err := f.Next(ctx, readBytes)
		if err != nil {
			return err
		}
		whole := 0 // parts that end an output
		for _, m := range msgs {
			out, ok := market.ReadOutput(m.Data)
			if !ok {
				return fmt.Errorf("message %d of TRADES is no output of the order book", m.Seq)
			}
			if parts = append(parts, out); out.Last {
				whole = len(parts)
			}
		}
		if whole == 0 {
			continue
		}
		last := msgs[len(msgs)-1]
		if err := v.apply(parts[:whole]); err != nil {
			return fmt.Errorf("applying TRADES up to message %d: %w", last.Seq, err)
		}
		parts = append(parts[:0], parts[whole:]...)
		if last.Pending == 0 {
			v.status.Set(nil)
		}
	}
}

// adopt takes over a loaded state. Members of the feed that were level with an
// older one go on from where they are, or begin anew in another epoch.
func (v *Venue) adopt(state *market.State, epoch string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state = state
	v.epoch.Store(&epoch)
	v.dir.Store(state.Directory())
	if was, _ := v.feed.Position(); was == epoch {
		v.feed.Skip(state.Seq)
	} else {
		v.feed.Start(epoch, state.Seq)
	}
	v.wake()
}

// wake tells those who wait for a pack; v.mu is held.
func (v *Venue) wake() {
	v.inSeq.Store(v.state.InSeq)
	close(v.applied)
	v.applied = make(chan struct{})
}

// apply folds complete outputs and publishes what they changed.
func (v *Venue) apply(parts []market.Output) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var msgs []*feed.Message
	wanted := v.feed.Wanted()
	v.state.Quiet = !wanted
	w := v.watched()
	for _, out := range parts {
		for seq, e := range out.Events() {
			if seq <= v.state.Seq {
				continue // an output that was loaded in part
			}
			if seq != v.state.Seq+1 {
				return fmt.Errorf("event %d follows event %d: %w", seq, v.state.Seq, errReload)
			}
			c, err := v.state.Apply(seq, e)
			if err != nil {
				return err
			}
			if !wanted {
				continue
			}
			msgs = append(msgs, Messages(&c, v.Epoch(), v.state.Directory())...)
			msgs = append(msgs, w.passing(&c, v.Epoch(), v.state.Directory())...)
		}
	}
	if !wanted {
		v.state.Drop()
	}
	for _, u := range v.state.Take() {
		msgs = append(msgs, w.update(&u, v.state.Seq, v.Epoch(), v.state.Directory())...)
	}
	if v.dir.Load() != v.state.Directory() {
		v.dir.Store(v.state.Directory())
	}
	if wanted {
		v.feed.Publish(msgs, v.state.Seq)
	} else {
		v.feed.Skip(v.state.Seq)
	}
	v.wake()
	return nil
}

// Directory is the markets and assets as of now; nil while loading.
func (v *Venue) Directory() *market.Directory { return v.dir.Load() }

// Name of the venue.
func (v *Venue) Name() string { return v.name }
