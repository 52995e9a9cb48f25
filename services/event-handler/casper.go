package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fondaco.dev/services/event-handler/internal/casper"
	"fondaco.dev/services/event-handler/internal/core"
)

// casperSource is a casper.Source that reports to a network.
type casperSource struct {
	*casper.Source
	n *network
}

func (n *network) casperSource(ctx context.Context, tail core.Tail, genesis []byte, emit emitFunc) (source, error) {
	s := &casperSource{n: n}
	set := casper.Settings{SSE: n.cfg.SSE, StartBlock: n.cfg.StartBlock, Idle: n.svc.cfg.SSEIdle, Patience: n.svc.cfg.CasperPatience, Quiet: n.svc.cfg.CasperQuiet}
	for _, e := range n.cfg.RPC {
		set.RPC = append(set.RPC, casper.Endpoint{URL: e.URL, PerSecond: e.PerSecond})
	}
	var err error
	if s.Source, err = casper.Restore(ctx, n.stored, tail, set, emit, s, n.log); err != nil {
		return nil, err
	}
	if len(genesis) > 0 {
		s.Source.Bind(genesis)
	}
	n.health.waiting(errors.New("connecting to the nodes"))
	return s, nil
}

// progress: a Casper block is final when its event comes.
func (s *casperSource) progress() progress {
	st := s.State()
	return progress{head: st.Head, finalized: st.Head, published: st.Head, backfill: st.Gap > 0 && len(s.n.cfg.RPC) > 0}
}

// Connected is told on /readyz: the network is ready while one stream is open
// and no endpoint serves another chain.
func (s *casperSource) Connected(endpoint string, up bool, _ error) {
	gauge := s.n.svc.metrics.connected.WithLabelValues(s.n.cfg.Name, endpoint)
	gauge.Set(0)
	if up {
		gauge.Set(1)
	} else {
		s.n.svc.metrics.reconnects.WithLabelValues(s.n.cfg.Name, endpoint).Inc()
	}
	st := s.State()
	var all, wrong []string
	for _, name := range slices.Sorted(maps.Keys(st.Endpoints)) {
		err := st.Endpoints[name]
		if err == nil {
			continue
		}
		all = append(all, fmt.Sprintf("%s: %v", name, err))
		var conflict *casper.ConflictError
		if errors.As(err, &conflict) {
			wrong = append(wrong, all[len(all)-1])
		}
	}
	switch {
	case len(wrong) > 0:
		s.n.health.waiting(errors.New(strings.Join(wrong, "; ")))
	case st.Connected > 0:
		s.n.health.waiting(nil)
	default:
		s.n.health.waiting(errors.New(strings.Join(all, "; ")))
	}
}

func (s *casperSource) Alive() { s.n.health.alive() }

func (s *casperSource) Taken(kind string, fresh bool) {
	c := s.n.svc.metrics.duplicates
	if fresh {
		c = s.n.svc.metrics.facts
	}
	c.WithLabelValues(s.n.cfg.Name, kind).Inc()
}

func (s *casperSource) Truncated(endpoint string) {
	s.n.svc.metrics.truncated.WithLabelValues(s.n.cfg.Name, endpoint).Inc()
}

func (s *casperSource) Gap(missing uint64) {
	s.n.svc.metrics.gap.WithLabelValues(s.n.cfg.Name).Set(float64(missing))
}

func (s *casperSource) Filled(err error) {
	s.n.svc.metrics.filled.WithLabelValues(s.n.cfg.Name, outcome(err)).Inc()
}

func (s *casperSource) Owed(deploys int) {
	s.n.svc.metrics.owed.WithLabelValues(s.n.cfg.Name).Set(float64(deploys))
}

func (s *casperSource) Paid(err error) {
	s.n.svc.metrics.paid.WithLabelValues(s.n.cfg.Name, outcome(err)).Inc()
}

func outcome(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
