package evm

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// followBatch is the most blocks fetched by hash in one step.
const followBatch = 32

// follow fetches new blocks by hash, at most a batch of them: first their
// headers by height, then once more by hash, in one batch with what stands in them.
// So a block is either all there or not; between the two questions the chain may change.
func (f *Follower) follow(ctx context.Context, node Node, others []Node, next uint64, latest *Header) error {
	batch := f.pace(node).batch
	span := min(batch.size, latest.Number-next+1)
	headers := []*Header{latest}
	if next != latest.Number {
		numbers := make([]uint64, span)
		for i := range numbers {
			numbers[i] = next + uint64(i)
		}
		var err error
		if headers, err = node.Headers(ctx, numbers); err != nil {
			return f.less(batch, span, err)
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
	want := Want{Queries: f.set.Filter.Queries(headers[len(headers)-1].Number), Receipts: f.set.Receipts}
	answers, err := node.Blocks(ctx, hashes, want)
	if err != nil {
		return f.less(batch, uint64(len(headers)), err)
	}
	blocks := make([]found, len(answers))
	total := 0
	for i := range answers {
		if blocks[i], err = f.check.answer(hashes[i], &answers[i], want); err != nil {
			return err
		}
		// By hash came what by height was said to be another block's.
		if h := blocks[i].header; h.Number != headers[i].Number || h.Parent != headers[i].Parent {
			return fmt.Errorf("%w: block %s is %d behind %s by hash, %d behind %s by height", ErrInconsistent, h.Hash, h.Number, h.Parent,
				headers[i].Number, headers[i].Parent)
		}
		total += len(blocks[i].logs)
	}
	if !want.Receipts {
		if err := f.proveNew(ctx, node, others, blocks); err != nil {
			return f.less(batch, uint64(len(headers)), err)
		}
	}
	units, err := f.units(ctx, node, blocks)
	if err != nil {
		return f.less(batch, uint64(len(headers)), err)
	}
	batch.succeeded(span, total, 0)
	f.chain.backfill = 0
	items := make([]core.Item, len(units))
	for i, u := range units {
		f.chain.extend(ref{u.GetNumber(), blocks[i].header.Hash})
		items[i] = core.Item{Unit: blockUnit(u), Resume: f.chain.resume()}
	}
	if err := f.emit(ctx, items...); err != nil {
		return err
	}
	f.note(func(*State) {})
	return nil
}

// units makes the blocks' units, completed by Enrich.
func (f *Follower) units(ctx context.Context, node Node, blocks []found) ([]*chainv1.Block, error) {
	units := make([]*chainv1.Block, len(blocks))
	for i := range blocks {
		units[i] = block(blocks[i].header, blocks[i].logs)
	}
	if f.set.Enrich != nil && len(units) > 0 {
		if err := f.set.Enrich(ctx, node, units); err != nil {
			return nil, err
		}
	}
	return units, nil
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
