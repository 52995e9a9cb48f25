package limit

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// probeEvery is how often Redis is looked for while it is gone.
const probeEvery = 250 * time.Millisecond

// State of Redis.
const (
	there   = iota
	waiting // gone, and the grace is not over
	lost
)

func (l *Limiter) lost(now time.Time) int {
	l.health.RLock()
	defer l.health.RUnlock()
	switch {
	case l.gone.IsZero():
		return there
	case now.Sub(l.gone) < l.grace:
		return waiting
	}
	return lost
}

// Run asks Redis for leases, hears of resets, and forgets clients, until ctx
// ends.
func (l *Limiter) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	if l.ledger == nil {
		for {
			select {
			case <-ctx.Done():
				return nil
			case now := <-sweep.C:
				l.sweep(now)
			}
		}
	}
	resets := l.ledger.redis.Subscribe(ctx, resetChannel)
	defer func() { _ = resets.Close() }()
	told := resets.Channel()
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	defer func() { l.failed(nil, drain(l.asks, nil)) }()
	var batch []*entry
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-l.asks:
			batch = drain(l.asks, append(batch[:0], e))
			l.charge(ctx, batch)
		case now := <-probe.C:
			if l.lost(now) != there {
				l.charge(ctx, nil)
			}
		case m := <-told:
			if m != nil {
				l.forget(m.Payload)
			}
		case now := <-sweep.C:
			l.sweep(now)
		}
	}
}

// drain takes what else waits.
func drain(asks <-chan *entry, batch []*entry) []*entry {
	for len(batch) < maxClaims {
		select {
		case e := <-asks:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// charge claims for every entry, and tells those who wait. Without entries it
// only looks whether Redis is there.
func (l *Limiter) charge(ctx context.Context, batch []*entry) {
	now := time.Now()
	claims := make([]claim, len(batch))
	for i, e := range batch {
		claims[i] = e.claim(now)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	l.trips.Inc()
	var grants []grant
	var err error
	if len(batch) == 0 {
		err = l.ledger.redis.Ping(ctx).Err()
	} else {
		grants, err = l.ledger.charge(ctx, claims)
	}
	if err != nil {
		l.failed(err, batch)
		return
	}
	l.worked()
	now = time.Now()
	for i, e := range batch {
		e.take(&claims[i], grants[i], now)
	}
}

// claim is what is asked for an entry: its debt, what those who wait need, and
// a lease that lasts about as long as two questions, so that little is lost.
func (e *entry) claim(now time.Time) claim {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settle(now)
	most := max(1, e.rate.Burst/10)
	switch since := now.Sub(e.granted); {
	case since < leaseLife/10:
		e.lease = min(2*e.lease, most)
	case since > leaseLife/2:
		e.lease = max(e.lease/2, 1)
	}
	c := claim{key: e.key, rate: e.rate, debt: max(0, -e.credit), want: e.lease + e.need}
	e.need = 0
	e.claims++
	return c
}

// take adds what was granted.
func (e *entry) take(c *claim, g grant, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.credit += c.debt + float64(g.granted)
	e.granted, e.at, e.left, e.not = now, now, g.left, time.Time{}
	if g.granted < c.want {
		// Asked again once a fourth of a lease is there.
		e.not = now.Add(max(e.rate.each(), e.rate.filling(max(1, float64(e.lease)/4)-g.left)))
	}
	e.asking = false
	close(e.answered)
}

// failed lets those who waited go on by their buckets.
func (l *Limiter) failed(err error, batch []*entry) {
	if err != nil {
		l.health.Lock()
		first := l.gone.IsZero()
		if first {
			l.gone = time.Now()
		}
		l.health.Unlock()
		if first {
			l.log.Warn("limits are not shared: Redis does not answer", zap.Duration("new_orders_end_in", l.grace), zap.Error(err))
		}
	}
	for _, e := range batch {
		e.mu.Lock()
		e.asking = false
		close(e.answered)
		e.mu.Unlock()
	}
}

func (l *Limiter) worked() {
	l.health.Lock()
	since := l.gone
	l.gone = time.Time{}
	l.health.Unlock()
	if !since.IsZero() {
		l.log.Info("limits are shared again", zap.Duration("after", time.Since(since)))
	}
}

// forget begins anew with a key that an operator reset.
func (l *Limiter) forget(key string) {
	k, err := ParseKey(key)
	if err != nil {
		return
	}
	l.mu.Lock()
	delete(l.entries, k)
	l.mu.Unlock()
}
