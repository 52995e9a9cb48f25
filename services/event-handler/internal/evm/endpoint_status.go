package evm

import (
	"errors"
	"time"

	"fondaco.dev/proto/topology"
)

// Status is what is known of each endpoint, in the order of the configuration.
// It may be called from any goroutine.
func (s *Source) Status() []topology.EndpointStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, next := time.Now(), s.next()
	out := make([]topology.EndpointStatus, len(s.eps))
	for i, ep := range s.eps {
		o := topology.EndpointStatus{
			Name: ep.Name, State: ep.state(now, next), Current: i == s.current, Latency: float64(ep.latency.Microseconds()) / 1000,
			Head: ep.head, Finalized: ep.finalized, Window: s.Follower.Window(ep.Node),
		}
		if ep.last != nil {
			o.Error, o.ErrorAt = ep.last.Error(), ep.lastAt.UnixMilli()
		}
		if now.Before(ep.lowestUntil) {
			o.Lowest = ep.lowest
		}
		if ep.Stats != nil {
			st := ep.Stats()
			o.Calls, o.Errors = st.Calls, st.Errors
		}
		out[i] = o
	}
	return out
}

// state is the endpoint's state in one word. Called with mu held.
func (ep *endpoint) state(now time.Time, next uint64) string {
	var wrong *IdentityError
	switch {
	case errors.As(ep.err, &wrong):
		return topology.EndpointWrongChain
	case ep.outvoted != nil:
		return topology.EndpointDeviating
	case ep.prunedFor(next, now):
		return topology.EndpointPruned
	case ep.until.After(now):
		return topology.EndpointResting
	case ep.behind >= behindLooks:
		return topology.EndpointBehind
	case ep.seen.IsZero() && ep.checked.IsZero():
		return topology.EndpointUnknown
	}
	return topology.EndpointHealthy
}
