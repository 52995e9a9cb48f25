package evm

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"
)

// The choice among endpoints is sticky: a unit's questions, the window that is
// fetched ahead, and the size that an endpoint was found to bear all hang on one
// endpoint, and a node answers soonest what it has just been asked about. So the current
// one stays until it fails, falls behind, lacks the history that is needed, or
// another one is found much faster several looks in a row. Who takes over is drawn
// by lot among those that may, weighted by speed, so that many instances
// do not all fall upon the fastest.
const (
	// slack is added to latencies before they are compared: below it nobody notices.
	slack = 20 * time.Millisecond
	// muchFaster looks in a row at which another endpoint takes less than half.
	muchFaster = 3
)

// pick returns the endpoint for the next step. When none may be used it returns
// how long to wait for the first of them.
func (s *Source) pick(now time.Time) (*endpoint, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	bound := s.genesis != (common.Hash{}) // before that, the order of the configuration counts
	ready := func(ep *endpoint) bool { return !ep.until.After(now) && ep.outvoted == nil && !ep.prunedFor(next, now) }
	var fit, any []int
	for i := range s.eps {
		k := (s.current + i) % len(s.eps)
		if !ready(s.eps[k]) {
			continue
		}
		any = append(any, k)
		if !bound || s.eps[k].behind < behindLooks && s.eps[k].slow < muchFaster {
			fit = append(fit, k)
		}
	}
	if len(fit) == 0 {
		fit = any // one that is behind is better than none
	}
	for i := 0; i < len(s.eps) && len(fit) == 0; i++ {
		k := (s.current + i) % len(s.eps)
		if ep := s.eps[k]; ep.outvoted == nil && !ep.until.After(now) && !ep.lowestSoon.After(now) {
			fit = append(fit, k) // nor is one that may have its history back
		}
	}
	if len(fit) == 0 {
		wait := s.RestMax
		for _, ep := range s.eps {
			left := ep.until.Sub(now)
			if ep.outvoted != nil {
				left = s.Scout // the next look tells
			}
			if ep.prunedFor(next, now) {
				left = max(left, ep.lowestSoon.Sub(now))
			}
			wait = min(wait, left)
		}
		return nil, max(wait, time.Millisecond)
	}
	k := fit[0]
	if k != s.current {
		if bound {
			k = s.draw(fit)
		}
		s.Log.Debug("another endpoint takes over", zap.String("from", s.eps[s.current].Name), zap.String("to", s.eps[k].Name))
		s.eps[k].slow = 0
		s.current = k
	}
	return s.eps[k], 0
}

// draw chooses by lot, weighted by speed; the next in order while speeds are not
// known. Called with mu held.
func (s *Source) draw(among []int) int {
	total := 0.0
	for _, k := range among {
		if s.eps[k].latency == 0 {
			return among[0]
		}
		total += weight(s.eps[k])
	}
	at := rand.Float64() * total
	for _, k := range among {
		if at -= weight(s.eps[k]); at < 0 {
			return k
		}
	}
	return among[len(among)-1]
}

func weight(ep *endpoint) float64 { return 1 / (ep.latency + slack).Seconds() }

// second returns another endpoint to ask where the answer of the first is
// doubtful, and the others after it; the first itself when there is no other.
func (s *Source) second(first *endpoint, now time.Time) (second *endpoint, others []Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next()
	second = first
	for i := range s.eps {
		ep := s.eps[(s.current+1+i)%len(s.eps)]
		if ep == first || ep.until.After(now) || ep.outvoted != nil || ep.checked.IsZero() || ep.prunedFor(next, now) {
			continue
		}
		switch {
		case second == first:
			second = ep
		case second.behind > 0 && ep.behind == 0:
			others = append(others, second.Node)
			second = ep
		default:
			others = append(others, ep.Node)
		}
	}
	return second, others
}

// opinions are the endpoints to ask where the answer about new blocks is
// doubtful: all that are up, but those that were late with it a moment ago.
func (s *Source) opinions(second Node, others []Node, now time.Time) []Node {
	s.mu.Lock()
	defer s.mu.Unlock()
	late := map[Node]bool{}
	for _, ep := range s.eps {
		late[ep.Node] = ep.lateUntil.After(now)
	}
	return slices.DeleteFunc(append([]Node{second}, others...), func(n Node) bool { return late[n] })
}

// late notes an endpoint that held up the head.
func (s *Source) late(e *LateError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ep := range s.eps {
		if ep.Node == e.Node {
			now := time.Now()
			ep.lateUntil, ep.last, ep.lastAt = now.Add(lateFor), e, now
			s.Log.Info("the endpoint is not asked about new blocks for a while", zap.String("endpoint", ep.Name), zap.Error(e))
		}
	}
}

// next is the height that is needed next.
func (s *Source) next() uint64 {
	if st := s.Follower.State(); st.Started {
		return st.Indexed + 1
	}
	return s.Follower.set.Filter.Start()
}

// waiting names what each endpoint did.
func (s *Source) waiting() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, ep := range s.eps {
		if ep.err != nil {
			texts = append(texts, ep.err.Error())
		}
	}
	if len(texts) == 0 {
		texts = append(texts, "waiting for an endpoint")
	}
	return errors.New(strings.Join(texts, "; "))
}
