package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// Endpoint is a named Node.
type Endpoint struct {
	Name string
	Node Node
}

// Observer is told what happens; its methods are called from Run's goroutine.
type Observer interface {
	// Stepped: a step has ended. err is nil after progress.
	Stepped(endpoint string, err error)
	// Waiting says why nothing moves; nil when it does.
	Waiting(err error)
}

// Source runs a follower with several endpoints. One endpoint is used for
// every step; after an error the next one takes over, and the one that failed
// rests for a growing time.
type Source struct {
	Follower  *Follower
	ChainID   uint64
	Endpoints []Endpoint
	// Poll is the longest wait for a hint before asking for the head again.
	Poll time.Duration
	// Scout is how often, while there is nothing new, another endpoint is asked
	// whether it is ahead. Default 10 s.
	Scout time.Duration
	// Hints wakes the wait; may be nil. It only saves time.
	Hints    <-chan struct{}
	Observer Observer
	Log      *zap.Logger

	eps     []*endpoint
	current int
	scouted time.Time // when another endpoint was last asked for its head
	scout   int       // which one
	behind  int       // how often in a row it was ahead
}

// endpoint is an Endpoint and how it has been doing.
type endpoint struct {
	Endpoint
	checked  time.Time // when chain id and genesis were last found right; zero: not since the last error
	until    time.Time // rests until then
	rest     time.Duration
	err      error // why it rests
	reported string
}

const (
	minRest = 250 * time.Millisecond
	maxRest = time.Minute
	// recheck: a node may be replaced by another one between two questions.
	recheck = time.Minute
)

// Run follows the chain until ctx ends or the follower's emit fails; that error
// is returned. What nodes do wrong never ends it.
func (s *Source) Run(ctx context.Context) error {
	if s.Scout <= 0 {
		s.Scout = 10 * time.Second
	}
	for _, e := range s.Endpoints {
		s.eps = append(s.eps, &endpoint{Endpoint: e})
	}
	for ctx.Err() == nil {
		ep, wait := s.pick(time.Now())
		if wait > 0 {
			s.Observer.Waiting(s.waiting())
			if !s.sleep(ctx, wait, nil) {
				return ctx.Err()
			}
			continue
		}
		err := s.step(ctx, ep)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var emitted *emitError
		if errors.As(err, &emitted) {
			return emitted.err
		}
		s.Observer.Stepped(ep.Name, err)
		switch {
		case err == nil || errors.Is(err, ErrNothingNew):
			s.recovered(ep)
			s.Observer.Waiting(nil)
			if err != nil {
				s.compare(ctx)
			}
			if err != nil && !s.sleep(ctx, s.Poll, s.Hints) {
				return ctx.Err()
			}
		default:
			s.failed(ep, err)
		}
	}
	return ctx.Err()
}

// step checks the endpoint's identity when that is due, and does one step.
func (s *Source) step(ctx context.Context, ep *endpoint) error {
	if time.Since(ep.checked) > recheck {
		if err := s.identify(ctx, ep); err != nil {
			return err
		}
		ep.checked = time.Now()
	}
	return s.Follower.Step(ctx, ep.Node)
}

// aheadBy blocks, twice in a row, make another endpoint the current one.
const aheadBy = 3

// compare asks another endpoint for its head while the current one has nothing
// new: a node that stands still answers without an error.
func (s *Source) compare(ctx context.Context) {
	if len(s.eps) < 2 || time.Since(s.scouted) < s.Scout {
		return
	}
	s.scouted = time.Now()
	if s.behind == 0 {
		s.scout++
	}
	k := s.scout % len(s.eps)
	if k == s.current {
		k = (k + 1) % len(s.eps)
	}
	ep := s.eps[k]
	if ep.until.After(time.Now()) || s.identify(ctx, ep) != nil {
		s.behind = 0
		return
	}
	latest, _, err := ep.Node.Head(ctx, false)
	if err != nil || latest.Number < s.Follower.State().NodeHead+aheadBy {
		s.behind = 0
		return
	}
	if s.behind++; s.behind >= 2 {
		s.Log.Warn("another endpoint is ahead and takes over", zap.String("behind", s.eps[s.current].Name), zap.String("ahead", ep.Name),
			zap.Uint64("head", latest.Number))
		s.current, s.behind = k, 0
	}
}

