// Package hub is the process's one place where feeds live: it keeps each
// network's feed level with Postgres by hints from Redis, and brings
// subscriptions that lag level with their feed.
package hub

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/store"
)

// repairRows is how many rows a repair reads for everybody; above it each
// subscription pages by its own since.
const repairRows = 50000

// maxPages is how many pages of replays are read at a time.
const maxPages = 4

// Reader is what the hub reads from Postgres.
type Reader interface {
	FeedRows(ctx context.Context, network string, kinds store.Kinds, after, atLeast uint64, limit int) (store.Page, error)
}

// Hub is safe for concurrent use.
type Hub struct {
	log      *zap.Logger
	reader   Reader
	redis    redis.UniversalClient // nil = no hints, only polls
	networks map[string]*chain
	order    []string
	limit    int // repairRows; less in tests
	pages    chan struct{}

	repairs, hints, dropped prometheus.Counter

	reorgs []func(network string, r *feedv1.Reverted)
	told   []func(network string, h *feedv1.Hint)

	mu      sync.Mutex
	wanted  map[string][]*chain // Redis channel -> who listens
	changed chan struct{}       // the set of channels changed
}

// New makes a hub for the networks of the config.
func New(networks []string, reader Reader, rdb redis.UniversalClient, reg prometheus.Registerer, log *zap.Logger) *Hub {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	h := &Hub{log: log, reader: reader, redis: rdb, networks: map[string]*chain{}, order: networks, limit: repairRows, pages: make(chan struct{}, maxPages),
		repairs: counter("fondaco_api_feed_repairs_total", "Gaps in the hints that were read from Postgres."),
		hints:   counter("fondaco_api_feed_hints_total", "Hints taken from Redis."),
		dropped: counter("fondaco_api_feed_hints_dropped_total", "Hints that came faster than they were taken; repaired from Postgres."),
		wanted:  map[string][]*chain{}, changed: make(chan struct{}, 1)}
	delivered := counter("fondaco_api_feed_frames_total", "Frames given to chain subscriptions.")
	for _, n := range networks {
		f := feed.New(delivered)
		h.networks[n] = newChain(n, h, f)
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_feed_members", Help: "Subscriptions that are level with a network's feed.",
			ConstLabels: prometheus.Labels{"network": n}}, func() float64 { return float64(f.Members()) }))
	}
	return h
}

// Feed of a network of the config; nil when there is no such network.
func (h *Hub) Feed(network string) *feed.Feed {
	if c := h.networks[network]; c != nil {
		return c.feed
	}
	return nil
}

// OnHint has fn called with each hint of a live partition, from the network's
// goroutine; before Run.
func (h *Hub) OnHint(fn func(network string, hint *feedv1.Hint)) { h.told = append(h.told, fn) }

// OnPoll takes the live build and the cursors; it never blocks.
func (h *Hub) OnPoll(snap *store.Snapshot) {
	for _, c := range h.networks {
		select {
		case <-c.polls: // an older one that was not looked at yet
		default:
		}
		c.polls <- snap
	}
}

// OnReorg has fn called after each one that a feed told, from the network's
// goroutine; before Run.
func (h *Hub) OnReorg(fn func(network string, r *feedv1.Reverted)) { h.reorgs = append(h.reorgs, fn) }

func (h *Hub) tellReorgs(rows []*feedv1.Row) {
	for _, row := range rows {
		if r := row.GetReverted(); r != nil {
			for _, fn := range h.reorgs {
				fn(r.GetNetwork(), r)
			}
		}
	}
}

// Run follows until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	parts := []run.Part{{Name: "positions", Run: h.positions}}
	for _, n := range h.order {
		parts = append(parts, run.Part{Name: n, Run: h.networks[n].run})
	}
	if h.redis != nil {
		parts = append(parts, run.Part{Name: "hints", Run: h.listen})
	}
	return run.All(ctx, h.log, parts...)
}

// positionEvery keeps the since of a sparse filter young.
const positionEvery = 10 * time.Second

func (h *Hub) positions(ctx context.Context) error {
	tick := time.NewTicker(positionEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, c := range h.networks {
				TellPositions(c.feed)
			}
		}
	}
}

// TellPositions gives each member of a feed its position.
func TellPositions(f *feed.Feed) {
	type key struct {
		id, channel, scope string
		held               uint64
	}
	made := map[key][]byte{}
	f.Tell(func(s *feed.Sub, epoch string, held uint64) []byte {
		if s.ID == "" {
			return nil
		}
		k := key{s.ID, s.Channel, s.Scope.Value, held}
		if made[k] == nil {
			made[k] = feed.Notice("position", s.ID, s.Channel, s.Scope, epoch, held)
		}
		return made[k]
	})
}
