package venue

import (
	"time"

	"fondaco.dev/services/api/internal/market"
)

// A replica that nobody watches reads TRADES this often, or when somebody waits
// for what is in it: of eight replicas each woke for every output otherwise,
// which took more of the machine than the orders did.
const unwatchedRest = 50 * time.Millisecond

// askedFor is for how long a read of the projection counts as watching it.
const askedFor = time.Second

// rest is the follower's: how long what comes may wait.
func (v *Venue) rest() time.Duration {
	if v.feed.Wanted() || time.Since(time.Unix(0, v.asked.Load())) < askedFor {
		return -1
	}
	return v.pause
}

// hurry makes the projection take now what is in TRADES.
func (v *Venue) hurry() {
	if f := v.trades.Load(); f != nil {
		f.Hurry()
	}
}

// View runs fn on the projection; fn must not keep what it points to. Whoever
// reads once is likely to read again: for a second the projection follows TRADES
// closely.
func (v *Venue) View(fn func(*market.State)) error {
	now := time.Now()
	if was := v.asked.Swap(now.UnixNano()); now.Sub(time.Unix(0, was)) > askedFor {
		v.hurry()
	}
	return v.Peek(fn)
}

// Peek is View for order entry, which is not about what is new.
func (v *Venue) Peek(fn func(*market.State)) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.state == nil {
		return ErrLoading
	}
	fn(v.state)
	return nil
}
