package evm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/core"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// ErrNothingNew says that everything the node has was handed out.
var ErrNothingNew = errors.New("nothing new")

// Finality says which heights cannot reorganise: those that the node tags
// "finalized", or those Depth below its head.
type Finality struct {
	Tag   bool
	Depth uint64
}

// Settings of a follower. Zero sizes take the default.
type Settings struct {
	Filter   *Filter
	Finality Finality
	// MaxWindow is the most heights of one eth_getLogs. Default 10,000.
	MaxWindow uint64
	// FirstWindow is the size to begin with. Default 1,000.
	FirstWindow uint64
	// FollowSpan heights are fetched block by block even where they are final
	// already, so that a handler which was away for a moment still lists every
	// block. Default 64.
	FollowSpan uint64
}

// followBatch is the most blocks fetched by hash in one step.
const followBatch = 32

// State is what a follower knows; heights are block numbers.
type State struct {
	NodeHead      uint64
	NodeFinalized uint64
	Indexed       uint64 // newest block handed out
	Started       bool   // Indexed is a block
	Backfilling   bool
	Window        uint64 // current size of a backfill window
}

// Follower hands out the units of one chain, in chain order. Step does one unit
// of work with one node; the loop around it decides when and with which.
type Follower struct {
	set    Settings
	emit   func(ctx context.Context, items ...core.Item) error
	window *window
	batch  *window

	chain chain // touched by Step only

	mu    sync.Mutex
	state State
}

// Restore returns a follower that goes on where the subject ends. emit gets
// the units; an error from it ends the step.
func Restore(ctx context.Context, log core.Log, tail core.Tail, set Settings, emit func(context.Context, ...core.Item) error) (*Follower, error) {
	if set.MaxWindow == 0 {
		set.MaxWindow = 10_000
	}
	if set.FirstWindow == 0 {
		set.FirstWindow = 1_000
	}
	if set.FollowSpan == 0 {
		set.FollowSpan = 64
	}
	c, err := restore(ctx, log, tail)
	if err != nil {
		return nil, fmt.Errorf("restoring the chain from the subject: %w", err)
	}
	out := func(ctx context.Context, items ...core.Item) error {
		if err := emit(ctx, items...); err != nil {
			return &emitError{err}
		}
		return nil
	}
	f := &Follower{set: set, emit: out, chain: c, window: newWindow(set.FirstWindow, set.MaxWindow), batch: newWindow(followBatch, followBatch)}
	f.note(func(s *State) { s.Window = f.window.size })
	return f, nil
}

// Genesis is the hash of block 0 that the subject is bound to; the zero hash
// before Bind.
func (f *Follower) Genesis() common.Hash { return f.chain.genesis }

// Bind ties an empty subject to the chain with this genesis.
func (f *Follower) Bind(genesis common.Hash) { f.chain.genesis = genesis }

// State may be called from any goroutine.
func (f *Follower) State() State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *Follower) note(change func(*State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.state)
	f.state.Started = f.chain.started()
	if f.state.Started {
		f.state.Indexed = f.chain.head().number
	}
}

// Step asks node for what comes next and hands it out: a window of finalized
// heights, some new blocks, or a Reverted. It returns ErrNothingNew when the node
// has no more. After any other error nothing was handed out, and the step may be done
// again with another node.
func (f *Follower) Step(ctx context.Context, node Node) error {
	if err := f.closeRange(ctx); err != nil {
		return err
	}
	latest, final, err := f.head(ctx, node)
	if err != nil {
		return err
	}
	next := f.chain.next(f.set.Filter.Start())
	f.note(func(s *State) {
		s.NodeHead = latest.Number
		if final != nil {
			s.NodeFinalized = final.number
		}
	})
	if latest.Number < next {
		return f.compare(ctx, node, latest, final)
	}
	backfill := final != nil && final.number >= next && (f.chain.backfill > 0 || final.number-next >= f.set.FollowSpan)
	f.note(func(s *State) { s.Backfilling = backfill })
	if backfill {
		return f.fill(ctx, node, next, final.number)
	}
	if err := f.follow(ctx, node, next, latest); err != nil {
		return err
	}
	return f.finalize(ctx, node, final)
}

// place is a height, with its hash where the node told it.
type place struct {
	number uint64
	hash   *common.Hash
}

// head asks for the newest block and the finality height.
func (f *Follower) head(ctx context.Context, node Node) (*Header, *place, error) {
	latest, final, err := node.Head(ctx, f.set.Finality.Tag)
	switch {
	case err != nil:
		return nil, nil, err
	case f.set.Finality.Tag && final != nil:
		return latest, &place{final.Number, &final.Hash}, nil
	case !f.set.Finality.Tag && latest.Number >= f.set.Finality.Depth:
		p := &place{number: latest.Number - f.set.Finality.Depth}
		if p.number == latest.Number {
			p.hash = &latest.Hash
		}
		return latest, p, nil
	}
	return latest, nil, nil
}

