package evm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// Endpoint is a named Node.
type Endpoint struct {
	Name string
	Node Node
	// Stats of its client; may be nil.
	Stats func() jsonrpc.Stats
}

// endpoint is an Endpoint and what is known of it. Source.mu guards it.
type endpoint struct {
	Endpoint
	checked      time.Time     // when chain id and genesis were last found right; zero: not since the last error
	until        time.Time     // rests until then
	rest         time.Duration // the last rest; 0 after a success
	err          error         // why it rests; nil after a success
	last         error         // its last error, also after a success
	lastAt       time.Time
	contradicted int    // answers in a row that contradicted each other
	reported     string // the complaint that was logged last

	latency   time.Duration // of asking for the head, smoothed; 0: not measured
	head      uint64
	finalized uint64
	seen      time.Time // when head was told
	behind    int       // looks in a row at which it was behind the others
	slow      int       // looks in a row at which another one was much faster

	lateUntil time.Time // until then it is not asked about new blocks

	outvoted *DeepReorgError // it was on another branch than most; nil: not known
	dials    uint64          // connections made when chain id and genesis were last checked

	lowest      uint64    // it serves nothing below; 0: nothing of the kind is known
	lowestUntil time.Time // when that is to be found out anew
	lowestSoon  time.Time // the same, when no other endpoint can do the work
	refused     int       // times in a row that it did not serve an old height whose header it has
}

// Defaults of Source.
const (
	defaultRestMin     = 250 * time.Millisecond
	defaultRestMax     = time.Minute
	defaultScout       = 10 * time.Second
	defaultRecheck     = time.Minute // a node may be replaced by another one between two questions
	defaultDeepConfirm = 3 * time.Second
	// maxInconsistent bounds the rest after answers that contradict each other: a
	// reorganisation under our eyes passes.
	maxInconsistent = 2 * time.Second
	// patience is how often in a row it counts as that, where there are others to ask.
	patience = 8
	// relearn is how long an endpoint counts as pruned before it is tried again;
	// where no other can do the work, it is RestMax.
	relearn = 10 * time.Minute
	// nearHead heights below the head an absent block is a node that hurries or
	// lags, not one that has forgotten.
	nearHead = 128
	// lateFor is how long an endpoint is not asked about new blocks after it was late
	// once.
	lateFor = time.Minute
)

// IdentityError says that an endpoint serves another chain.
type IdentityError struct{ text string }

func (e *IdentityError) Error() string { return e.text }

// identify checks the endpoint's chain id and genesis.
func (s *Source) identify(ctx context.Context, ep *endpoint) error {
	genesis, err := identity(ctx, ep.Endpoint, s.ChainID)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.genesis == (common.Hash{}) {
		return nil // see found
	}
	if s.genesis != genesis {
		return &IdentityError{fmt.Sprintf("%s has genesis %s, but what is stored under this network's name began with genesis %s: "+
			"another chain needs another name", ep.Name, genesis, s.genesis)}
	}
	ep.checked = time.Now()
	return nil
}

// redialed is how soon after a check of chain id and genesis a new connection is
// a reason for another one: some servers close after every answer.
const redialed = time.Second

// unsure reports whether chain id and genesis are to be checked: after an error,
// behind a new connection, and now and then.
func (s *Source) unsure(ep *endpoint, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := now.Sub(ep.checked)
	if ep.Stats == nil || since <= redialed {
		return since > s.Recheck
	}
	dials := ep.Stats().Dials
	anew := dials != ep.dials
	ep.dials = dials
	return anew || since > s.Recheck
}

// recovered notes a success.
func (s *Source) recovered(ep *endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ep.reported != "" {
		s.Log.Info("the endpoint answers again", zap.String("endpoint", ep.Name))
	}
	ep.rest, ep.err, ep.reported, ep.refused, ep.contradicted = 0, nil, "", 0, 0
	if ep.lowest > 0 && s.next() <= ep.lowest {
		ep.lowest = 0 // it has served what it was thought to lack
	}
}

// failed lets the endpoint rest: the longer, the more often it failed in a row,
// and at least as long as it asked for.
func (s *Source) failed(ep *endpoint, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ep.rest = min(max(2*ep.rest, s.RestMin), s.RestMax)
	if errors.Is(err, ErrInconsistent) {
		if ep.contradicted++; ep.contradicted <= patience || len(s.eps) == 1 {
			ep.rest = min(ep.rest, maxInconsistent)
		}
	}
	rest := ep.rest
	var e *jsonrpc.Error
	if errors.As(err, &e) {
		rest = max(rest, e.RetryAfter)
	}
	s.complain(ep, err, rest)
}

// complain puts the endpoint aside for a while. Called with mu held.
func (s *Source) complain(ep *endpoint, err error, rest time.Duration) {
	now := time.Now()
	ep.err, ep.last, ep.lastAt, ep.until, ep.checked = err, err, now, now.Add(rest), time.Time{}
	// The same complaint is logged once; the counters go on.
	if text := err.Error(); text != ep.reported {
		ep.reported = text
		s.Log.Warn("the endpoint is left alone for a while", zap.String("endpoint", ep.Name), zap.Duration("rest", rest), zap.Error(err))
	}
}

// PrunedError says that an endpoint no longer has the heights that are needed.
type PrunedError struct {
	Name   string
	Height uint64 // that was asked for
	Lowest uint64 // the lowest that it serves
}

func (e *PrunedError) Error() string {
	return fmt.Sprintf("%s serves nothing below block %d, and block %d is needed: a node with the whole history (an archive) is needed", e.Name, e.Lowest, e.Height)
}

// prune finds out, after an error on old heights, whether the endpoint has
// dropped them, and from what height on it serves. It asks for a few headers.
func (s *Source) prune(ctx context.Context, ep *endpoint, cause error, height uint64) error {
	pruned := jsonrpc.ClassOf(cause) == jsonrpc.ClassPruned
	if !pruned && !errors.Is(cause, ErrInconsistent) {
		return cause
	}
	height = max(height, 1) // block 0 is kept by all
	latest, _, err := ep.Node.Head(ctx, false)
	if err != nil || height+nearHead > latest.Number {
		return cause
	}
	serves := func(number uint64) (bool, error) {
		h, err := ep.Node.Headers(ctx, []uint64{number})
		if jsonrpc.ClassOf(err) == jsonrpc.ClassPruned {
			return false, nil
		}
		return err == nil && h[0] != nil, err
	}
	has, err := serves(height)
	if err != nil {
		return cause
	}
	low, high := height, latest.Number // low is not served, high is
	if has && !pruned {
		return cause
	}
	for !has && high-low > 1 {
		mid := low + (high-low)/2
		ok, err := serves(mid)
		switch {
		case err != nil:
			return cause
		case ok:
			high = mid
		default:
			low = mid
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if has {
		// The header is there and its logs are not: how far up, only trying tells.
		ep.refused++
		high = min(height+1<<min(ep.refused+8, 40), latest.Number)
	}
	now := time.Now()
	ep.lowest, ep.lowestUntil, ep.lowestSoon = high, now.Add(relearn), now.Add(s.RestMax)
	return &PrunedError{Name: ep.Name, Height: height, Lowest: high}
}

// prunedFor reports whether the endpoint is known not to serve a height.
func (ep *endpoint) prunedFor(height uint64, now time.Time) bool {
	return height < ep.lowest && now.Before(ep.lowestUntil)
}
