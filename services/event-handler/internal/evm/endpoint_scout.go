package evm

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// behindBy blocks below the best of the others, at behindLooks looks in a row,
	// an endpoint is behind: nodes of one network seldom differ by more.
	behindBy    = 3
	behindLooks = 2
	// scoutTimeout of one question for the head.
	scoutTimeout = 10 * time.Second
)

// scout looks at all endpoints now and then, beside the steps, so that one which
// stands still without an error, or has become slow, is left for a better one.
func (s *Source) scout(ctx context.Context) {
	tick := time.NewTicker(s.Scout)
	defer tick.Stop()
	for {
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look asks every endpoint that does not rest for its head.
func (s *Source) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, scoutTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, ep := range s.eps {
		s.mu.Lock()
		rests, current := ep.until.After(time.Now()), ep == s.eps[s.current]
		s.mu.Unlock()
		if !rests {
			all.Go(func() { s.lookAt(ctx, ep, current) })
		}
	}
	all.Wait()
	if ctx.Err() == nil {
		s.rank()
	}
}

func (s *Source) lookAt(ctx context.Context, ep *endpoint, current bool) {
	if !current && s.unsure(ep, time.Now()) { // the steps do it for the current one
		if err := s.identify(ctx, ep); err != nil {
			s.blame(ctx, ep, err)
			return
		}
	}
	if !s.returned(ctx, ep) {
		return
	}
	start := time.Now()
	finality := s.Follower.set.Finality
	latest, final, err := ep.Node.Head(ctx, finality.Tag)
	if errors.Is(err, errNoTag) && finality.Depth > 0 {
		latest, final, err = ep.Node.Head(ctx, false) // the depth counts, as in Follower.head
	}
	if err != nil {
		if !current {
			s.blame(ctx, ep, err)
		}
		return
	}
	took := time.Since(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ep.latency == 0 {
		ep.latency = took
	}
	ep.latency += (took - ep.latency) * 3 / 10
	ep.head, ep.seen = latest.Number, time.Now()
	if final != nil {
		ep.finalized = final.Number
	}
	if !current && !ep.prunedFor(s.next(), time.Now()) {
		ep.rest, ep.err = 0, nil
	}
}

// returned reports whether an endpoint that was outvoted is on our branch again;
// until then it is left alone, so that nobody has to vote on the same again.
func (s *Source) returned(ctx context.Context, ep *endpoint) bool {
	s.mu.Lock()
	deep := ep.outvoted
	s.mu.Unlock()
	if deep == nil {
		return true
	}
	h, err := ep.Node.Headers(ctx, []uint64{deep.Number})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && h[0] != nil && h[0].Hash == deep.Ours {
		ep.outvoted = nil
		return true
	}
	if ctx.Err() != context.Canceled {
		s.complain(ep, deep, s.RestMax)
	}
	return false
}

// blame is failed, unless it is us who go.
func (s *Source) blame(ctx context.Context, ep *endpoint, err error) {
	if ctx.Err() != context.Canceled {
		s.failed(ep, err)
	}
}

// rank compares what the endpoints told: who is behind, and whether the current
// one is much slower than another.
func (s *Source) rank() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	fresh := func(ep *endpoint) bool { return !ep.until.After(now) && now.Sub(ep.seen) < 2*s.Scout+scoutTimeout }
	best := uint64(0)
	for _, ep := range s.eps {
		if fresh(ep) {
			best = max(best, ep.head)
		}
	}
	for _, ep := range s.eps {
		if fresh(ep) && ep.head+behindBy <= best {
			if ep.behind++; ep.behind == behindLooks {
				s.Log.Warn("the endpoint is behind the others", zap.String("endpoint", ep.Name), zap.Uint64("head", ep.head), zap.Uint64("best", best))
			}
		} else if fresh(ep) {
			ep.behind = 0
		}
	}
	current := s.eps[s.current]
	faster := false
	for _, ep := range s.eps {
		faster = faster || ep != current && fresh(ep) && ep.behind == 0 && 2*(ep.latency+slack) < current.latency+slack
	}
	if faster && fresh(current) {
		current.slow++
	} else {
		current.slow = 0
	}
}

// lags notes that a step found the endpoint behind what was handed out already.
func (s *Source) lags(ep *endpoint, e *LaggingError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ep.head, ep.seen = e.Node, time.Now()
	if e.Ours-e.Node >= behindBy {
		ep.behind = max(ep.behind, behindLooks)
	}
}