// closeRange ends a backfill window that an earlier instance left half
// published: all its blocks up to our head stand in the subject.
func (f *Follower) closeRange(ctx context.Context) error {
	from := f.chain.backfill
	if from == 0 || !f.chain.started() || f.chain.head().number < from {
		return nil
	}
	head := f.chain.head()
	f.chain.backfill = head.number + 1
	f.chain.finalize(head.number)
	return f.emit(ctx, core.Item{Unit: rangeUnit(from, head.number, head.hash), Resume: f.chain.resume()})
}

// follow fetches new blocks by hash, at most a batch of them.
func (f *Follower) follow(ctx context.Context, node Node, next uint64, latest *Header) error {
	span := min(f.batch.size, latest.Number-next+1)
	headers := []*Header{latest}
	if next != latest.Number {
		numbers := make([]uint64, span)
		for i := range numbers {
			numbers[i] = next + uint64(i)
		}
		var err error
		if headers, err = node.Headers(ctx, numbers); err != nil {
			return f.less(f.batch, span, err)
		}
	}
	headers = f.linked(headers)
	if len(headers) == 0 {
		return f.reorg(ctx, node, f.chain.head().number)
	}
	if headers[0] == nil {
		return fmt.Errorf("%w: latest is %d, block %d is not there", ErrInconsistent, latest.Number, next)
	}
	hashes := make([]common.Hash, len(headers))
	for i, h := range headers {
		hashes[i] = h.Hash
	}
	queries := f.set.Filter.Queries(headers[len(headers)-1].Number)
	logs, err := node.BlockLogs(ctx, hashes, queries)
	if err == nil {
		err = f.askAgain(ctx, node, headers, logs, queries)
	}
	if err != nil {
		return f.less(f.batch, uint64(len(headers)), err)
	}
	items := make([]core.Item, len(headers))
	total := 0
	for i, h := range headers {
		wanted, err := f.set.Filter.wanted(logs[i])
		if err != nil {
			return err
		}
		total += len(wanted)
		if items[i].Unit, err = block(h, wanted); err != nil {
			return err
		}
	}
	f.batch.succeeded(span, total)
	f.chain.backfill = 0
	for i, h := range headers {
		f.chain.extend(ref{h.Number, h.Hash})
		items[i].Resume = f.chain.resume()
	}
	if err := f.emit(ctx, items...); err != nil {
		return err
	}
	f.note(func(*State) {})
	return nil
}

// askAgain asks once more for the logs of blocks that have none although their
// bloom says that they may: a node behind a balancer may know a block before
// its logs. What it answers then is taken.
func (f *Follower) askAgain(ctx context.Context, node Node, headers []*Header, logs [][]Log, queries []Query) error {
	var hashes []common.Hash
	var places []int
	for i, h := range headers {
		if len(logs[i]) == 0 && f.set.Filter.Suspicious(h) {
			hashes = append(hashes, h.Hash)
			places = append(places, i)
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	again, err := node.BlockLogs(ctx, hashes, queries)
	if err != nil {
		return err
	}
	for i, k := range places {
		logs[k] = again[i]
	}
	return nil
}

// linked returns the headers from the first on as far as each is the child of
// the one before; none when the first is not the child of our head. A first
// header that is not there is returned as nil.
func (f *Follower) linked(headers []*Header) []*Header {
	if headers[0] == nil {
		return headers[:1]
	}
	if f.chain.started() && headers[0].Parent != f.chain.head().hash {
		return nil
	}
	for i := 1; i < len(headers); i++ {
		if headers[i] == nil || headers[i].Parent != headers[i-1].Hash {
			return headers[:i]
		}
	}
	return headers
}

// finalize hands out that the finality height moved, as far as we have the
// chain.
func (f *Follower) finalize(ctx context.Context, node Node, final *place) error {
	if final == nil || !f.chain.started() {
		return nil
	}
	number := min(final.number, f.chain.head().number)
	if number <= f.chain.finalized {
		return nil
	}
	b, ok := f.chain.at(number)
	if !ok {
		return nil
	}
	if final.hash != nil && number == final.number && b.hash != *final.hash {
		return f.reorg(ctx, node, f.chain.head().number)
	}
	f.chain.finalize(number)
	return f.emit(ctx, core.Item{Unit: finalizedUnit(b), Resume: f.chain.resume()})
}

// less makes the window smaller when the node asks for it, and turns that
// error into progress.
func (f *Follower) less(w *window, span uint64, err error) error {
	if !jsonrpc.AskForLess(err) || !w.tooMuch(span) {
		return err
	}
	f.note(func(s *State) { s.Window = f.window.size })
	return nil
}
