package evm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// Range is what a one-shot run publishes: exactly the heights From..To.
type Range struct {
	From, To uint64
	// Keep, if not nil, restricts what is compared to these logs. Heights that
	// are not published yet cannot be restricted.
	Keep *Filter
}

// Done counts what a one-shot run did.
type Done struct {
	Compared    uint64 // heights that stood in the subject already
	Logs        uint64 // logs in them that count, after repairs
	Differences int    // blocks of them whose logs differed from a node's
	Repairs     int    // blocks of them that were published again
	Published   uint64 // heights that are new in the subject
}

// RangeError says why a range cannot be published.
type RangeError struct{ text string }

func (e *RangeError) Error() string { return e.text }

func refuse(format string, args ...any) error { return &RangeError{fmt.Sprintf(format, args...)} }

// onceTries is how often an endpoint's failure is followed by another try.
const onceTries = 8

// Once publishes one range and returns: what the subject covers of it is read
// once more and repaired, what lies above the subject's head is published. Blocks that
// are right are not published again. It takes the place of Run.
func (s *Source) Once(ctx context.Context, r Range) (Done, error) {
	defer s.Follower.Close()
	nodes, err := s.identified(ctx)
	if err != nil {
		return Done{}, err
	}
	covered, err := s.Follower.admits(r)
	if err != nil {
		return Done{}, err
	}
	var done Done
	if r.From < covered {
		if done, err = s.Follower.mend(ctx, r, min(r.To, covered-1), nodes); err != nil {
			return done, err
		}
	}
	if r.To >= covered {
		if err := s.Follower.upTo(ctx, r.To, nodes); err != nil {
			return done, err
		}
		done.Published = r.To - max(r.From, covered) + 1
	}
	return done, nil
}

// identified are the nodes that serve the network's chain, as many as answer.
func (s *Source) identified(ctx context.Context) ([]Node, error) {
	answers := identities(ctx, s.Endpoints, s.ChainID)
	if s.Follower.Genesis() == (common.Hash{}) {
		genesis, err := oneGenesis(answers)
		if err != nil {
			return nil, err
		}
		s.Follower.Bind(genesis)
	}
	var nodes []Node
	var problems []error
	for _, a := range answers {
		switch ours := s.Follower.Genesis(); {
		case a.err != nil:
			problems = append(problems, a.err)
		case ours != a.genesis:
			problems = append(problems, fmt.Errorf("%s has genesis %s, the subject began with %s", a.Name, a.genesis, ours))
		default:
			nodes = append(nodes, a.Node)
		}
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("no endpoint can be used: %w", errors.Join(problems...))
	}
	return nodes, nil
}

// admits checks a range against the subject: it has to touch what is covered,
// since a subject has no holes. covered is the first height that is not covered.
func (f *Follower) admits(r Range) (covered uint64, err error) {
	start := f.set.Filter.Start()
	covered = f.chain.next(start)
	switch {
	case r.From > r.To:
		return 0, refuse("the range %d..%d is empty", r.From, r.To)
	case r.From < start:
		return 0, refuse("the network begins at block %d: lower heights need a lower start_block, which begins a subject of its own", start)
	case r.From > covered && f.chain.started():
		return 0, refuse("the subject's head is %d: a range above it begins at %d, since what lies between would be a hole", covered-1, covered)
	case r.From > covered:
		return 0, refuse("nothing is published yet: the first range begins at block %d", covered)
	case r.Keep != nil && r.To >= covered:
		return 0, refuse("the subject's head is %d: new heights are published with the logs of every contract, or those of the others would be missing for good", covered-1)
	}
	return covered, nil
}

