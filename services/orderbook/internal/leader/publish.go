package leader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/step"
)

// job is one output on its way to TRADES.
type job struct {
	step.Output
	ids   []string
	state *engine.Engine // a copy of the state after the output, to be stored; nil = none is due
	hasty bool           // see keeper.Save
}

// publish stores outputs behind the message tail.
func (r *reign) publish(work context.Context, tail uint64, sum []byte) error {
	seen := r.reconnects
	press := step.Press{To: r.Wire, Before: func(ctx context.Context, last recovery.Last) error { return r.held(ctx, &seen, last) },
		PartBytes: r.PartBytes, Tail: tail, Sum: sum, Stored: func(bytes int) {
			r.Metrics.Parts.Inc()
			r.Metrics.OutputBytes.Add(float64(bytes))
		}}
	for j := range r.jobs {
		if j.Packs > 0 {
			started := time.Now()
			r.publishing.Store(started.UnixMilli())
			if err := press.Publish(work, &j.Output, j.ids); err != nil {
				return err
			}
			r.publishing.Store(0)
			r.took.Store(int64(time.Since(started)))
			r.Metrics.Outputs.Inc()
			r.Metrics.OutputPacks.Observe(float64(j.Packs))
			r.Metrics.PublishTime.Observe(time.Since(started).Seconds())
		}
		if j.state != nil {
			r.Keeper.Offer(keeper.Save{Engine: j.state, Digest: j.Digest, TradesSeq: press.Tail, Hasty: j.hasty})
		}
		r.idle <- j.Batch // never blocks: one batch is under way at most
	}
	return nil
}

// held looks, once the connection was made anew, whether ORDERS still holds what
// was applied: the server may have been restored from a backup. It waits for an
// answer. seen is the number of reconnects up to which that is known.
func (r *reign) held(ctx context.Context, seen *uint64, last recovery.Last) error {
	now := r.Bus.Reconnects()
	if now == *seen {
		return nil
	}
	backoff := run.Backoff{Max: time.Second}
	err := recovery.Held(ctx, recovery.OnBus(r.Bus), r.start.Created, last)
	for ; err != nil && !errors.Is(err, recovery.ErrRegressed); err = recovery.Held(ctx, recovery.OnBus(r.Bus), r.start.Created, last) {
		if backoff.Wait(ctx) != nil {
			return fmt.Errorf("looking whether ORDERS is as it was: %w", err)
		}
	}
	if err == nil {
		*seen = now
	}
	return err
}
