// Package gateway puts commands into ORDERS and brings back the engine's
// answers.
//
// A gateway is one process's random id. Its packs are numbered densely and
// published strictly in order, one at a time: while one is on its way the next
// fills with whatever arrives, and with nothing on its way a command leaves at
// once. A pack of unknown outcome is sent again, byte for byte, before the
// next one; the engine skips numbers that it has seen.
//
// The engine's answer says that the pack is stored, so while answers come soon
// the server is asked for no ack of its own: it would wake this process, and
// the server, once more for each pack. A pack whose answer is late is sent
// again, with an ack.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
)

// Bounds.
const (
	maxWaiting = 20000           // commands not yet in a pack; beyond it ErrNotSent
	answerWait = 5 * time.Second // the engine refuses older commands as stale
	// margin keeps a serialized pack below ordersv1.MaxPack: room for the pack's
	// own fields.
	margin = 512
)

// Gateway is safe for concurrent use.
type Gateway struct {
	id     string
	venue  string
	log    *zap.Logger
	status *admin.Status
	wait   time.Duration
	// stored is told the account of each batch once its pack is in ORDERS.
	stored func(account, inSeq uint64)

	packs, commands, late prometheus.Counter
	seconds               prometheus.Histogram
	stages                stages

	mu      sync.Mutex
	up      bool
	closed  string   // why no new orders are taken in; "" = they are
	waiting []*Batch // from head on
	head    int
	queued  int              // commands in waiting
	open    map[uint64]*pack // by pack_no
	oldest  uint64           // lowest pack_no that may be in open
	packNo  uint64
	wake    chan struct{}

	heard chan struct{} // buffered: an answer came
	upTo  atomic.Uint64 // highest pack_no that was answered
	soon  atomic.Bool   // the last answer came within answerSoon
	// gather: the last answer said that packs are better sent to the leader, who
	// stores those of several gateways as one message.
	gather atomic.Bool

	buf   []byte    // of the pack under way; the publisher's alone
	apart time.Time // until then packs are not sent to be gathered; likewise
}

// pack is what was sealed together.
type pack struct {
	batches  []*Batch
	accounts []uint64 // whose they are
	ids      []string // of requests
	traces   []string
	count    int
	sealed   time.Time
	until    time.Time // afterwards its batches are told that nothing is known
}

// New makes a gateway that takes commands once Run has a bus.
func New(venue string, stored func(account, inSeq uint64), adm *admin.Server, log *zap.Logger) *Gateway {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, by its own documentation
	g := &Gateway{id: hex.EncodeToString(id[:]), venue: venue, status: adm.Status("gateway"), wait: answerWait, stored: stored,
		open: map[uint64]*pack{}, oldest: 1, wake: make(chan struct{}, 1), heard: make(chan struct{}, 1),
		packs:    prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_packs_total", Help: "Packs stored in ORDERS."}),
		commands: prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_commands_total", Help: "Commands in those packs."}),
		late:     prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_unanswered_total", Help: "Commands whose answer did not come in time."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fondaco_api_gateway_answer_seconds", Help: "From a batch's arrival to its answer.",
			Buckets: secondsBuckets}),
		stages: newStages(adm.Registry()),
	}
	g.log = log.With(zlog.Session(g.id))
	adm.Registry().MustRegister(g.packs, g.commands, g.late, g.seconds)
	return g
}

// ID of this process's gateway.
func (g *Gateway) ID() string { return g.id }

// Send takes a batch. Without an error its Done is called once, by another
// goroutine; with one it is not, and nothing was sent.
func (g *Gateway) Send(b *Batch) error {
	if len(b.Data) > ordersv1.MaxPack-margin || b.Count == 0 || b.Count > ordersv1.MaxCommands {
		return fmt.Errorf("a batch of %d commands and %d bytes: %w", b.Count, len(b.Data), ErrNotSent)
	}
	b.began, b.sealed, b.Err = time.Now(), false, nil
	g.mu.Lock()
	switch {
	case g.closed != "" && b.New:
		g.mu.Unlock()
		return ErrClosed
	case !g.up || g.queued+b.Count > maxWaiting:
		g.mu.Unlock()
		return ErrNotSent
	}
	g.waiting = append(g.waiting, b)
	g.queued += b.Count
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	return nil
}

