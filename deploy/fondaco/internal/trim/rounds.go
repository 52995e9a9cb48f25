package trim

import (
	"context"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// When a round is due: after a time, or when the streams have grown by so much
// since the last one. They are looked at more often.
const (
	Every   = time.Hour
	growth  = 1 << 30 // bytes of ORDERS and TRADES together
	lookAt  = time.Minute
	patient = 10 * time.Minute // a round takes at most
)

// Rounds trims a venue from time to time. Each round purges below the bounds of
// the round before: whoever began to read from the oldest snapshot, such as a
// slow start or `fondaco book verify`, has the time of a round to get on.
type Rounds struct {
	Bus   *bus.Bus
	DB    Database
	Venue string
	Log   *zap.Logger

	before *Bounds
	at     time.Time // of the last round
	size   uint64    // of the streams then, after it
}

// Run makes rounds until ctx ends. One that fails or is refused is tried again
// with the next; it is no reason to end the house.
func (r *Rounds) Run(ctx context.Context) error {
	tick := time.NewTicker(lookAt)
	defer tick.Stop()
	for {
		if r.due(ctx, time.Now()) {
			if err := r.Round(ctx); err != nil && ctx.Err() == nil {
				r.Log.Info("streams are not trimmed", zap.String("venue", r.Venue), zap.Error(err))
			}
			r.at, r.size = time.Now(), r.bytes(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// due says whether it is time. The first look only takes the measure: a venue
// that just starts has nothing confirmed.
func (r *Rounds) due(ctx context.Context, now time.Time) bool {
	if r.at.IsZero() {
		r.at, r.size = now, r.bytes(ctx)
		return false
	}
	return now.Sub(r.at) >= Every || r.bytes(ctx) >= r.size+growth
}

func (r *Rounds) bytes(ctx context.Context) (sum uint64) {
	for _, name := range []string{ordersv1.Stream, tradesv1.Stream} {
		if s, err := r.Bus.JetStream().Stream(ctx, name); err == nil {
			sum += s.CachedInfo().State.Bytes
		}
	}
	return sum
}

// Round purges below the bounds of the round before and computes the next.
func (r *Rounds) Round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	next, err := Find(ctx, r.Bus, r.DB, r.Venue)
	if err != nil {
		// What the last round relied on may be gone.
		r.before = nil
		return err
	}
	before := r.before
	r.before = &next
	if before == nil {
		return nil
	}
	// A bus or a database that was restored from a copy may stand further back.
	to := next
	to.Orders, to.Trades = min(before.Orders, next.Orders), min(before.Trades, next.Trades)
	done, err := to.Purge(ctx, r.Bus, false)
	if err != nil {
		return err
	}
	purged := uint64(0)
	for _, t := range done {
		purged += t.Purged
	}
	if purged > 0 {
		r.Log.Info("streams trimmed", zap.String("venue", r.Venue), zap.Uint64("messages", purged), zap.Uint64("orders_below", to.Orders),
			zap.Uint64("trades_below", to.Trades))
	}
	return nil
}
