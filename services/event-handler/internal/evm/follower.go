package evm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// ErrNothingNew says that everything the node has was handed out.
var ErrNothingNew = errors.New("nothing new")

// Settings of a follower. Zero sizes take the default.
type Settings struct {
	Filter   *Filter
	Finality Finality
	// Receipts proves every block by its receipts root, in place of asking for logs.
	Receipts bool
	// HeadersEvents hands out final blocks only where they hold wanted logs, and a
	// Range for the others; else every block is a unit.
	HeadersEvents bool
	Tolerate      Tolerance
	// Enrich, if not nil, completes blocks before they are handed out, with the node
	// that they came from; its error fails the step. It may be called from another
	// goroutine than Step's, for one piece of the chain at a time.
	Enrich func(ctx context.Context, node Node, blocks []*chainv1.Block) error
	// Proof is told how doubts were settled; may be nil.
	Proof Proof
	// Endpoints is how many are configured: with several, a height counts as
	// checked only when another one than gave it was asked for it again.
	Endpoints int
	// NoAhead fetches no window before it is asked for, so that nothing runs on
	// another goroutine than Step's.
	NoAhead bool
	// Opinion is how long another endpoint may take to say what it knows of a new
	// block; see LateError. Default 1 s.
	Opinion time.Duration
	// RescanEvery is the least pause between two windows of Rescan; 0: none.
	RescanEvery time.Duration
	// Rescanned is told of each of them; may be nil.
	Rescanned func(Rescanned)
	// MaxWindow is the most heights of one eth_getLogs. Default 10,000.
	MaxWindow uint64
	// FirstWindow is the size to begin with. Default 50.
	FirstWindow uint64
	// FollowSpan heights are fetched block by block even where they are final
	// already, so that a handler which was away for a moment still lists every
	// block. Default 64.
	FollowSpan uint64
}

// State is what a follower knows; heights are block numbers.
type State struct {
	NodeHead      uint64
	NodeFinalized uint64
	Indexed       uint64 // newest block handed out
	Started       bool   // Indexed is a block
	Backfilling   bool
	Window        uint64 // current size of a backfill window
	NodeTime      uint64 // unix seconds of the node's newest block
	Finalized     uint64 // handed out as final
	Checked       uint64 // handed out as read twice
}

// Follower hands out the units of one chain, in chain order. Step does one unit
// of work with one node; the loop around it decides when and with which.
type Follower struct {
	set   Settings
	emit  func(ctx context.Context, items ...core.Item) error
	paces map[Node]*pace
	check checker
	ahead *ahead // the next backfill window, on its way

	// turn is held by Step, Rewind and Rescan, which lets go of it while it waits for
	// a node: the head is followed meanwhile. It guards what follows.
	turn     sync.Mutex
	chain    chain
	final    uint64    // highest finality height a node told, 0 = none
	headSeen time.Time // when a node was last asked for its head
	rescan   rescan
	deep     int // times that something final was taken back

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
		set.FirstWindow = 50 // the receipts of a full mainnet block take 0.5 MB, its Transfers 0.1 MB
	}
	if set.FollowSpan == 0 {
		set.FollowSpan = 64
	}
	if set.Opinion <= 0 {
		set.Opinion = defaultOpinion
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
	if set.Proof == nil {
		set.Proof = noProof{}
	}
	f := &Follower{set: set, emit: out, chain: c, paces: map[Node]*pace{}, check: checker{filter: set.Filter, tolerate: set.Tolerate}}
	f.rescan = rescan{subject: subject{log: log}, filter: set.Filter, size: rescanSpan}
	f.note(func(s *State) { s.Window = set.FirstWindow })
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
	f.state.Started, f.state.Finalized, f.state.Checked = f.chain.started(), f.chain.finalized, f.chain.checked
	if f.state.Started {
		f.state.Indexed = f.chain.head().number
	}
}

// Close ends what runs ahead of Step, and waits for it. The follower may be
// used again.
func (f *Follower) Close() { f.drop() }

// headRest is how long a backfill goes on without asking for the head.
const headRest = 2 * time.Second

// Step asks node for what comes next and hands it out: a window of finalized
// heights, some new blocks, or a Reverted. second is another endpoint, asked when
// node's answer is doubtful, and others are asked after it; node itself where there is
// one only. It returns ErrNothingNew when the node has no more. After any other error
// nothing was handed out, and the step may be done again with another node; after a
// *LateError with the same one, and without the endpoint that it names.
//
// While Step's caller does something else the next window may be on its way:
// ctx has to live until then, not only for the call, and nodes have to bear calls
// from several goroutines. Close ends it.
func (f *Follower) Step(ctx context.Context, node, second Node, others ...Node) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	ask := asked(node, second, others)
	if err := f.closeRange(ctx); err != nil {
		return err
	}
	next := f.chain.next(f.set.Filter.Start())
	defer f.delivered(node, next)
	if f.ahead.is(node, next) && time.Since(f.headSeen) < headRest {
		return f.fill(ctx, node, ask, next, &place{number: f.final})
	}
	latest, final, err := f.head(ctx, node)
	if err != nil {
		f.drop()
		return err
	}
	f.note(func(s *State) {
		s.NodeHead, s.NodeTime = latest.Number, latest.Time
		if final != nil {
			s.NodeFinalized = final.number
		}
	})
	if latest.Number < next {
		f.drop()
		return f.compare(ctx, node, latest, final)
	}
	backfill := final != nil && final.number >= next && (f.chain.backfill > 0 || final.number-next >= f.set.FollowSpan || f.ahead.is(node, next))
	f.note(func(s *State) { s.Backfilling = backfill })
	if backfill {
		return f.fill(ctx, node, ask, next, final)
	}
	f.drop()
	if err := f.follow(ctx, node, ask, next, latest); err != nil {
		return err
	}
	return f.finalize(ctx, node, final)
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
