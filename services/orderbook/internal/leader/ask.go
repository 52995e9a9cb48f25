package leader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/services/orderbook/internal/recovery"
)

// ordersSilent is for how long ORDERS may not tell its state before /readyz says
// so: three asks.
const ordersSilent = 3 * streamEvery

// ask looks whether ORDERS still holds what was applied: recovery.ErrRegressed
// when not. That it cannot be asked is no error, since nothing is known to be
// wrong, but is kept for readiness.
func (r *reign) ask(ctx context.Context, s recovery.Streams) error {
	err := recovery.Held(ctx, s, r.start.Created, recovery.Last{Seq: r.applied.Load()})
	if err == nil {
		r.told.Store(time.Now().UnixMilli())
		return nil
	}
	if errors.Is(err, recovery.ErrRegressed) {
		return err
	}
	r.Log.Debug("ORDERS does not tell its state", zap.Error(err))
	return nil
}

// silent says that ORDERS could not be asked for long: packs that were applied
// may be gone from it and nobody would know. nil when it told its state lately.
func (r *reign) silent() error {
	told := time.UnixMilli(r.told.Load())
	if time.Since(told) <= ordersSilent {
		return nil
	}
	return fmt.Errorf("ORDERS has not told its state since %s: whether it still holds what was applied is not known", told.UTC().Format(time.RFC3339))
}
