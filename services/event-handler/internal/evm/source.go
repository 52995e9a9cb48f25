package evm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"
)

// Observer is told what happens; its methods are called from Run's goroutine.
// Settings.Rescanned is called from another one.
type Observer interface {
	// Stepped: a step has ended. err is nil after progress.
	Stepped(endpoint string, err error)
	// Waiting says why nothing moves; nil when it does.
	Waiting(err error)
}

// Source runs a follower with several endpoints. One endpoint is used for every
// step until it fails, falls behind or turns out slow; what nodes do wrong never
// ends it. Zero durations take the default.
type Source struct {
	Follower  *Follower
	ChainID   uint64
	Endpoints []Endpoint
	// Poll is how often the head is asked for while no hints come. Default 1 s.
	Poll time.Duration
	// Hint wakes the wait; may be nil. It only saves time.
	Hint     *Hint
	Observer Observer
	Log      *zap.Logger

	// Scout is how often all endpoints are asked for their heads. Default 10 s.
	Scout time.Duration
	// RestMin is an endpoint's rest after its first error, doubled with each
	// further one in a row up to RestMax. Defaults 250 ms, 1 min.
	RestMin, RestMax time.Duration
	// Recheck is how often chain id and genesis are checked, beside after each
	// error. Default 1 min.
	Recheck time.Duration
	// DeepConfirm lies between two rounds of asking, while endpoints disagree on
	// what was final. Default 3 s.
	DeepConfirm time.Duration

	mu      sync.Mutex
	eps     []*endpoint
	current int         // index in eps
	genesis common.Hash // what the subject is bound to; zero: nothing yet

	looking *look // the second reading on its way; nil: none
	filled  int   // steps of a backfill since the last second reading
	eager   int   // polls that still follow a hint which brought nothing
	metered meter
}

// emitError marks an error that came from handing out, not from a node.
type emitError struct{ err error }

func (e *emitError) Error() string { return e.err.Error() }
func (e *emitError) Unwrap() error { return e.err }

func (s *Source) begin() {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&s.Poll, time.Second)
	def(&s.Scout, defaultScout)
	def(&s.RestMin, defaultRestMin)
	def(&s.RestMax, defaultRestMax)
	def(&s.Recheck, defaultRecheck)
	def(&s.DeepConfirm, defaultDeepConfirm)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.genesis = s.Follower.Genesis()
	for _, e := range s.Endpoints {
		s.eps = append(s.eps, &endpoint{Endpoint: e})
	}
}

