// Package maintenance closes this replica to clients while the operator says
// so of the whole house.
package maintenance

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/problem"
)

const (
	// askEvery is how late a replica may be.
	askEvery = time.Second
	// comeBack is the Retry-After of what is refused, in seconds: nobody knows
	// when a maintenance ends.
	comeBack = 30
)

// Board says whether there is maintenance. It is safe for concurrent use; a nil
// Board never has any.
type Board struct {
	log     *zap.Logger
	state   atomic.Pointer[bus.Maintenance]
	changed []func(*bus.Maintenance)
}

// New makes a board that knows of none before Run has asked.
func New(reg prometheus.Registerer, log *zap.Logger) *Board {
	b := &Board{log: log}
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_maintenance", Help: "1 while an operator has closed the house to clients."}, func() float64 {
		if b.Now() == nil {
			return 0
		}
		return 1
	}))
	return b
}

// Now is the maintenance that there is, or nil.
func (b *Board) Now() *bus.Maintenance {
	if b == nil {
		return nil
	}
	return b.state.Load()
}

// OnChange has fn called with what Now is after each change. It is to be called
// before Run.
func (b *Board) OnChange(fn func(*bus.Maintenance)) { b.changed = append(b.changed, fn) }

// Refuse is nil, or the problem of a request of the class.
func (b *Board) Refuse(class limit.Class) error {
	m := b.Now()
	if m == nil || class == limit.None || (m.Scope == bus.ScopeWrites && class != limit.Order) {
		return nil
	}
	p := problem.New(http.StatusServiceUnavailable, "maintenance", m.Message)
	p.RetryAfter = comeBack
	return p
}

// Run asks every second until ctx ends. What was last heard holds while the bus
// does not answer.
func (b *Board) Run(ctx context.Context, nats *bus.Bus) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		if m, err := nats.Maintenance(ctx); err == nil {
			b.Set(m)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Set takes what was heard; Run calls it.
func (b *Board) Set(m *bus.Maintenance) {
	was := b.state.Swap(m)
	switch {
	case was == nil && m == nil, was != nil && m != nil && was.Scope == m.Scope && was.Message == m.Message && was.Since.Equal(m.Since):
		return
	case m != nil:
		b.log.Warn("maintenance", zap.String("scope", m.Scope), zap.String("message", m.Message), zap.Time("since", m.Since))
	default:
		b.log.Info("maintenance is over", zap.Duration("after", time.Since(was.Since)))
	}
	for _, fn := range b.changed {
		fn(m)
	}
}
