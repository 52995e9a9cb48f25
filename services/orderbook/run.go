package orderbook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/ask"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/leader"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
	"fondaco.dev/services/orderbook/internal/standby"
)

// Run serves the venue of the configuration until ctx ends. It waits for the
// bus and the streams, for the lease when another instance leads, and after
// every error that an operator or time can heal; /readyz says what for. Only a
// configuration that contradicts the venue ends it.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	adm := admin.New(cfg.AdminAddr, log)
	venue := run.Part{Name: "venue", Run: func(ctx context.Context) error { return serve(ctx, cfg, adm, log.Logger) }}
	return run.All(ctx, log.Logger, run.Part{Name: "admin", Run: adm.Run}, venue)
}

// service is one process's share in a venue.
type service struct {
	cfg     Config
	bus     *bus.Bus
	source  *recovery.Source
	standby *standby.Standby
	leader  *leader.Leader
	metrics *metric.Metrics
	onBus   *admin.Status
	status  *admin.Status
	log     *zap.Logger
	// refusal is why the last attempt to serve failed; it stays on /readyz while
	// the next attempt is under way. Only run and reign touch it.
	refusal error
}

func serve(ctx context.Context, cfg Config, adm *admin.Server, log *zap.Logger) error {
	onBus, onVenue := adm.Status("nats"), adm.Status("venue")
	if cfg.File == nil || cfg.File.Venue == "" {
		log.Info("the configuration names no venue: there is nothing to match")
		onBus.Set(nil)
		onVenue.Set(nil)
		<-ctx.Done()
		return nil
	}
	m := metric.New(adm.Registry(), cfg.File.Venue)
	onBus.Set(errors.New("connecting"))
	b, err := bus.Connect(ctx, cfg.Bus, log)
	if err != nil {
		return err
	}
	defer b.Close()
	onBus.Set(errors.New("waiting for the provisioner"))
	if err := b.CheckDurable(ctx); err != nil {
		return err
	}
	for _, stream := range []string{ordersv1.Stream, tradesv1.Stream} {
		onBus.Set(fmt.Errorf("waiting for stream %s", stream))
		if _, err := b.WaitStream(ctx, stream); err != nil {
			return err
		}
	}
	onBus.Set(nil)
	tracer, err := trace.Open(ctx, cfg.Trace, "orderbook", "", log)
	if err != nil {
		return err
	}
	defer tracer.Close()
	s := newService(cfg, b, m, log)
	s.leader.Trace = tracer
	s.onBus, s.status = onBus, onVenue
	desk, err := ask.Listen(ctx, b, cfg.File.Venue, s.log)
	if err != nil {
		return err
	}
	defer desk.Close()
	s.leader.Asks = desk.Asks
	// Snapshots outlive reigns, and the stop by the grace.
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, stop) })()
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		_ = s.leader.Keeper.Run(hard) // it returns none
	}()
	defer func() {
		s.leader.Keeper.Close()
		<-kept
	}()
	return s.run(ctx)
}

func newService(cfg Config, b *bus.Bus, m *metric.Metrics, log *zap.Logger) *service {
	venue := cfg.File.Venue
	s := &service{cfg: cfg, bus: b, metrics: m, log: log.With(zap.String("venue", venue))}
	s.source = &recovery.Source{Bus: recovery.OnBus(b), Store: snapshot.New(b.JetStream(), venue, cfg.SnapshotDir), Venue: venue, Log: s.log}
	keep := keeper.New(s.source, m, cfg.ConfirmEvery, s.log)
	wire := leader.NewWire(b, venue, s.log)
	s.standby = &standby.Standby{
		Options: standby.Options{Venue: venue, SnapshotPacks: cfg.SnapshotPacks, SnapshotEvery: cfg.SnapshotEvery},
		Bus:     b, Source: s.source, Wire: wire, Keeper: keep, Metrics: m, Log: s.log, Waiting: s.say,
	}
	s.leader = &leader.Leader{
		Options: leader.Options{
			Venue: venue, Assets: cfg.File.Assets, Markets: cfg.File.Markets,
			SnapshotPacks: cfg.SnapshotPacks, SnapshotEvery: cfg.SnapshotEvery, Grace: grace,
			OutputEvery: outputEvery,
		},
		Bus: b, Wire: wire, Keeper: keep, Metrics: m, Log: s.log, Ready: s.ready,
	}
	return s
}

// ready reports the state of a venue that is led.
func (s *service) ready(err error) {
	s.onBus.Set(s.bus.Ready())
	s.status.Set(err)
}

// say reports what is waited for, unless there is a refusal to show.
func (s *service) say(err error) {
	if s.refusal == nil {
		s.status.Set(err)
	}
}

// run leads whenever it can, and stands by in between.
func (s *service) run(ctx context.Context) error {
	backoff := run.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}
	for {
		began := time.Now()
		err := s.reign(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, leader.ErrConfig):
			s.status.Set(err)
			return err
		case errors.Is(err, bus.ErrFenced):
			s.metrics.Fenced.Inc()
			s.log.Warn("another leader published; standing by", zap.Error(err))
		case errors.Is(err, leader.ErrLeaseLost):
			s.log.Warn("lease lost; standing by")
		default:
			if errors.Is(err, recovery.ErrDiverged) {
				s.metrics.Diverged.Inc()
			}
			s.refusal = err
			s.log.Error("venue is not served; trying again", zap.Error(err))
		}
		s.status.Set(err)
		if time.Since(began) > time.Minute {
			backoff.Reset()
		}
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
}

// reign leads once: recovery, standing by until the lease is held, live.
func (s *service) reign(ctx context.Context) error {
	s.say(errors.New("recovering"))
	started := time.Now()
	st, err := s.source.Run(ctx)
	if err != nil {
		return fmt.Errorf("recovering: %w", err)
	}
	took := time.Since(started)
	s.metrics.RecoverTime.Set(took.Seconds())
	s.metrics.Replayed.Add(float64(st.Replayed))
	s.log.Info("recovered", zap.Uint64("snapshot", st.Snapshot), zap.Int("replayed_packs", st.Replayed), zap.Uint64("in_seq", st.Engine.LastInSeq()),
		zap.Uint64("tail", st.Tail), zap.Duration("took", took))
	st.Engine.Ready(s.cfg.ReadyOrders)
	s.say(errors.New("waiting for the lease"))
	waiting := time.AfterFunc(time.Second, func() {
		s.status.Set(fmt.Errorf("standing by: another instance holds the lease %s", standby.Lease(s.cfg.File.Venue)))
	})
	lease, err := s.standby.Wait(ctx, st)
	waiting.Stop()
	if err != nil {
		return fmt.Errorf("standing by: %w", err)
	}
	defer lease.Release()
	s.refusal = nil
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.metrics.Reigns.Inc()
	s.log.Info("leading", zap.Uint64("in_seq", st.Engine.LastInSeq()), zap.Uint64("tail", st.Tail))
	return s.leader.Run(ctx, st, lease.Done())
}
