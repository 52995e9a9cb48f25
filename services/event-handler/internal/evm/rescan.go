package evm

import (
	"context"
	"errors"
	"slices"
	"time"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

const (
	// rescanSpan heights are compared at once, from one multiple of it to the next.
	rescanSpan = 1000
	// rescanRest: a rest that is no whole span waits for so many heights, or
	// restPauses pauses.
	rescanRest = 64
	restPauses = 15
	// maxSettled blocks are settled in one pass; a window with more ends there.
	maxSettled = 32
	// rescanLogs is what a window should hold at most; denser ones get shorter.
	rescanLogs = 20_000
)

// Rescanned tells of one pass over some final heights.
type Rescanned struct {
	Checked     uint64 // height up to which all is checked now
	Differences int    // blocks whose two readings differed
	Repairs     int    // of these: blocks that were published incomplete or wrong
	Logs        uint64
	// Unsettled: nothing was checked, since the endpoints disagree about a block
	// and nothing proves who is right. The next pass tries again.
	Unsettled bool
}

// BlameError is an error of one node among several.
type BlameError struct {
	Node Node
	Err  error
}

func (e *BlameError) Error() string { return e.Err.Error() }
func (e *BlameError) Unwrap() error { return e.Err }

// ErrUnsettled says that the endpoints disagree about a final block and nothing
// proves who is right. Its height stays unchecked until they agree.
var ErrUnsettled = errors.New("endpoints disagree about a final block")

// rescan is what the second reading remembers between windows.
type rescan struct {
	subject subject
	filter  *Filter   // what is compared
	size    uint64    // heights of the next window
	last    time.Time // end of the last pass
	failed  bool      // it settled nothing
	later   *later
	origins origins
	deep    int // Follower.deep when the pass began
}

// errSuperseded ends a pass over heights of which some were taken back meanwhile.
var errSuperseded = errors.New("what was final was taken back meanwhile")

// aside gives up the turn while ask waits for a node. After an error of ask, or
// when the pass is superseded, nothing of it may be handed out.
func (f *Follower) aside(ask func() error) error {
	f.turn.Unlock()
	err := ask()
	f.turn.Lock()
	if f.deep != f.rescan.deep {
		return errSuperseded
	}
	return err
}

// Rescan reads the next final heights once more, from second, and compares them
// with what stands in the subject, by count and digest of the logs of each
// address. What differs is settled block by block, by receipts that hash to the
// header's root from any of the nodes, else by the majority of them, and a block
// that was published wrong is published again as a Repair. Then Checked is handed out
// for the heights.
//
// It does one window at most and reports whether it handed anything out; it
// paces itself by Settings.RescanEvery. first is the endpoint that is followed;
// second the same when there is no other. With Settings.Receipts the logs were
// proven when they were published: then nothing is read again, and Checked says
// what stands in the subject.
//
// It may run on another goroutine than Step: while it waits for a node, Step goes
// on. One Rescan runs at a time. A *BlameError names the node that is at fault.
func (f *Follower) Rescan(ctx context.Context, first, second Node, others ...Node) (did bool, err error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	f.rescan.deep = f.deep
	did, err = f.again(ctx, first, second, others)
	if f.deep != f.rescan.deep {
		return false, nil // whatever went wrong: those heights are others now
	}
	return did, err
}

// RescanDue reports whether Rescan would find something to do now.
func (f *Follower) RescanDue() bool {
	f.turn.Lock()
	defer f.turn.Unlock()
	_, _, due := f.rescanWindow(time.Now())
	return due
}

func (f *Follower) again(ctx context.Context, first, second Node, others []Node) (bool, error) {
	from, to, due := f.rescanWindow(time.Now())
	if !due {
		return false, nil
	}
	r := &f.rescan
	r.failed = true // until it is known better; then the next one waits longer
	defer func() { r.last = time.Now() }()
	if r.subject.next != from {
		r.later = nil // the chain was reverted below what was checked, or this is the first pass
	}
	r.origins.forget(from)
	nodes := unique(append([]Node{second, first}, others...))
	readers, to := f.readers(from, to, nodes)
	proven := f.set.Receipts && !f.set.Tolerate.ReceiptsRoot
	if len(readers) == 0 && !proven {
		return false, nil
	}
	var ours *span
	err := f.aside(func() (err error) { // a dense window takes a while to read back
		ours, err = r.subject.read(ctx, from, to, false)
		return err
	})
	var purged *purgedError
	if errors.As(err, &purged) {
		f.chain.checked = purged.first - 1
		return false, nil
	}
	if err != nil || ours == nil { // not stored yet
		r.failed = err != nil
		return false, err
	}
	if ours, err = f.canonical(ctx, r, ours, first); err != nil {
		return false, err
	}
	ours.bound(rescanLogs)
	out := pass{ours: ours}
	var blame error
	if !proven && len(r.filter.Queries(to)) > 0 {
		if blame, err = f.compareAll(ctx, r, &out, readers, nodes); err != nil {
			if errors.Is(err, ErrUnsettled) && f.set.Rescanned != nil {
				f.set.Rescanned(Rescanned{Checked: f.chain.checked, Unsettled: true})
			}
			return false, r.smaller(&out, err)
		}
	}
	if err := f.handOut(ctx, &out, nodes); err != nil {
		return false, err
	}
	r.failed = false
	return true, blame
}

// rescanWindow is the next window, and whether it is due.
func (f *Follower) rescanWindow(now time.Time) (from, to uint64, due bool) {
	r := &f.rescan
	from = f.set.Filter.Start()
	if f.chain.checked > 0 {
		from = max(from, f.chain.checked+1)
	}
	// An open window of a backfill is not covered by its Range yet.
	final := f.chain.finalized
	if !f.chain.started() || final == 0 || final < from || f.chain.head().number < final {
		return 0, 0, false
	}
	to = min(from+r.size-1, from-from%rescanSpan+rescanSpan-1, final)
	pause := f.set.RescanEvery
	filling := f.State().Backfilling
	if filling && r.last.IsZero() {
		r.last = now
	}
	// A backfill is to end soon: what it costs is bounded by the longer pause.
	if filling || r.failed || to == final && to-from+1 < rescanRest {
		pause *= restPauses
	}
	return from, to, now.Sub(r.last) >= pause
}

// pass is one window under comparison.
type pass struct {
	ours        *span
	reading     bool             // a window is asked for, so an error may mean that it is too large
	newest      bool             // ours is as the subject ends
	differences int              // blocks whose readings differ
	repairs     []*chainv1.Block // what is published again
}

// repairUnits are the Repairs of some blocks, with the reads that belong to them:
// from the first of the nodes that can make these, since few keep old state.
func (f *Follower) repairUnits(ctx context.Context, nodes []Node, blocks []*chainv1.Block) ([]core.Item, error) {
	if f.set.Enrich != nil && len(blocks) > 0 {
		var failed error
		for _, node := range nodes {
			err := f.aside(func() error { return f.set.Enrich(ctx, node, blocks) })
			if err == nil {
				failed = nil
				break
			}
			if failed == nil {
				failed = &BlameError{node, err}
			}
		}
		if failed != nil {
			return nil, failed
		}
	}
	var items []core.Item
	for _, b := range blocks {
		items = append(items, core.Item{Unit: &chainv1.Unit{Kind: &chainv1.Unit_Repair{Repair: &chainv1.Repair{Block: b}}}, Resume: f.chain.resume()})
	}
	return items, nil
}

// handOut publishes the Repairs and the Checked of a window.
func (f *Follower) handOut(ctx context.Context, p *pass, nodes []Node) error {
	items, err := f.repairUnits(ctx, nodes, p.repairs)
	if err != nil {
		return err
	}
	var total chainv1.Sum
	for _, s := range p.ours.blocks {
		total.Join(s.sums.total())
	}
	f.chain.checked = p.ours.to
	items = append(items, core.Item{Resume: f.chain.resume(), Unit: &chainv1.Unit{Kind: &chainv1.Unit_Checked{Checked: &chainv1.Checked{
		From: p.ours.from, To: p.ours.to, Logs: total.Logs, Digest: total.Digest[:],
	}}}})
	if err := f.emit(ctx, items...); err != nil {
		return err
	}
	f.note(func(*State) {})
	f.rescan.subject.done(p.ours)
	f.rescan.later.took(p.repairs, &f.rescan.subject)
	f.rescan.grow(p.ours.to-p.ours.from+1, total.Logs)
	if f.set.Rescanned != nil {
		f.set.Rescanned(Rescanned{Checked: p.ours.to, Differences: p.differences, Repairs: len(p.repairs), Logs: total.Logs})
	}
	return nil
}

// smaller makes the next window smaller where the node may have been asked for
// too much, and turns that into no error.
func (r *rescan) smaller(p *pass, err error) error {
	if span := p.ours.to - p.ours.from + 1; p.reading && span > 1 && jsonrpc.MayBeTooMuch(err) {
		r.size = max(1, span/2)
		return nil
	}
	return err
}

// grow adapts the window to how dense the chain is.
func (r *rescan) grow(span, logs uint64) {
	switch {
	case logs > rescanLogs:
		r.size = max(1, span/2)
	case logs < rescanLogs/4 && span >= r.size:
		r.size = min(rescanSpan, r.size+r.size/4+1)
	}
}

// unique keeps the first of each node.
func unique(nodes []Node) []Node {
	var out []Node
	for _, n := range nodes {
		if n != nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
