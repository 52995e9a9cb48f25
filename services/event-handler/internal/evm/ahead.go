package evm

import (
	"context"
)

// ahead is a backfill window that is fetched and checked while the one before it
// is handed out: waiting for a node and decoding its answer is most of the work.
// There is at most one, so that at most two windows are in memory.
type ahead struct {
	node     Node
	from, to uint64
	cancel   context.CancelFunc
	done     chan struct{} // closed after piece and err were set
	piece    *piece
	err      error
}

func (a *ahead) is(node Node, from uint64) bool { return a != nil && a.node == node && a.from == from }

// begin starts on the window from from on.
func (f *Follower) begin(ctx context.Context, node Node, others []Node, from, final uint64) {
	f.drop()
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{node: node, from: from, to: f.end(node, from, final), cancel: cancel, done: make(chan struct{})}
	f.ahead = a
	go func() {
		defer close(a.done)
		a.piece, a.err = f.fetch(ctx, node, others, a.from, a.to)
	}()
}

// drop ends what runs ahead and waits for it.
func (f *Follower) drop() {
	if a := f.ahead; a != nil {
		f.ahead = nil
		a.cancel()
		<-a.done
	}
}

// window returns the window that begins at from: the one on its way, or a new
// one. span is how many heights were asked for.
func (f *Follower) window(ctx context.Context, node Node, others []Node, from, final uint64) (p *piece, span uint64, err error) {
	a := f.ahead
	if !a.is(node, from) {
		f.drop()
		to := f.end(node, from, final)
		p, err = f.fetch(ctx, node, others, from, to)
		return p, to - from + 1, err
	}
	f.ahead = nil
	<-a.done // it ends with the context that it was begun with
	a.cancel()
	return a.piece, a.to - a.from + 1, a.err
}

// end is the last height of the window that begins at from.
func (f *Follower) end(node Node, from, final uint64) uint64 {
	to := min(final, from+f.pace(node).window.size-1)
	if f.set.HeadersEvents && len(f.set.Filter.Queries(to)) == 0 {
		// Nothing is wanted here: skip to where the first contract starts.
		to = final
		if first, ok := f.set.Filter.FirstActive(); ok {
			to = min(final, first-1)
		}
	}
	return to
}