// Do sends a batch and waits for the engine's answer, at most five seconds.
// After ErrUnknown or ctx's end the batch may still be written to: it is not
// used again.
func (g *Gateway) Do(ctx context.Context, b *Batch) error {
	if b.answered == nil {
		b.answered = make(chan struct{}, 1)
	}
	b.Done = wakeCaller
	if err := g.Send(b); err != nil {
		return err
	}
	select {
	case <-b.answered:
		if b.Err == nil {
			g.stages.waking.Observe(time.Since(b.Came).Seconds())
		}
		return b.Err
	case <-ctx.Done():
		return g.giveUp(b)
	}
}

func wakeCaller(b *Batch) { b.answered <- struct{}{} }

// giveUp takes back a batch that is in no pack yet.
func (g *Gateway) giveUp(b *Batch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-b.answered:
		return b.Err
	default:
	}
	for i := g.head; i < len(g.waiting) && !b.sealed; i++ {
		if g.waiting[i] == b {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			g.queued -= b.Count
			return ErrNotSent
		}
	}
	g.late.Add(float64(b.Count))
	return ErrUnknown
}

// Run publishes until ctx ends.
func (g *Gateway) Run(ctx context.Context, b *bus.Bus) error {
	deaf, err := b.Listen(ctx, ordersv1.ReplySubject(g.id), g.reply)
	if err != nil {
		return err
	}
	defer deaf()
	g.setUp(true)
	watch, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { g.watchIntake(watch, b) })
	watching.Go(func() { g.sweep(watch) })
	defer func() {
		g.setUp(false)
		stop()
		watching.Wait()
		g.expire(time.Now().Add(time.Hour)) // nobody answers any more
	}()
	g.log.Info("gateway is up", zap.String("gateway", g.id), zap.String("venue", g.venue))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		}
		for {
			no, p := g.seal()
			if p == nil {
				break
			}
			if err := g.publish(ctx, b, no, p); err != nil {
				return err
			}
		}
	}
}

// intakeEvery is how often the house is asked whether it takes in new orders.
const intakeEvery = 2 * time.Second

// watchIntake refuses new orders, not cancels, while the house takes nothing in.
func (g *Gateway) watchIntake(ctx context.Context, b *bus.Bus) {
	tick := time.NewTicker(intakeEvery)
	defer tick.Stop()
	for {
		if closed, err := b.Intake(ctx); err == nil {
			g.mu.Lock()
			changed := g.closed != closed
			g.closed = closed
			g.mu.Unlock()
			switch {
			case changed && closed != "":
				g.log.Warn("no new orders are taken in", zap.String("reason", closed))
				g.status.Set(errors.New(closed))
			case changed:
				g.log.Info("new orders are taken in again")
				g.status.Set(nil)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *Gateway) setUp(up bool) {
	g.mu.Lock()
	g.up = up
	g.mu.Unlock()
	if up {
		g.status.Set(nil)
	} else {
		g.status.Set(errors.New("stopped"))
	}
}

// seal takes what waits for the next pack; nil when nothing does.
func (g *Gateway) seal() (uint64, *pack) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, size := &pack{}, margin
	from := g.head
	for g.head < len(g.waiting) {
		b := g.waiting[g.head]
		if p.count+b.Count > ordersv1.MaxCommands || size+len(b.Data) > ordersv1.MaxPack {
			break
		}
		b.sealed = true
		size += len(b.Data)
		p.count += b.Count
		g.head++
	}
	if p.count == 0 {
		return 0, nil
	}
	p.batches = append(p.batches, g.waiting[from:g.head]...)
	g.queued -= p.count
	if clear(g.waiting[from:g.head]); g.head == len(g.waiting) {
		g.waiting, g.head = g.waiting[:0], 0
	} else if g.head > 1024 {
		n := copy(g.waiting, g.waiting[g.head:])
		clear(g.waiting[n:])
		g.waiting, g.head = g.waiting[:n], 0
	}
	p.sealed, p.until = time.Now(), p.batches[0].began.Add(g.wait)
	p.note()
	g.packNo++
	g.open[g.packNo] = p
	// Encoded here: the sweeper may tell a batch's owner that nothing is known,
	// who then owns its bytes again.
	g.buf = command.AppendHead(g.buf[:0], g.id, g.packNo, p.sealed.UnixMilli())
	for _, b := range p.batches {
		g.buf = append(g.buf, b.Data...)
	}
	return g.packNo, p
}
