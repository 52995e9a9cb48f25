package evm

import (
	"context"
	"fmt"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/core"
)

// fill fetches one window of heights from..to, to <= final: the blocks with
// wanted logs, then the Range that says that the others hold none.
func (f *Follower) fill(ctx context.Context, node Node, from, final uint64) error {
	to := min(final, from+f.window.size-1)
	queries := f.set.Filter.Queries(to)
	if len(queries) == 0 {
		// Nothing is wanted here: skip to where the first contract starts.
		to = final
		if first, ok := f.set.Filter.FirstActive(); ok {
			to = min(final, first-1)
		}
	}
	span := to - from + 1
	logs, before, last, err := node.Window(ctx, from, to, queries)
	if err != nil {
		return f.less(f.window, span, err)
	}
	if f.chain.started() && before == nil {
		return fmt.Errorf("%w: block %d is not there", ErrInconsistent, from-1)
	}
	if f.chain.started() && before.Hash != f.chain.head().hash {
		return f.reorg(ctx, node, f.chain.head().number)
	}
	if logs, err = f.set.Filter.wanted(logs); err != nil {
		return err
	}
	units, headers, err := f.blocks(ctx, node, logs, last)
	if err != nil {
		return f.less(f.window, span, err)
	}
	if len(queries) > 0 {
		f.window.succeeded(span, len(logs))
	}

	items := make([]core.Item, 0, len(units)+2)
	f.chain.backfill = from
	for i, u := range units {
		f.chain.extend(ref{headers[i].Number, headers[i].Hash})
		items = append(items, core.Item{Unit: u, Resume: f.chain.resume()})
	}
	end := ref{to, last.Hash}
	if !f.chain.started() || f.chain.head() != end {
		f.chain.extend(end)
	}
	f.chain.backfill = 0
	if to < final {
		f.chain.backfill = to + 1
	}
	f.chain.finalize(to)
	items = append(items, core.Item{Unit: rangeUnit(from, to, last.Hash), Resume: f.chain.resume()})
	items = append(items, core.Item{Unit: finalizedUnit(end), Resume: f.chain.resume()})
	if err := f.emit(ctx, items...); err != nil {
		return err
	}
	f.note(func(s *State) { s.Window, s.Backfilling = f.window.size, to < final })
	return nil
}

// blocks makes a unit of each block that has logs, with headers from the same
// node. last is the header of the window's end, which is there already.
func (f *Follower) blocks(ctx context.Context, node Node, logs []Log, last *Header) ([]*chainv1.Unit, []*Header, error) {
	var groups [][]Log
	var numbers []uint64
	for i := range logs {
		if i == 0 || logs[i].BlockNumber != logs[i-1].BlockNumber {
			groups = append(groups, logs[i:i:len(logs)])
			if logs[i].BlockNumber != last.Number {
				numbers = append(numbers, logs[i].BlockNumber)
			}
		}
		g := len(groups) - 1
		groups[g] = groups[g][:len(groups[g])+1]
	}
	if len(groups) == 0 {
		return nil, nil, nil
	}
	headers, err := node.Headers(ctx, numbers)
	if err != nil {
		return nil, nil, err
	}
	if len(numbers) < len(groups) {
		headers = append(headers, last)
	}
	units := make([]*chainv1.Unit, len(groups))
	for i, h := range headers {
		if h == nil {
			return nil, nil, fmt.Errorf("%w: block %d has logs and no header", ErrInconsistent, groups[i][0].BlockNumber)
		}
		if i > 0 && h.Number == headers[i-1].Number+1 && h.Parent != headers[i-1].Hash {
			return nil, nil, fmt.Errorf("%w: block %d is not the child of block %d", ErrInconsistent, h.Number, h.Number-1)
		}
		if units[i], err = block(h, groups[i]); err != nil {
			return nil, nil, err
		}
	}
	return units, headers, nil
}
