// Package gateway puts commands into ORDERS and brings back the engine's
// answers.
//
// A gateway is one process's random id. Its packs are numbered densely and
// published strictly in order, one at a time: while one is on its way the next
// fills with whatever arrives, and with nothing on its way a command leaves at
// once. A pack of unknown outcome is sent again, byte for byte, before the
// next one; the engine skips numbers that it has seen.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

var (
	// ErrNotSent: the command certainly did not leave; trying again is safe.
	ErrNotSent = errors.New("the command was not sent")
	// ErrClosed: the house takes in no new orders for now; nothing was sent.
	ErrClosed = errors.New("no new orders are taken in")
	// ErrUnknown: the command left and its answer did not come in time.
	ErrUnknown = errors.New("the command's outcome is not known yet")
)

// Bounds.
const (
	maxWaiting = 20000           // commands not yet in a pack; beyond it ErrNotSent
	maxOpen    = 4096            // packs without an answer that are remembered
	answerWait = 5 * time.Second // the engine refuses older commands as stale
	// margin keeps a serialized pack below ordersv1.MaxPack: room for the pack's
	// own fields.
	margin = 512
)

// Answer is what the engine said about one command.
type Answer struct {
	Outcome *ordersv1.Outcome
	InSeq   uint64 // of the pack in ORDERS
}

// Gateway is safe for concurrent use.
type Gateway struct {
	id     string
	venue  string
	log    *zap.Logger
	status *admin.Status
	wait   time.Duration
	// stored is told the account of each command once its pack is in ORDERS.
	stored func(account, inSeq uint64)

	packs, commands, late prometheus.Counter
	seconds               prometheus.Histogram

	mu      sync.Mutex
	up      bool
	closed  string // why no new orders are taken in; "" = they are
	waiting []*call
	open    map[uint64][]*call // pack_no -> its commands
	oldest  uint64             // lowest pack_no that may be in open
	packNo  uint64
	wake    chan struct{}
}

// call is one command on its way.
type call struct {
	cmd     *ordersv1.Command
	account uint64
	size    int
	sealed  bool
	done    chan Answer // buffered
}

// New makes a gateway that takes commands once Run has a bus.
func New(venue string, stored func(account, inSeq uint64), adm *admin.Server, log *zap.Logger) *Gateway {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, by its own documentation
	g := &Gateway{id: hex.EncodeToString(id[:]), venue: venue, status: adm.Status("gateway"), wait: answerWait, stored: stored,
		open: map[uint64][]*call{}, oldest: 1, wake: make(chan struct{}, 1),
		packs:    prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_packs_total", Help: "Packs stored in ORDERS."}),
		commands: prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_commands_total", Help: "Commands in those packs."}),
		late:     prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_gateway_unanswered_total", Help: "Commands whose answer did not come in time."}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fondaco_api_gateway_answer_seconds", Help: "From a command's arrival to its answer.",
			Buckets: []float64{.0005, .001, .002, .003, .005, .01, .02, .05, .1, .25, 1, 5}}),
	}
	g.log = log.With(zlog.Session(g.id))
	adm.Registry().MustRegister(g.packs, g.commands, g.late, g.seconds)
	return g
}

// ID of this process's gateway.
func (g *Gateway) ID() string { return g.id }

// Do sends a command and waits for the engine's answer, at most five seconds.
func (g *Gateway) Do(ctx context.Context, cmd *ordersv1.Command, account uint64) (Answer, error) {
	began := time.Now()
	c := &call{cmd: cmd, account: account, size: proto.Size(cmd) + 8, done: make(chan Answer, 1)}
	if c.size > ordersv1.MaxPack-margin {
		return Answer{}, fmt.Errorf("a command of %d bytes: %w", c.size, ErrNotSent)
	}
	g.mu.Lock()
	if g.closed != "" && cmd.GetNewOrder() != nil {
		g.mu.Unlock()
		return Answer{}, ErrClosed
	}
	if !g.up || len(g.waiting) >= maxWaiting {
		g.mu.Unlock()
		return Answer{}, ErrNotSent
	}
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case a := <-c.done:
		g.seconds.Observe(time.Since(began).Seconds())
		return a, nil
	case <-timer.C:
	case <-ctx.Done():
	}
	return g.giveUp(c)
}

// giveUp takes back a command that is in no pack yet.
func (g *Gateway) giveUp(c *call) (Answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.sealed {
		select {
		case a := <-c.done:
			return a, nil
		default:
		}
		g.late.Inc()
		return Answer{}, ErrUnknown
	}
	for i, w := range g.waiting {
		if w == c {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			break
		}
	}
	return Answer{}, ErrNotSent
}

