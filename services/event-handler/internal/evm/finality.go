package evm

import (
	"context"
	"errors"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/core"
)

// Finality says which heights cannot reorganise: those that the node tags
// "finalized", or those Depth below its head. With both, the depth counts while
// a node tells no finalized block.
type Finality struct {
	Tag   bool
	Depth uint64
}

// place is a height, with its hash where the node told it.
type place struct {
	number uint64
	hash   *common.Hash
}

// head asks for the newest block and the finality height. That height never
// goes back, whatever a node says of it: one that tells none, or a lower one, is
// held to what was told before, as far as it has the block.
func (f *Follower) head(ctx context.Context, node Node) (*Header, *place, error) {
	latest, tagged, err := node.Head(ctx, f.set.Finality.Tag)
	if errors.Is(err, errNoTag) && f.set.Finality.Depth > 0 {
		latest, tagged, err = node.Head(ctx, false)
	}
	if err != nil {
		return nil, nil, err
	}
	f.headSeen = time.Now()
	var final *place
	switch depth := f.set.Finality.Depth; {
	case f.set.Finality.Tag && tagged != nil:
		final = &place{tagged.Number, &tagged.Hash}
	case (!f.set.Finality.Tag || depth > 0) && latest.Number >= depth:
		final = &place{number: latest.Number - depth}
		if depth == 0 {
			final.hash = &latest.Hash
		}
	}
	if known := min(f.final, latest.Number); known > 0 && (final == nil || final.number < known) {
		final = &place{number: known}
	}
	if final != nil {
		f.final = max(f.final, final.number)
	}
	return latest, final, nil
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
