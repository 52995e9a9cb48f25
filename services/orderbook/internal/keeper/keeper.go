// Package keeper stores snapshots in the background and has them confirmed: a
// snapshot counts for the trimming of streams only when a second engine, that
// began with the snapshot before it and was given the packs between the two,
// has come to the same state.
package keeper

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/hugepage"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Save is a state whose events are all in TRADES.
type Save struct {
	// Engine is nobody else's.
	Engine *engine.Engine
	// Digest is the one that TRADES has of it, and TradesSeq where.
	Digest    [32]byte
	TradesSeq uint64
	// Compared: the engine is a second one, whose every output was found equal to
	// the published one. Then loading the snapshot is all that is left to do.
	Compared bool
	// Hasty: do not confirm it, the process is about to end.
	Hasty bool
}

// Keeper stores one venue's snapshots, one at a time.
type Keeper struct {
	Source  *recovery.Source
	Metrics *metric.Metrics
	Log     *zap.Logger
	// Confirm is the least time between two confirmations that replay packs: they
	// cost as much as the packs did, at a quarter of one processor.
	Confirm time.Duration

	offers    chan Save
	busy      atomic.Bool
	confirmed time.Time
}

// New makes a keeper; Run does its work.
func New(source *recovery.Source, m *metric.Metrics, confirm time.Duration, log *zap.Logger) *Keeper {
	return &Keeper{Source: source, Metrics: m, Log: log, Confirm: confirm, offers: make(chan Save, 1)}
}

// Free reports that an offer would be taken.
func (k *Keeper) Free() bool { return !k.busy.Load() }

// Offer has a state stored. It never blocks; false when one is under way.
func (k *Keeper) Offer(s Save) bool {
	if !k.busy.CompareAndSwap(false, true) {
		return false
	}
	k.offers <- s // never blocks: busy was false
	return true
}

// Close lets Run end after what was offered.
func (k *Keeper) Close() { close(k.offers) }

// Run stores what is offered until Close, or until ctx ends. A snapshot that
// cannot be stored or confirmed is only a longer replay.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		select {
		case s, more := <-k.offers:
			if !more {
				return nil
			}
			if err := k.Keep(ctx, s); err != nil && ctx.Err() == nil {
				k.Metrics.SnapshotErrs.Inc()
				k.Log.Error("snapshot was not stored or not confirmed", zap.Uint64("in_seq", s.Engine.LastInSeq()), zap.Error(err))
			}
			k.busy.Store(false)
		case <-ctx.Done():
			return nil
		}
	}
}

// Keep stores one state and has it confirmed, in the caller's goroutine: Run's
// work on one offer.
func (k *Keeper) Keep(ctx context.Context, s Save) error {
	if got := s.Engine.Digest(); got != s.Digest {
		return fmt.Errorf("the state has digest %x, TRADES says %x", got[:8], s.Digest[:8])
	}
	data := s.Engine.AppendSnapshot(nil)
	inSeq := s.Engine.LastInSeq()
	s.Engine = nil
	refs, err := k.Source.Store.List(ctx)
	if err != nil {
		return err
	}
	ref, err := k.Source.Store.Save(ctx, inSeq, data)
	if err != nil {
		return err
	}
	k.Metrics.Snapshots.Inc()
	k.Metrics.SnapshotSize.Set(float64(len(data)))
	k.Log.Debug("snapshot stored", zap.String("snapshot", ref.Name), zap.Int("bytes", len(data)))
	if ref.Verified || s.Hasty || !s.Compared && !k.confirmed.IsZero() && time.Since(k.confirmed) < k.Confirm {
		return nil
	}
	if err := k.confirm(ctx, ref, refs, &s); err != nil {
		return fmt.Errorf("confirming snapshot %s: %w", ref.Name, err)
	}
	k.confirmed = time.Now()
	k.Metrics.Confirmed.Set(float64(inSeq))
	return k.Source.Store.Verify(ctx, ref, s.TradesSeq)
}

// confirm loads the stored snapshot and, unless its engine was a second one
// already, replays the packs since the newest confirmed one before it.
func (k *Keeper) confirm(ctx context.Context, ref snapshot.Ref, before []snapshot.Ref, s *Save) error {
	loaded, err := k.Source.Load(ctx, ref)
	if err != nil {
		return err
	}
	if got := loaded.Digest(); got != s.Digest {
		return fmt.Errorf("loaded again it has digest %x, TRADES says %x", got[:8], s.Digest[:8])
	}
	if s.Compared {
		return nil
	}
	second, err := k.base(ctx, ref, before)
	if err != nil {
		return err
	}
	if err := k.Source.Replay(ctx, second, ref.InSeq, pace); err != nil {
		return err
	}
	if got := second.Digest(); got != s.Digest {
		return fmt.Errorf("%w: a replay up to pack %d has digest %x, TRADES says %x", recovery.ErrDiverged, ref.InSeq, got[:8], s.Digest[:8])
	}
	return nil
}

// base is the engine that a confirmation begins with: the newest confirmed
// snapshot, or an empty one when the packs are all there.
func (k *Keeper) base(ctx context.Context, ref snapshot.Ref, before []snapshot.Ref) (*engine.Engine, error) {
	for _, r := range before {
		if r.Verified && r.InSeq < ref.InSeq {
			return k.Source.Load(ctx, r)
		}
	}
	orders, err := k.Source.Bus.Stream(ctx, ordersv1.Stream)
	if err != nil {
		return nil, err
	}
	if orders.FirstSeq > 1 {
		// A rebuilt venue: its first snapshot is the word of a human.
		for _, r := range before {
			if r.InSeq < ref.InSeq && r.InSeq+1 >= orders.FirstSeq {
				return k.Source.Load(ctx, r)
			}
		}
		return nil, fmt.Errorf("ORDERS begins at %d and there is no snapshot before %d", orders.FirstSeq, ref.InSeq)
	}
	return engine.New(hugepage.Options()), nil
}

// pace leaves the processor to those who serve: three times as long as the last
// stretch of replay took.
func pace(ctx context.Context, took time.Duration) error {
	select {
	case <-time.After(3 * took):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