// Run publishes until ctx ends.
func (g *Gateway) Run(ctx context.Context, b *bus.Bus) error {
	sub, err := b.Conn().Subscribe(ordersv1.ReplySubject(g.id), g.reply)
	if err != nil {
		return fmt.Errorf("subscribing to answers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := b.Conn().FlushWithContext(ctx); err != nil {
		g.log.Debug("flushing the subscription", zap.Error(err))
	}
	g.setUp(true)
	defer g.setUp(false)
	watch, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { g.watchIntake(watch, b) })
	defer watching.Wait()
	defer stop()
	g.log.Info("gateway is up", zap.String("gateway", g.id), zap.String("venue", g.venue))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.wake:
		}
		for {
			pack, calls := g.seal()
			if pack == nil {
				break
			}
			if err := g.publish(ctx, b, pack, calls); err != nil {
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

// seal makes the next pack of what waits; nil when nothing does.
func (g *Gateway) seal() (*ordersv1.Pack, []*call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, size := 0, margin
	for n < len(g.waiting) && n < ordersv1.MaxCommands && size+g.waiting[n].size <= ordersv1.MaxPack {
		size += g.waiting[n].size
		n++
	}
	if n == 0 {
		return nil, nil
	}
	calls := append([]*call(nil), g.waiting[:n]...)
	g.waiting = append(g.waiting[:0], g.waiting[n:]...)
	g.packNo++
	pack := &ordersv1.Pack{Gateway: g.id, PackNo: g.packNo, SentAtMs: time.Now().UnixMilli(), Commands: make([]*ordersv1.Command, n)}
	for i, c := range calls {
		c.sealed = true
		pack.Commands[i] = c.cmd
	}
	g.open[g.packNo] = calls
	for len(g.open) > maxOpen {
		delete(g.open, g.oldest)
		g.oldest++
	}
	return pack, calls
}

func (g *Gateway) publish(ctx context.Context, b *bus.Bus, pack *ordersv1.Pack, calls []*call) error {
	data, err := proto.Marshal(pack)
	if err != nil {
		return fmt.Errorf("encoding pack %d: %w", pack.GetPackNo(), err)
	}
	ids := make([]string, 0, min(len(calls), bus.MaxRequestIDs))
	for _, c := range calls[:min(len(calls), bus.MaxRequestIDs)] {
		ids = append(ids, c.cmd.GetRequestId())
	}
	h := nats.Header{}
	h.Set(bus.HeaderRequestID, strings.Join(ids, ","))
	seq, err := b.PublishOnce(ctx, ordersv1.Subject(g.venue, ordersv1.FromAPI), ordersv1.MsgID(g.id, pack.GetPackNo()), data, h)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("publishing pack %d: %w", pack.GetPackNo(), err)
	}
	for _, c := range calls {
		g.stored(c.account, seq)
	}
	g.packs.Inc()
	g.commands.Add(float64(len(calls)))
	g.log.Debug("pack stored", zap.Uint64("pack_no", pack.GetPackNo()), zap.Uint64("seq", seq), zap.Int("commands", len(calls)), zap.Strings("request_ids", ids))
	return nil
}

// reply hands an answer to those who wait. Answers may come before the ack of
// the publish, and twice.
func (g *Gateway) reply(m *nats.Msg) {
	if kind := m.Header.Get("Fondaco-Reply"); kind != "" && kind != "orders" {
		return
	}
	r := &ordersv1.PackReply{}
	if err := proto.Unmarshal(m.Data, r); err != nil {
		g.log.Warn("an answer could not be read", zap.Error(err))
		return
	}
	g.mu.Lock()
	calls := g.open[r.GetPackNo()]
	delete(g.open, r.GetPackNo())
	g.mu.Unlock()
	if calls == nil {
		return
	}
	if len(r.GetOutcomes()) != len(calls) {
		g.log.Error("an answer has another number of outcomes than its pack has commands", zap.Uint64("pack_no", r.GetPackNo()),
			zap.Int("outcomes", len(r.GetOutcomes())), zap.Int("commands", len(calls)))
		return
	}
	for i, c := range calls {
		// Before the caller hears of it, and perhaps before the publish's ack.
		g.stored(c.account, r.GetInSeq())
		c.done <- Answer{Outcome: r.GetOutcomes()[i], InSeq: r.GetInSeq()}
	}
}