// IdentityError says that an endpoint serves another chain.
type IdentityError struct{ text string }

func (e *IdentityError) Error() string { return e.text }

func (s *Source) identify(ctx context.Context, ep *endpoint) error {
	id, genesis, err := ep.Node.Identity(ctx)
	if err != nil {
		return err
	}
	if id != s.ChainID {
		return &IdentityError{fmt.Sprintf("%s has chain id %d, the configuration says %d", ep.Name, id, s.ChainID)}
	}
	switch ours := s.Follower.Genesis(); ours {
	case genesis:
	case common.Hash{}:
		s.Follower.Bind(genesis)
	default:
		return &IdentityError{fmt.Sprintf("%s has genesis %s, but what is stored under this network's name began with genesis %s: "+
			"another chain needs another name", ep.Name, genesis, ours)}
	}
	return nil
}

// pick returns the current endpoint, or the next one that does not rest. When
// all rest it returns how long the first of them still does.
func (s *Source) pick(now time.Time) (*endpoint, time.Duration) {
	wait := maxRest
	for i := range s.eps {
		k := (s.current + i) % len(s.eps)
		left := s.eps[k].until.Sub(now)
		if left <= 0 {
			s.current = k
			return s.eps[k], 0
		}
		wait = min(wait, left)
	}
	return nil, wait
}

func (s *Source) recovered(ep *endpoint) {
	if ep.reported != "" {
		s.Log.Info("the endpoint answers again", zap.String("endpoint", ep.Name))
	}
	ep.rest, ep.err, ep.reported = 0, nil, ""
}

// failed lets the endpoint rest: the longer, the more often it failed in a row.
func (s *Source) failed(ep *endpoint, err error) {
	ep.rest = min(max(2*ep.rest, minRest), maxRest)
	if errors.Is(err, ErrInconsistent) {
		ep.rest = min(ep.rest, 2*time.Second) // a reorganisation under our eyes passes
	}
	rest := ep.rest
	var e *jsonrpc.Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		rest = max(rest, e.RetryAfter)
	}
	ep.err, ep.until, ep.checked = err, time.Now().Add(rest), time.Time{}
	s.current++
	// The same complaint is logged once; the counters go on.
	if text := err.Error(); text != ep.reported {
		ep.reported = text
		s.Log.Warn("the endpoint is left alone for a while", zap.String("endpoint", ep.Name), zap.Duration("rest", rest), zap.Error(err))
	}
}

// waiting names what each endpoint did.
func (s *Source) waiting() error {
	var texts []string
	for _, ep := range s.eps {
		if ep.err != nil {
			texts = append(texts, ep.err.Error())
		}
	}
	return errors.New(strings.Join(texts, "; "))
}

// sleep waits for d or a hint; false when ctx ended.
func (s *Source) sleep(ctx context.Context, d time.Duration, hint <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-hint:
	}
	return true
}

// emitError marks an error that came from handing out, not from a node.
type emitError struct{ err error }

func (e *emitError) Error() string { return e.err.Error() }
func (e *emitError) Unwrap() error { return e.err }

// Hint is a wake-up that several may give and one waits for.
type Hint struct {
	once sync.Once
	c    chan struct{}
}

// C is the channel to wait on.
func (h *Hint) C() chan struct{} {
	h.once.Do(func() { h.c = make(chan struct{}, 1) })
	return h.c
}

// Give wakes the one who waits, now or the next time.
func (h *Hint) Give() {
	select {
	case h.C() <- struct{}{}:
	default:
	}
}