// mend compares the published heights r.From..to with the nodes, and publishes
// Repairs of the blocks that differ.
func (f *Follower) mend(ctx context.Context, r Range, to uint64, nodes []Node) (Done, error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.rescan.deep = f.deep
	var done Done
	m := &rescan{subject: subject{log: f.rescan.subject.log, keep: r.Keep}, filter: f.set.Filter, size: rescanSpan}
	if r.Keep != nil {
		m.filter = r.Keep
	}
	// Which endpoint delivered is not known: two of them are read.
	for from, tries := r.From, 0; from <= to; {
		end := min(to, from+m.size-1)
		ours, err := m.subject.read(ctx, from, end, end > f.chain.finalized)
		if err != nil {
			return done, err
		}
		if ours == nil {
			return done, refuse("the stream does not hold the heights %d..%d", from, end)
		}
		var blame error
		p := pass{ours: ours}
		if ours, err = f.canonical(ctx, m, ours, nodes[0]); err == nil {
			ours.bound(rescanLogs)
			end, p.ours = ours.to, ours
		}
		if err == nil && len(m.filter.Queries(end)) > 0 {
			blame, err = f.compareAll(ctx, m, &p, nodes[:min(len(nodes), 2)], nodes)
			if err != nil && m.smaller(&p, err) == nil {
				continue
			}
		}
		var blamed *BlameError
		if errors.As(err, &blamed) || errors.As(blame, &blamed) {
			nodes = append(append([]Node{}, nodes[1:]...), nodes[0]) // another one reads from now on
		}
		if err != nil {
			if tries++; tries > onceTries || ctx.Err() != nil || blamed == nil {
				return done, err
			}
			if err := rest(ctx, tries); err != nil {
				return done, err
			}
			continue
		}
		items, err := f.repairUnits(ctx, nodes, p.repairs)
		if err != nil {
			return done, err
		}
		if len(items) > 0 {
			if err := f.emit(ctx, items...); err != nil {
				return done, err
			}
			m.later.took(p.repairs, &m.subject)
		}
		m.subject.done(p.ours)
		var total chainv1.Sum
		for _, s := range p.ours.blocks {
			total.Join(s.sums.total())
		}
		m.grow(end-from+1, total.Logs)
		done.Compared += p.ours.to - from + 1
		done.Logs += total.Logs
		done.Differences += p.differences
		done.Repairs += len(p.repairs)
		from, tries = p.ours.to+1, 0
	}
	return done, nil
}

// upTo follows the chain from the subject's head to a height, with nodes whose
// head is said to be there.
func (f *Follower) upTo(ctx context.Context, to uint64, nodes []Node) error {
	capped := make([]Node, len(nodes))
	for i, n := range nodes {
		capped[i] = &cappedNode{n, to}
	}
	for k, tries := 0, 0; ; {
		node := capped[k%len(capped)]
		others := append(slices.Clone(capped[k%len(capped)+1:]), capped[:k%len(capped)]...)
		err := f.Step(ctx, node, node, others...)
		switch {
		case err == nil:
			tries = 0
			continue
		case errors.Is(err, ErrNothingNew) && f.chain.started() && f.chain.head().number == to:
			return nil
		}
		var emitted *emitError
		var short *RangeError
		k++
		if tries++; tries > onceTries || errors.As(err, &emitted) || errors.As(err, &short) && tries >= len(capped) || ctx.Err() != nil {
			return fmt.Errorf("publishing up to block %d: %w", to, err)
		}
		if err := rest(ctx, tries); err != nil {
			return err
		}
	}
}

// rest waits the longer, the more often something failed.
func rest(ctx context.Context, tries int) error {
	t := time.NewTimer(min(time.Duration(tries)*250*time.Millisecond, 2*time.Second))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// cappedNode is a node whose newest block is at a height at most.
type cappedNode struct {
	Node
	top uint64
}

// Head is Node. A node that is not as far is refused by name of its head.
func (n *cappedNode) Head(ctx context.Context, finalized bool) (latest, final *Header, err error) {
	latest, final, err = n.Node.Head(ctx, finalized)
	if err != nil {
		return nil, nil, err
	}
	if latest.Number < n.top {
		return nil, nil, refuse("the node's head is %d, below the range's end %d", latest.Number, n.top)
	}
	if latest.Number == n.top {
		return latest, final, nil
	}
	headers, err := n.Headers(ctx, []uint64{n.top})
	if err != nil {
		return nil, nil, err
	}
	if headers[0] == nil {
		return nil, nil, fmt.Errorf("%w: block %d is not there", ErrInconsistent, n.top)
	}
	if final != nil && final.Number > n.top {
		final = headers[0]
	}
	return headers[0], final, nil
}

// Call is caller, for the reads beside events.
func (n *cappedNode) Call(ctx context.Context, calls []EthCall) ([]CallResult, error) {
	c, ok := n.Node.(caller)
	if !ok {
		return nil, ErrNoState
	}
	return c.Call(ctx, calls)
}
