package eventhandler

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/proto/topology"
)

// endpointed is a source that knows how its endpoints are doing.
type endpointed interface {
	Status() []topology.EndpointStatus
}

const (
	endpointsEvery  = time.Second     // looks
	endpointsRepeat = 5 * time.Second // writes of an unchanged one
)

// endpoints keeps the gauges of the endpoints current, and what the status
// bucket says of them.
func (n *network) endpoints(ctx context.Context) error {
	tick := time.NewTicker(endpointsEvery)
	defer tick.Stop()
	var last []topology.EndpointStatus
	var written time.Time
	var kv jetstream.KeyValue
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n.health.mu.Lock()
		src, ok := n.health.src.(endpointed)
		n.health.mu.Unlock()
		if !ok {
			continue
		}
		now := src.Status()
		n.gauges(now)
		if slices.EqualFunc(now, last, same) && time.Since(written) < endpointsRepeat {
			continue
		}
		last, written = now, time.Now()
		status := topology.EndpointsStatus{At: written.UnixMilli(), Endpoints: now}
		if err := n.write(ctx, &kv, topology.EndpointsKey(n.cfg.Name), status); err != nil && ctx.Err() == nil {
			n.log.Debug("status of the endpoints not written", zap.Error(err))
		}
	}
}

// same: what an operator would look at again.
func same(a, b topology.EndpointStatus) bool {
	return a.State == b.State && a.Current == b.Current && a.Error == b.Error && a.Lowest == b.Lowest
}

func (n *network) gauges(endpoints []topology.EndpointStatus) {
	m := n.svc.metrics
	for _, e := range endpoints {
		labels := []string{n.cfg.Name, e.Name}
		for _, state := range topology.EndpointStates {
			on := 0.0
			if e.State == state {
				on = 1
			}
			m.endpointState.WithLabelValues(n.cfg.Name, e.Name, state).Set(on)
		}
		m.endpointLatency.WithLabelValues(labels...).Set(e.Latency / 1000)
		m.endpointHead.WithLabelValues(labels...).Set(float64(e.Head))
		m.endpointCalls.WithLabelValues(labels...).Set(float64(e.Calls))
		m.endpointErrors.WithLabelValues(labels...).Set(float64(e.Errors))
	}
}
