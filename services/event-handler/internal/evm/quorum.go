package evm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"
)

const (
	// With one endpoint only its word has to stay the same: so often for blocks
	// that were final, and for a shorter chain.
	deepWords   = 3
	branchWords = 2
	// voteTimeout is how long an endpoint may think about its vote.
	voteTimeout = 10 * time.Second
)

// vote is what an endpoint says stands at a height.
type vote struct {
	ep   *endpoint
	hash common.Hash // zero: it said nothing
	err  error       // then why, where it is known
}

// ask asks every endpoint, those that rest too, for the block at a height. One
// that serves another chain has no vote. It ends as soon as those that have
// voted, with ep among them if it is not nil, decide between ours and another block:
// a slow endpoint does not hold up what the others agree on.
func (s *Source) ask(ctx context.Context, number uint64, ep *endpoint, ours common.Hash) []vote {
	ctx, cancel := context.WithTimeout(ctx, voteTimeout)
	defer cancel()
	votes := make([]vote, len(s.eps))
	came := make(chan vote, len(s.eps))
	place := map[*endpoint]int{}
	for i, of := range s.eps {
		votes[i].ep, place[of] = of, i
		go func() { came <- s.voteOf(ctx, of, number) }()
	}
	for range s.eps { // all of them are waited for; the others' requests end with ctx
		v := <-came
		if ctx.Err() != nil && v.hash == (common.Hash{}) {
			continue // it was cut off, which says nothing of it
		}
		votes[place[v.ep]] = v
		spoke := ep == nil || votes[place[ep]].hash != (common.Hash{}) || votes[place[ep]].err != nil
		if d := judge(votes, ours); spoke && (d.stay || d.leave != common.Hash{}) {
			cancel()
		}
	}
	return votes
}

func (s *Source) voteOf(ctx context.Context, ep *endpoint, number uint64) vote {
	v := vote{ep: ep}
	if v.err = s.identify(ctx, ep); v.err != nil {
		return v
	}
	h, err := ep.Node.Headers(ctx, []uint64{number})
	if v.err = err; err == nil && h[0] != nil {
		v.hash = h[0].Hash
	}
	return v
}

// verdict is what votes decide.
type verdict struct {
	stay  bool        // on what was handed out
	leave common.Hash // not zero: for the chain with this block
}

// judge counts. To leave, more than half of all configured endpoints must name
// the same block: those that say nothing count against it. To stay, half of
// them are enough, since we vote too: what was handed out was checked and agreed on
// once, and one broken endpoint of two must not stop everything.
func judge(votes []vote, ours common.Hash) verdict {
	count := map[common.Hash]int{}
	for _, v := range votes {
		count[v.hash]++
	}
	delete(count, common.Hash{})
	if n := count[ours]; n > 0 && 2*n >= len(votes) {
		return verdict{stay: true}
	}
	delete(count, ours)
	for hash, n := range count {
		if 2*n > len(votes) {
			return verdict{leave: hash}
		}
	}
	return verdict{}
}

// DisputeError says that nothing is published until enough endpoints agree on
// the chain. It wraps the DeepReorgError.
type DisputeError struct {
	cause error
	text  string
}

func (e *DisputeError) Error() string {
	return fmt.Sprintf("%v; publishing has stopped: %s", e.cause, e.text)
}
func (e *DisputeError) Unwrap() error { return e.cause }

