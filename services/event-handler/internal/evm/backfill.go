package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// piece is a checked stretch of final heights from..to of one node, not yet
// held against what was handed out before.
type piece struct {
	from, to uint64
	before   *Header // of from-1; nil when from is 0 or the node has none
	last     *Header // of to
	units    []*chainv1.Block
	logs     int
	bytes    int
	asked    bool // the node was asked for what stands in the blocks
}

// fill hands out one window of final heights that begins at from. The window
// after it is fetched and checked in the meantime.
func (f *Follower) fill(ctx context.Context, node Node, others []Node, from uint64, until *place) error {
	final := until.number
	p, span, err := f.window(ctx, node, others, from, final)
	pace := f.pace(node).window
	if err != nil {
		return f.less(pace, span, err)
	}
	if f.chain.started() && p.before == nil {
		return fmt.Errorf("%w: block %d is not there", ErrInconsistent, from-1)
	}
	if f.chain.started() && p.before.Hash != f.chain.head().hash {
		return f.reorg(ctx, node, f.chain.head().number)
	}
	if until.hash != nil && p.to == until.number && p.last.Hash != *until.hash {
		return fmt.Errorf("%w: block %d is %s, the finalized one %s", ErrInconsistent, p.to, p.last.Hash, *until.hash)
	}
	if p.asked {
		f.mu.Lock()
		pace.succeeded(span, p.logs, p.bytes)
		f.mu.Unlock()
	}
	if p.to < final && !f.set.NoAhead {
		f.begin(ctx, node, others, p.to+1, final)
	}

	items := make([]core.Item, 0, len(p.units)+2)
	f.chain.backfill = 0
	if f.set.HeadersEvents {
		f.chain.backfill = from
	}
	for _, u := range p.units {
		f.chain.extend(ref{u.GetNumber(), common.BytesToHash(u.GetHash())})
		items = append(items, core.Item{Unit: blockUnit(u), Resume: f.chain.resume()})
	}
	end := ref{p.to, p.last.Hash}
	if f.set.HeadersEvents {
		if !f.chain.started() || f.chain.head() != end {
			f.chain.extend(end)
		}
		f.chain.backfill = 0
		if p.to < final {
			f.chain.backfill = p.to + 1
		}
	}
	f.chain.finalize(p.to)
	if f.set.HeadersEvents {
		items = append(items, core.Item{Unit: rangeUnit(from, p.to, end.hash), Resume: f.chain.resume()})
	}
	items = append(items, core.Item{Unit: finalizedUnit(end), Resume: f.chain.resume()})
	if err := f.emit(ctx, items...); err != nil {
		return err
	}
	f.note(func(s *State) { s.Window, s.Backfilling = pace.size, p.to < final })
	return nil
}

// fetch asks node for one window that begins at from and checks all that can be
// said without the chain before it. It touches nothing of the follower but its checker.
func (f *Follower) fetch(ctx context.Context, node Node, others []Node, from, to uint64) (*piece, error) {
	want := Want{Queries: f.set.Filter.Queries(to), Headers: !f.set.HeadersEvents}
	want.Receipts = f.set.Receipts && len(want.Queries) > 0
	w, err := node.Window(ctx, from, to, want)
	if err != nil {
		return nil, err
	}
	p := &piece{from: from, to: to, before: w.Before, bytes: w.Bytes, asked: len(want.Queries) > 0 || want.Headers}
	p.last = w.Headers[len(w.Headers)-1]
	first := to
	if want.Headers || want.Receipts {
		first = from
	}
	if err := f.check.linked(first, w.Headers); err != nil {
		return nil, err
	}
	if w.Before != nil {
		switch {
		case w.Before.Number != from-1:
			return nil, fmt.Errorf("%w: asked for block %d, got %d", ErrInconsistent, from-1, w.Before.Number)
		case first == from && w.Headers[0].Parent != w.Before.Hash:
			return nil, fmt.Errorf("%w: block %d is not the child of block %d", ErrInconsistent, from, from-1)
		}
	}
	blocks, err := f.contents(ctx, node, others, from, to, w, want)
	if err != nil {
		return nil, err
	}
	if f.set.HeadersEvents {
		kept := blocks[:0]
		for _, b := range blocks {
			if len(b.logs) > 0 {
				kept = append(kept, b)
			}
		}
		blocks = kept
	}
	for i := range blocks {
		p.logs += len(blocks[i].logs)
	}
	p.units, err = f.units(ctx, node, blocks)
	return p, err
}

// contents returns the blocks of a window with their wanted logs: those whose
// headers were asked for, or those that hold some, and the last.
func (f *Follower) contents(ctx context.Context, node Node, others []Node, from, to uint64, w *Window, want Want) ([]found, error) {
	if want.Receipts {
		blocks := make([]found, len(w.Headers))
		for i, h := range w.Headers {
			var err error
			if blocks[i], err = f.check.receipts(h, w.Receipts[i]); err != nil {
				return nil, err
			}
		}
		return blocks, nil
	}
	logs, err := f.check.wanted(w.Logs, from, to)
	if err != nil {
		return nil, err
	}
	headers := w.Headers
	if !want.Headers {
		if headers, err = f.holding(ctx, node, logs, w.Headers[0]); err != nil {
			return nil, err
		}
	}
	blocks := make([]found, len(headers))
	for i, h := range headers {
		n := 0
		for n < len(logs) && logs[n].BlockNumber == h.Number {
			n++
		}
		blocks[i] = found{h, logs[:n:n]}
		if err := f.check.logs(h, blocks[i].logs); err != nil {
			return nil, err
		}
		logs = logs[n:]
	}
	if len(want.Queries) == 0 {
		return blocks, nil
	}
	return blocks, f.prove(ctx, node, others, blocks)
}

// holding asks for the headers of the blocks that have logs, and returns them
// with the window's last.
func (f *Follower) holding(ctx context.Context, node Node, logs []Log, last *Header) ([]*Header, error) {
	var numbers []uint64
	for i := range logs {
		if n := logs[i].BlockNumber; n != last.Number && (i == 0 || n != logs[i-1].BlockNumber) {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return []*Header{last}, nil
	}
	headers, err := node.Headers(ctx, numbers)
	if err != nil {
		return nil, err
	}
	headers = append(headers, last)
	for i, h := range headers[:len(numbers)] {
		if h == nil {
			return nil, fmt.Errorf("%w: block %d has logs and no header", ErrInconsistent, numbers[i])
		}
		if h.Number != numbers[i] {
			return nil, fmt.Errorf("%w: asked for block %d, got %d", ErrInconsistent, numbers[i], h.Number)
		}
		if err := f.check.header(h); err != nil {
			return nil, err
		}
		if next := headers[i+1]; next != nil && next.Number == h.Number+1 && next.Parent != h.Hash {
			return nil, fmt.Errorf("%w: block %d is not the child of block %d", ErrInconsistent, next.Number, h.Number)
		}
	}
	return headers, nil
}
