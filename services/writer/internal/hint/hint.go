// Package hint publishes what was committed to Redis, for live frames. Hints
// may be lost: nobody waits for them, and a receiver that misses one reads
// Postgres.
package hint

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/rds"
	feedv1 "fondaco.dev/proto/feed/v1"
)

const (
	// queueLength bounds the hints that wait; a full queue drops the newest, and
	// the next one's prev_pos tells the receiver.
	queueLength    = 256
	publishTimeout = 2 * time.Second
	heartbeatEvery = time.Second
)

// Publisher sends hints in the background.
type Publisher struct {
	client  redis.UniversalClient
	queue   chan *feedv1.Hint
	log     *zap.Logger
	dropped prometheus.Counter
	sent    prometheus.Counter
}

// New makes a publisher; Run sends.
func New(client redis.UniversalClient, r prometheus.Registerer, log *zap.Logger) *Publisher {
	p := &Publisher{client: client, queue: make(chan *feedv1.Hint, queueLength), log: log,
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "fondaco", Subsystem: "writer", Name: "hints_dropped_total",
			Help: "Hints that did not reach Redis."}),
		sent: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "fondaco", Subsystem: "writer", Name: "hints_sent_total",
			Help: "Hints published to Redis."})}
	r.MustRegister(p.dropped, p.sent)
	return p
}

// Offer takes a hint and never blocks.
func (p *Publisher) Offer(h *feedv1.Hint) {
	select {
	case p.queue <- h:
	default:
		p.dropped.Inc()
	}
}

// Run publishes what is offered until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	down := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-p.queue:
			err := p.publish(ctx, h)
			if err != nil && ctx.Err() == nil {
				p.dropped.Inc()
				if !down {
					p.log.Warn("redis takes no hints; live feeds fall back to postgres", zap.Error(err))
				}
			} else if err == nil {
				p.sent.Inc()
				if down {
					p.log.Info("redis takes hints again")
				}
			}
			down = err != nil
		}
	}
}

func (p *Publisher) publish(ctx context.Context, h *feedv1.Hint) error {
	body, err := proto.Marshal(h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return rds.Publish(ctx, p.client, feedv1.HintChannel(h.GetBuild(), h.GetPartition()), body)
}

// Heartbeat offers a hint without rows for each partition every second, so
// that a receiver notices a lost hint, and a quiet feed is told from a dead one.
func Heartbeat(ctx context.Context, p *Publisher, positions func() []*feedv1.Hint) error {
	t := time.NewTicker(heartbeatEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			for _, h := range positions() {
				p.Offer(h)
			}
		}
	}
}