// dispute settles which chain is followed from a height on, at which ep has
// another block than was handed out. It returns once that is settled, or ctx has
// ended; nothing is handed out meanwhile.
func (s *Source) dispute(ctx context.Context, ep *endpoint, cause error, number uint64, ours common.Hash) error {
	if !s.Follower.holds(number, ours) {
		return nil
	}
	s.Follower.Close()
	var deep *DeepReorgError // nil: the node is behind, on another branch
	final := errors.As(cause, &deep)
	words, pause := branchWords, min(s.Poll, 250*time.Millisecond)
	if final {
		words, pause = deepWords, s.DeepConfirm
		s.Log.Error("reorganisation deeper than finality: asking every endpoint", zap.String("endpoint", ep.Name), zap.Uint64("block", number), zap.Error(cause))
		s.Observer.Waiting(&DisputeError{cause, "asking every endpoint"})
	}
	said, theirs := 0, common.Hash{}
	for ctx.Err() == nil && s.Follower.holds(number, ours) {
		votes := s.ask(ctx, number, ep, ours)
		if ctx.Err() != nil {
			break
		}
		var wrong *IdentityError
		if i := slices.IndexFunc(votes, func(v vote) bool { return v.ep == ep }); errors.As(votes[i].err, &wrong) {
			s.failed(ep, votes[i].err) // it is not a branch of this chain
			return nil
		}
		v := judge(votes, ours)
		if v.stay {
			s.outvote(votes, ours, cause, deep)
			return nil
		}
		if v.leave != theirs {
			said, theirs = 0, v.leave
		}
		said++
		if theirs != (common.Hash{}) && (len(votes) > 1 || said >= words) {
			err := s.leave(ctx, votes, theirs, number)
			var emitted *emitError
			if err == nil || errors.As(err, &emitted) {
				return err
			}
			if !final {
				s.failed(ep, err)
				return nil
			}
			s.Log.Warn("the other chain cannot be followed yet", zap.Error(err))
			s.Observer.Waiting(&DisputeError{cause, err.Error()})
		} else if final {
			s.Observer.Waiting(&DisputeError{cause, tally(votes, ours)})
		} else if theirs == (common.Hash{}) {
			s.failed(ep, cause)
			return nil
		}
		s.sleep(ctx, pause, nil, nil)
	}
	return ctx.Err()
}

// tally says who voted how.
func tally(votes []vote, ours common.Hash) string {
	with, against, silent := 0, 0, 0
	for _, v := range votes {
		switch v.hash {
		case ours:
			with++
		case common.Hash{}:
			silent++
		default:
			against++
		}
	}
	return fmt.Sprintf("of %d endpoints %d have our block, %d another one, %d say nothing; more than half must agree on the other chain, or half on ours",
		len(votes), with, against, silent)
}

// outvote puts the endpoints aside that are on another chain than we stay on.
func (s *Source) outvote(votes []vote, ours common.Hash, cause error, deep *DeepReorgError) {
	for _, v := range votes {
		switch {
		case v.hash == ours || v.hash == (common.Hash{}):
		case deep == nil:
			s.failed(v.ep, cause)
		default:
			s.mu.Lock()
			v.ep.outvoted = deep
			s.complain(v.ep, cause, s.RestMax)
			s.mu.Unlock()
		}
	}
}

// leave goes over to the chain with the block theirs.
func (s *Source) leave(ctx context.Context, votes []vote, theirs common.Hash, number uint64) error {
	majority := func(ctx context.Context, number uint64, hash common.Hash) error {
		if v := judge(s.ask(ctx, number, nil, common.Hash{}), common.Hash{}); v.leave != hash {
			return fmt.Errorf("%w: the endpoints agree on block %s and not on what it stands on, block %d", ErrInconsistent, theirs, number)
		}
		return nil
	}
	var err error
	for _, v := range votes {
		if v.hash != theirs {
			continue
		}
		before := s.Follower.State().Indexed
		if err = s.Follower.Rewind(ctx, v.ep.Node, majority); err == nil {
			s.mu.Lock()
			s.current = slices.Index(s.eps, v.ep)
			v.ep.until, v.ep.err, v.ep.behind = time.Time{}, nil, 0
			for _, ep := range s.eps {
				ep.outvoted = nil // what it was outvoted for may be ours now
			}
			s.mu.Unlock()
			s.Log.Warn("went over to another chain", zap.Uint64("from", before), zap.Uint64("to", s.Follower.State().Indexed),
				zap.Uint64("disputed", number), zap.Stringer("block", theirs))
			return nil
		}
		var emitted *emitError
		if errors.As(err, &emitted) {
			return err
		}
	}
	return err
}