// Run follows the chain until ctx ends or the follower's emit fails; that error
// is returned.
func (s *Source) Run(ctx context.Context) error {
	s.begin()
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer func() {
		cancel()
		if s.looking != nil {
			<-s.looking.done
		}
		s.Follower.Close()
		beside.Wait()
	}()
	if err := s.found(ctx); err != nil {
		return err
	}
	beside.Go(func() { s.scout(ctx) })
	for ctx.Err() == nil {
		if err := s.turn(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// turn does one step with one endpoint, and what follows from it. Its error ends
// Run.
func (s *Source) turn(ctx context.Context) error {
	if err := s.looked(ctx); err != nil {
		return err
	}
	now := time.Now()
	ep, wait := s.pick(now)
	if ep == nil {
		s.Observer.Waiting(s.waiting())
		s.sleep(ctx, wait, nil, nil)
		return ctx.Err()
	}
	second, others := s.second(ep, now)
	err := s.step(ctx, ep, s.opinions(second.Node, others, now))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var emitted *emitError
	if errors.As(err, &emitted) {
		return emitted.err
	}
	var late *LateError
	if errors.As(err, &late) {
		s.late(late)
		return nil
	}
	s.Observer.Stepped(ep.Name, err)
	var deep *DeepReorgError
	var branch *BranchError
	switch {
	case err == nil:
		s.moved(ctx, ep, second.Node, others)
		return nil
	case errors.Is(err, ErrNothingNew):
		return s.idle(ctx, ep, err, second.Node, others)
	case errors.As(err, &deep):
		return end(s.dispute(ctx, ep, err, deep.Number, deep.Ours))
	case errors.As(err, &branch):
		return end(s.dispute(ctx, ep, err, branch.Number, branch.Ours))
	}
	s.failed(ep, s.prune(ctx, ep, err, s.next()))
	return nil
}

// end is what ends Run: that of handing out.
func end(err error) error {
	var emitted *emitError
	if errors.As(err, &emitted) {
		return emitted.err
	}
	return err
}

// step checks the endpoint's identity when that is due, and does one step.
func (s *Source) step(ctx context.Context, ep *endpoint, others []Node) error {
	if s.unsure(ep, time.Now()) {
		if err := s.identify(ctx, ep); err != nil {
			return err
		}
	}
	return s.Follower.Step(ctx, ep.Node, ep.Node, others...)
}

// rescanEvery steps of a backfill, one window is read a second time.
const rescanEvery = 16

// moved goes on after progress.
func (s *Source) moved(ctx context.Context, ep *endpoint, second Node, others []Node) {
	s.recovered(ep)
	s.Observer.Waiting(nil)
	s.meter()
	s.eager = 0
	if s.filled++; !s.Follower.State().Backfilling || s.filled < rescanEvery {
		return
	}
	s.filled = 0
	s.rescan(ctx, ep, second, others)
}

// idle is for when everything was handed out: read final heights a second time,
// or wait.
func (s *Source) idle(ctx context.Context, ep *endpoint, err error, second Node, others []Node) error {
	s.recovered(ep)
	s.Observer.Waiting(nil)
	s.meter()
	var lag *LaggingError
	if errors.As(err, &lag) {
		s.lags(ep, lag)
	}
	s.rescan(ctx, ep, second, others)
	s.await(ctx)
	return ctx.Err()
}

// look is a second reading, beside the steps: the endpoint that it reads from may
// be slow, and the head does not wait for it.
type look struct {
	done chan struct{} // closed after err was set
	did  chan struct{} // closed after done when something was handed out: there may be more to read
	err  error
}

// rescan begins to read some final heights a second time, when that is due.
func (s *Source) rescan(ctx context.Context, ep *endpoint, second Node, others []Node) {
	if s.looking != nil || !s.Follower.RescanDue() {
		return
	}
	l := &look{done: make(chan struct{}), did: make(chan struct{})}
	s.looking = l
	go func() {
		did := false
		did, l.err = s.Follower.Rescan(ctx, ep.Node, second, others...)
		close(l.done)
		if did {
			close(l.did)
		}
	}()
}

// looked draws the conclusions from a second reading that has ended. Its error
// ends Run.
func (s *Source) looked(ctx context.Context) error {
	if s.looking == nil {
		return nil
	}
	select {
	case <-s.looking.done:
	default:
		return nil
	}
	err := s.looking.err
	s.looking = nil
	var emitted *emitError
	var blamed *BlameError
	var deep *DeepReorgError
	switch {
	case errors.As(err, &emitted):
		return emitted.err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &blamed):
		for _, e := range s.eps {
			if e.Node != blamed.Node {
				continue
			}
			s.Observer.Stepped(e.Name, err)
			if errors.As(err, &deep) { // it may be the one that is followed which is on the wrong branch
				return end(s.dispute(ctx, e, err, deep.Number, deep.Ours))
			}
			s.failed(e, err)
		}
	case err != nil:
		s.Log.Warn("final heights could not be read a second time", zap.Error(err))
	}
	return nil
}

// sleep waits for d, a hint, or the end of a second reading; false without a hint.
func (s *Source) sleep(ctx context.Context, d time.Duration, hint, looked <-chan struct{}) (hinted bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-looked:
	case <-hint:
		return true
	}
	return false
}
