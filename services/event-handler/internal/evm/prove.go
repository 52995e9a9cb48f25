package evm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Proof is told how doubts about blocks without logs were settled, from any
// goroutine.
type Proof interface {
	// Suspected blocks have no logs although their bloom holds the filter.
	Suspected(blocks int)
	// Proven by receipts.
	Proven(blocks int)
	// Unproven: none of the endpoints that are up serves receipts; taken as empty.
	Unproven(blocks int)
	// Mended: receipts held logs that the node had left out.
	Mended(blocks int)
}

type noProof struct{}

func (noProof) Suspected(int) {}
func (noProof) Proven(int)    {}
func (noProof) Unproven(int)  {}
func (noProof) Mended(int)    {}

const (
	// proveBatch is the most blocks whose receipts are asked for at once: those of
	// a full mainnet block take ~0.5 MB.
	proveBatch = 16
	// defaultOpinion of Settings.Opinion: eth_getLogs of one block takes a remote
	// endpoint 50-300 ms, a new connection to it three round trips more.
	defaultOpinion = time.Second
)

// LateError says that another endpoint took too long to say what it knows of a
// new block. The step is to be done again without asking it: the head is not held
// up by an endpoint that is not followed.
type LateError struct {
	Node  Node
	after time.Duration
}

func (e *LateError) Error() string {
	return fmt.Sprintf("no second opinion about a new block within %v", e.after)
}

// asked are the endpoints to ask beside node, in order; none where there is no
// other.
func asked(node, second Node, others []Node) []Node {
	var out []Node
	for _, n := range unique(append([]Node{second}, others...)) {
		if n != node {
			out = append(out, n)
		}
	}
	return out
}

// prove settles the blocks without wanted logs whose bloom says that they may
// hold some. Another endpoint is asked first: when it has logs the node was
// wrong. When it has none either, receipts decide; they are proof wherever they come
// from, so logs that they hold are taken. Only where no endpoint that is up serves
// receipts are the blocks taken as empty, and counted: a bloom errs, though only in
// this direction. Any other failure fails the step.
func (f *Follower) prove(ctx context.Context, node Node, others []Node, blocks []found) error {
	return f.doubts(blocks, func(doubtful []*found) error { return f.resolve(ctx, node, others, doubtful) })
}

// proveNew is prove for the head, which is to be as quick as the node that is
// followed: its own receipts come first, and most often nobody else is asked. Each
// other endpoint has Settings.Opinion to answer.
func (f *Follower) proveNew(ctx context.Context, node Node, others []Node, blocks []found) error {
	return f.doubts(blocks, func(doubtful []*found) error {
		d := f.doubt(doubtful)
		if d.receipts(ctx, node); len(d.blocks) == 0 {
			return nil
		}
		for _, other := range others {
			if err := f.opinion(ctx, other, d); err != nil {
				return err
			}
			if len(d.blocks) == 0 {
				return nil
			}
		}
		return d.end(ctx, node, len(others) == 0)
	})
}

// opinion asks another endpoint about a new block, for logs and then for
// receipts, within Settings.Opinion.
func (f *Follower) opinion(ctx context.Context, other Node, d *doubt) error {
	short, cancel := context.WithTimeout(ctx, f.set.Opinion)
	defer cancel()
	err := d.convict(short, other)
	if err == nil {
		d.receipts(short, other)
	}
	if errors.Is(short.Err(), context.DeadlineExceeded) && ctx.Err() == nil && len(d.blocks) > 0 {
		return &LateError{other, f.set.Opinion}
	}
	return err
}

// doubts counts the blocks that are in doubt, and settles them a batch at a time.
func (f *Follower) doubts(blocks []found, settle func([]*found) error) error {
	if f.set.Tolerate.Bloom {
		return nil // it says nothing
	}
	var doubtful []*found
	for i := range blocks {
		if b := &blocks[i]; len(b.logs) == 0 && f.set.Filter.Suspicious(b.header) {
			doubtful = append(doubtful, b)
		}
	}
	if len(doubtful) > 0 {
		f.set.Proof.Suspected(len(doubtful))
	}
	for len(doubtful) > 0 {
		n := min(len(doubtful), proveBatch)
		if err := settle(doubtful[:n]); err != nil {
			return err
		}
		doubtful = doubtful[n:]
	}
	return nil
}

func (f *Follower) resolve(ctx context.Context, node Node, others []Node, blocks []*found) error {
	d := f.doubt(blocks)
	if len(others) > 0 {
		if err := d.convict(ctx, others[0]); err != nil {
			return err
		}
	}
	for _, n := range append([]Node{node}, others...) {
		if d.receipts(ctx, n); len(d.blocks) == 0 {
			return nil
		}
	}
	return d.end(ctx, node, len(others) == 0)
}

// doubt is about blocks that are said to have no wanted logs.
type doubt struct {
	f      *Follower
	blocks []*found // not settled yet
	hashes []common.Hash
	top    uint64
	failed error // why some are left, other than that nobody serves receipts
}

func (f *Follower) doubt(blocks []*found) *doubt {
	d := &doubt{f: f, blocks: blocks, hashes: make([]common.Hash, len(blocks))}
	for i, b := range blocks {
		d.hashes[i] = b.header.Hash
		d.top = max(d.top, b.header.Number)
	}
	return d
}

func (d *doubt) fail(err error) {
	if d.failed == nil {
		d.failed = err
	}
}

// receipts settles what a node's receipts prove.
func (d *doubt) receipts(ctx context.Context, node Node) {
	receipts, err := node.Receipts(ctx, d.hashes)
	if err != nil {
		if !errors.Is(err, ErrNoReceipts) {
			d.fail(err)
		}
		return
	}
	var rest []*found
	var open []common.Hash
	for i, b := range d.blocks {
		settled, err := d.f.check.receipts(b.header, receipts[i])
		if err != nil {
			rest, open = append(rest, b), append(open, d.hashes[i])
			d.fail(err)
			continue
		}
		d.f.set.Proof.Proven(1)
		if b.logs = settled.logs; len(b.logs) > 0 {
			d.f.set.Proof.Mended(1)
		}
	}
	d.blocks, d.hashes = rest, open
}

// convict asks a node for the wanted logs of the blocks, and returns
// ErrInconsistent when it has some that pass the checks. That it says something
// wrong itself settles nothing: receipts have the last word.
func (d *doubt) convict(ctx context.Context, node Node) error {
	want := Want{Queries: d.f.set.Filter.Queries(d.top)}
	answers, err := node.Blocks(ctx, d.hashes, want)
	if err != nil {
		d.fail(err)
		return nil
	}
	for i := range answers {
		b, wrong := d.f.check.answer(d.hashes[i], &answers[i], want)
		if wrong == nil && len(b.logs) > 0 {
			return fmt.Errorf("%w: no logs of block %d %s, where another endpoint has %d", ErrInconsistent, b.header.Number, b.header.Hash, len(b.logs))
		}
	}
	return nil
}

// end is for what no receipts have settled.
func (d *doubt) end(ctx context.Context, node Node, alone bool) error {
	if d.failed != nil {
		return d.failed
	}
	if alone {
		// A node behind a balancer may know a block before its logs.
		if err := d.convict(ctx, node); err != nil {
			return err
		}
		if d.failed != nil {
			return d.failed
		}
	}
	d.f.set.Proof.Unproven(len(d.blocks))
	return nil
}
