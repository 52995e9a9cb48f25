package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/zlog"
	chainv1 "fondaco.dev/proto/chain/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Run follows every network of the configuration until ctx ends, and returns
// nil after a clean stop. With Config.Once it does that and returns. It waits for what it needs: the server, the stream,
// the nodes; /readyz says for what.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	adm := admin.New(cfg.AdminAddr, log)
	s := &service{
		cfg: cfg, log: log.Logger, metrics: newMetrics(adm.Registry()),
		nats: adm.Status("nats"), stream: adm.Status("stream"),
	}
	if cfg.Once != nil {
		return s.once(ctx, cfg.Once)
	}
	for i := range cfg.File.Networks {
		n := &cfg.File.Networks[i]
		s.networks = append(s.networks, newNetwork(s, n, adm.Status("network "+n.Name)))
	}
	return run.All(ctx, log.Logger, run.Part{Name: "admin", Run: adm.Run}, run.Part{Name: "networks", Run: s.run})
}

// service is what all networks share.
type service struct {
	cfg      Config
	log      *zap.Logger
	metrics  *metrics
	nats     *admin.Status
	stream   *admin.Status
	networks []*network

	bus *bus.Bus
	// full is set while the stream's disk budget is nearly used up, or the house
	// takes nothing in: nothing is published then.
	full   atomic.Bool
	orders orders
}

func (s *service) run(ctx context.Context) error {
	s.nats.Set(fmt.Errorf("waiting for the server"))
	b, err := bus.Connect(ctx, s.cfg.Bus, s.log)
	if err != nil {
		return err
	}
	defer b.Close()
	s.bus = b
	s.nats.Set(nil)
	s.stream.Set(fmt.Errorf("waiting for stream %s to be provisioned", chainv1.Stream))
	if err := b.CheckDurable(ctx); err != nil {
		return err
	}
	if _, err := b.WaitStream(ctx, chainv1.Stream); err != nil {
		return err
	}
	s.stream.Set(nil)
	parts := []run.Part{{Name: "watch", Run: s.watch}, {Name: "orders", Run: s.watchOrders}}
	for _, n := range s.networks {
		parts = append(parts,
			run.Part{Name: "network " + n.cfg.Name, Run: n.run},
			run.Part{Name: "status " + n.cfg.Name, Run: n.report},
			run.Part{Name: "endpoints " + n.cfg.Name, Run: n.endpoints})
	}
	return run.All(ctx, s.log, parts...)
}

const (
	watchEvery = 2 * time.Second
	// fullAt is the share of the stream's byte limit at which publishing pauses.
	fullAt = 0.85
)

// watch looks after the connection and the stream's disk budget.
func (s *service) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		err := s.bus.Ready()
		s.nats.Set(err)
		if err == nil {
			s.stream.Set(s.budget(ctx))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ordersEvery is how often the order stream is looked at: so long a backfill may
// run on at full speed beside it.
const ordersEvery = 500 * time.Millisecond

// watchOrders notes when the order stream last grew, from the first look on:
// a backfill that needed two to see orders took the machine from them for
// seconds. Where it cannot be asked, nothing yields.
func (s *service) watchOrders(ctx context.Context) error {
	tick := time.NewTicker(ordersEvery)
	defer tick.Stop()
	for {
		if st, err := s.bus.Stream(ctx, ordersv1.Stream); err == nil && st.LastSeq > 0 {
			s.orders.look(time.Now(), st.LastSeq, st.Idle)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// budget compares the stream's size with its limit, and asks whether the house
// takes anything in.
func (s *service) budget(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	stream, err := s.bus.JetStream().Stream(ctx, chainv1.Stream)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("asking for stream %s: %w", chainv1.Stream, err)
	}
	info := stream.CachedInfo()
	limit := info.Config.MaxBytes
	full := limit > 0 && float64(info.State.Bytes) >= fullAt*float64(limit)
	closed, err := s.bus.Intake(ctx)
	if err != nil {
		return err
	}
	s.metrics.streamBytes.Set(float64(info.State.Bytes))
	paused := full || closed != ""
	if s.full.Swap(paused) != paused {
		s.log.Warn("disk budget of the stream", zap.Bool("paused", paused), zap.Uint64("bytes", info.State.Bytes), zap.Int64("limit", limit), zap.String("intake", closed))
	}
	switch {
	case closed != "":
		return fmt.Errorf("publishing pauses: %s", closed)
	case full:
		return fmt.Errorf("stream %s holds %d of at most %d bytes: publishing pauses until its budget grows", chainv1.Stream, info.State.Bytes, limit)
	}
	return nil
}
