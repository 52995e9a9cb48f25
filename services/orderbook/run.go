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
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/leader"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
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
	cfg    Config
	bus    *bus.Bus
	leader *leader.Leader
	onBus  *admin.Status
	status *admin.Status
	log    *zap.Logger
	// refusal is why the last attempt to lead failed; it stays on /readyz while
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
	s := &service{cfg: cfg, bus: b, onBus: onBus, status: onVenue, log: log.With(zap.String("venue", cfg.File.Venue))}
	s.leader = &leader.Leader{
		Options: leader.Options{
			Venue: cfg.File.Venue, Assets: cfg.File.Assets, Markets: cfg.File.Markets,
			SnapshotPacks: cfg.SnapshotPacks, SnapshotEvery: cfg.SnapshotEvery, Grace: grace,
		},
		Bus: b, Wire: leader.NewWire(b, cfg.File.Venue, s.log), Store: snapshot.New(b.JetStream(), cfg.File.Venue),
		Metrics: m, Log: s.log, Ready: s.ready,
	}
	return s.run(ctx)
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

// run leads whenever it can.
func (s *service) run(ctx context.Context) error {
	backoff := run.Backoff{Min: 200 * time.Millisecond, Max: 5 * time.Second}
	for {
		led := time.Now()
		err := s.reign(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, leader.ErrConfig):
			s.status.Set(err)
			return err
		case errors.Is(err, bus.ErrFenced):
			s.leader.Metrics.Fenced.Inc()
			s.log.Warn("another leader published; recovering anew", zap.Error(err))
		case errors.Is(err, leader.ErrLeaseLost):
			s.log.Warn("lease lost; recovering anew when it is held again")
		default:
			s.refusal = err
			s.log.Error("venue is not served; trying again", zap.Error(err))
		}
		s.status.Set(err)
		if time.Since(led) > time.Minute {
			backoff.Reset()
		}
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
}

// reign leads once: lease, recovery, live.
func (s *service) reign(ctx context.Context) error {
	venue := s.cfg.File.Venue
	s.say(errors.New("waiting for the lease"))
	waiting := time.AfterFunc(time.Second, func() {
		s.status.Set(fmt.Errorf("standing by: another instance holds the lease orderbook.%s", venue))
	})
	lease, err := s.bus.Lease(ctx, "orderbook."+venue)
	waiting.Stop()
	if err != nil {
		return err
	}
	defer lease.Release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.leader.Metrics.Reigns.Inc()
	s.say(errors.New("recovering"))
	started := time.Now()
	src := &recovery.Source{Bus: s.bus, Store: s.leader.Store, Venue: venue, Log: s.log}
	st, err := src.Run(ctx, s.leader.Wire)
	if err != nil {
		return fmt.Errorf("recovering: %w", err)
	}
	s.refusal = nil
	took := time.Since(started)
	s.leader.Metrics.RecoverTime.Set(took.Seconds())
	s.leader.Metrics.Replayed.Add(float64(st.Replayed))
	s.log.Info("recovered", zap.Uint64("snapshot", st.Snapshot), zap.Int("replayed_packs", st.Replayed), zap.Uint64("in_seq", st.Engine.LastInSeq()),
		zap.Uint64("tail", st.Tail), zap.Duration("took", took))
	return s.leader.Run(ctx, st, lease.Done())
}
