// Package leader runs a venue live: it applies the packs of ORDERS as they
// come, answers at once, and publishes what they caused to TRADES, one output
// in flight that covers everything applied while the last one was under way.
//
//	ORDERS --read--> apply --answer--> reply.v1.<gateway>
//	                   |
//	                   +--batch--> publish --fenced--> TRADES
//	                                  |
//	                                  +--once durable--> keeper --> snapshots
//
// One goroutine each; only apply touches the engine. An answer leaves as soon
// as its pack is durable in ORDERS and applied: what became of a command follows
// from the stream alone, so that a crash before TRADES has the events only makes
// another leader come to the same ones.
package leader

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/standby"
)

// ErrConfig: the configuration contradicts what the venue already has.
var ErrConfig = errors.New("configuration contradicts the venue")

// ErrLeaseLost: another instance may lead now.
var ErrLeaseLost = errors.New("the lease is lost")

// Bounds of an output in the making; beyond, reading waits for the publisher.
const (
	maxPacks      = 1000
	maxBatchBytes = 32 << 20
	maxRequestIDs = bus.MaxRequestIDs
	// smallOutput is what is worth waiting for more, in bytes of events.
	smallOutput = 256 << 10
	// An output rests for slowRest times as long as the last one took, at most for
	// maxRest times OutputEvery.
	slowRest, maxRest = 4, 5
)

// Times of the checks around the work.
const (
	watchEvery  = time.Second
	tickRetry   = 50 * time.Millisecond // between two ticks for the same deadline
	streamEvery = 5 * time.Second
	publishSlow = 10 * time.Second // then /readyz says so
	readBytes   = 8 << 20
)

// Options of a venue's leader.
type Options struct {
	Venue         string
	Assets        []config.Asset
	Markets       []config.Market
	SnapshotPacks int           // packs after which a snapshot is taken
	SnapshotEvery time.Duration // a changed state that is idle is snapshotted this often
	Grace         time.Duration // for draining at a stop; 0 = stop as in a crash
	PartBytes     int           // an output above is cut; 0 = tradesv1.MaxMessage
	// OutputEvery is the least time between the beginnings of two small outputs,
	// and five times as long while publishing one is slow; 0 = none. See
	// applier.rest.
	OutputEvery time.Duration
}

// Wire is how the leader reaches others.
type Wire interface {
	recovery.Publisher
	// Reply answers a gateway, at most once. spans are where those who are followed
	// find what was done for them, as in bus.HeaderTrace; "" = nobody is. With gather
	// its next packs are better sent to be gathered than to ORDERS.
	Reply(gateway, data []byte, spans string, gather bool)
	// Gather has the packs that gateways send for it given to take, which must not
	// block, until stop.
	Gather(ctx context.Context, take func(pack []byte, h nats.Header)) (stop func(), err error)
	// Post publishes a gathered message under an id of its own, and waits for
	// nothing.
	Post(id string, data []byte, h nats.Header)
	// Command publishes a pack of the leader's own and returns when it is stored.
	Command(ctx context.Context, from string, p *ordersv1.Pack) error
}

// Leader leads one venue.
type Leader struct {
	Options
	Bus     *bus.Bus
	Wire    Wire
	Keeper  *keeper.Keeper
	Metrics *metric.Metrics
	Log     *zap.Logger
	Trace   *trace.Tracer // nil = packs are not followed
	Ready   func(error)   // told whether the venue is served, and why not
	// Asks are questions to the engine, carried out between two packs; they must
	// not change it. nil = none.
	Asks <-chan func(*engine.Engine)
}

// reign is one stretch of leading, from a recovery on.
type reign struct {
	Leader
	soft  context.Context // ends: drain and stop
	start bus.StreamState // ORDERS as it was at the beginning
	// reconnects of the bus before start was read
	reconnects uint64
	target     uint64 // ORDERS sequence from which on the reign has caught up
	applied    atomic.Uint64

	in     chan arrived
	jobs   chan job
	idle   chan *engine.Batch // the publisher gives a batch back when it is durable
	orders chan order
	gather *gather

	took       atomic.Int64 // nanoseconds that the last output was in flight
	publishing atomic.Int64 // Unix milliseconds since when an output is in flight; 0 = none
	told       atomic.Int64 // Unix milliseconds when ORDERS was known to hold what was applied
	relieved   atomic.Bool  // a standby takes the snapshots
}

