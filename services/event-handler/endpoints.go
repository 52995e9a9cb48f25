package eventhandler

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/proto/topology"
)

// told is what is known of the network's endpoints; At is left 0.
func (s *evmSource) told() topology.EndpointsStatus {
	out := topology.EndpointsStatus{Endpoints: s.Status()}
	for _, socket := range s.sockets {
		out.Streams = append(out.Streams, socket.Status())
	}
	if st := s.Follower.State(); st.Started {
		look := s.n.standing.look(time.Now(), 60*s.n.svc.cfg.RescanEvery, st, out.Endpoints)
		out.SecondLook = &look
	}
	return out
}

func (s *casperSource) told() topology.EndpointsStatus {
	return topology.EndpointsStatus{Endpoints: []topology.EndpointStatus{}, Streams: s.Status()}
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
	var last topology.EndpointsStatus
	var written time.Time
	var kv jetstream.KeyValue
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n.health.mu.Lock()
		src := n.health.src
		n.health.mu.Unlock()
		if src == nil {
			continue
		}
		status := src.told()
		n.gauges(status)
		if same(status, last) && time.Since(written) < endpointsRepeat {
			continue
		}
		last, written = status, time.Now()
		status.At = written.UnixMilli()
		if err := n.write(ctx, &kv, topology.EndpointsKey(n.cfg.Name), status); err != nil && ctx.Err() == nil {
			n.log.Debug("status of the endpoints not written", zap.Error(err))
		}
	}
}

// same: what an operator would look at again.
func same(a, b topology.EndpointsStatus) bool {
	standing := func(l *topology.SecondLook) string {
		if l == nil {
			return ""
		}
		return l.Standing
	}
	return standing(a.SecondLook) == standing(b.SecondLook) &&
		slices.EqualFunc(a.Endpoints, b.Endpoints, func(a, b topology.EndpointStatus) bool {
			return a.State == b.State && a.Current == b.Current && a.Error == b.Error && a.Lowest == b.Lowest
		}) && slices.EqualFunc(a.Streams, b.Streams, func(a, b topology.StreamStatus) bool {
		return a.Name == b.Name && a.State == b.State && a.Error == b.Error && a.APIVersion == b.APIVersion
	})
}

func (n *network) gauges(s topology.EndpointsStatus) {
	m := n.svc.metrics
	if look := s.SecondLook; look != nil {
		m.standing.WithLabelValues(n.cfg.Name).Set(one(look.Standing != ""))
	}
	for _, w := range s.Streams {
		if w.Kind == topology.StreamWS {
			m.hinting.WithLabelValues(n.cfg.Name, w.Name).Set(one(w.State == topology.StreamHinting))
		}
	}
	for _, e := range s.Endpoints {
		labels := []string{n.cfg.Name, e.Name}
		for _, state := range topology.EndpointStates {
			m.endpointState.WithLabelValues(n.cfg.Name, e.Name, state).Set(one(e.State == state))
		}
		m.endpointLatency.WithLabelValues(labels...).Set(e.Latency / 1000)
		m.endpointHead.WithLabelValues(labels...).Set(float64(e.Head))
		m.endpointCalls.WithLabelValues(labels...).Set(float64(e.Calls))
		m.endpointErrors.WithLabelValues(labels...).Set(float64(e.Errors))
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
