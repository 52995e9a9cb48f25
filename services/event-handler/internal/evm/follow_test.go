package evm_test

import (
	"context"
	"testing"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// TestFollowTakesFewerBlocks: what belongs to the blocks of a step, reads or
// receipts, may be too much although the blocks were not.
func TestFollowTakesFewerBlocks(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 60)
	set := settings(0, usdTransfers...)
	set.Enrich = func(_ context.Context, _ evm.Node, blocks []*chainv1.Block) error {
		if len(blocks) > 3 {
			return &jsonrpc.Error{Class: jsonrpc.ClassTooMuch, Message: "response too large"}
		}
		return nil
	}
	r := newRig(t, c, set)
	r.catchUp()
	r.check(isUSDTransfer)
}