// Run leads from st on until ctx ends (then it drains, returning nil), the
// lease is lost, or something makes going on wrong: bus.ErrFenced,
// recovery.ErrRegressed, recovery.ErrSemantics, ErrConfig. The state is used up in any case.
func (l *Leader) Run(ctx context.Context, st *recovery.State, lost <-chan struct{}) error {
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(l.Grace, stop) })()
	r := &reign{
		Leader: *l, soft: ctx,
		in: make(chan arrived), jobs: make(chan job, 1), idle: make(chan *engine.Batch, 1),
		orders: make(chan order, 4), gather: newGather(l.Wire.Post, l.Metrics.Gathering),
	}
	if r.PartBytes == 0 {
		r.PartBytes = tradesv1.MaxMessage
	}
	r.applied.Store(st.Engine.LastInSeq())
	var err error
	r.reconnects = l.Bus.Reconnects()
	if r.start, err = l.Bus.Stream(ctx, ordersv1.Stream); err != nil {
		return err
	}
	// A standby may have been warm while ORDERS was cut and filled anew.
	if err := recovery.Held(ctx, recovery.OnBus(l.Bus), r.start.Created, st.Last); err != nil {
		return err
	}
	if r.target, err = l.lastPack(ctx); err != nil {
		return err
	}
	r.told.Store(time.Now().UnixMilli())
	stopGathering, err := l.Wire.Gather(ctx, r.gather.take)
	if err != nil {
		return err
	}
	defer stopGathering()
	l.Metrics.Leader.Set(1)
	defer l.Metrics.Leader.Set(0)
	g, work := errgroup.WithContext(hard)
	g.Go(func() error { return r.read(work) })
	g.Go(func() error { return r.apply(work, st) })
	g.Go(func() error { return r.publish(work, st.Tail, st.TailDigest) })
	g.Go(func() error { return r.command(work) })
	g.Go(func() error { return r.watch(work, lost) })
	return g.Wait()
}

// lastPack is the sequence of the venue's newest message in ORDERS.
func (l *Leader) lastPack(ctx context.Context) (uint64, error) {
	last := uint64(0)
	for _, from := range []string{ordersv1.FromAPI, ordersv1.FromFunds, ordersv1.FromAdmin, ordersv1.FromTick} {
		m, err := l.Bus.Last(ctx, ordersv1.Stream, ordersv1.Subject(l.Venue, from))
		if err != nil {
			return 0, err
		}
		if m != nil {
			last = max(last, m.Seq)
		}
	}
	return last, nil
}

// arrived is what came out of ORDERS at once, and when.
type arrived struct {
	msgs []bus.Message
	at   time.Time
}

// read hands the packs of ORDERS on until the reign ends.
func (r *reign) read(work context.Context) error {
	ctx, cancel := context.WithCancel(work)
	defer cancel()
	defer context.AfterFunc(r.soft, cancel)()
	f := r.Bus.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects(r.Venue)}, r.applied.Load()+1)
	defer f.Close()
	for {
		msgs, err := f.Next(ctx, readBytes)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading ORDERS: %w", err)
		}
		select {
		case r.in <- arrived{msgs, time.Now()}:
		case <-ctx.Done():
			return nil
		}
	}
}

// watch ends the reign when the lease is gone, or when ORDERS no longer holds
// what was applied.
func (r *reign) watch(work context.Context, lost <-chan struct{}) error {
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	for {
		select {
		case <-work.Done():
			return nil
		case <-r.soft.Done():
			return nil
		case <-lost:
			return ErrLeaseLost
		case <-tick.C:
		}
		if held, err := r.Bus.Held(work, standby.Presence(r.Venue)); err == nil {
			r.relieved.Store(held)
		}
		if err := r.ask(work, recovery.OnBus(r.Bus)); err != nil {
			return err
		}
	}
}
