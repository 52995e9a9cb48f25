package casper

import (
	"strconv"

	feedv1 "fondaco.dev/proto/feed/v1"
)

// FeedBlock is the block as live frames and replays carry it.
func FeedBlock(network string, b *Block) *feedv1.CasperBlock {
	// Era ids of real blocks fit; one that does not is kept exact in its row.
	era, _ := strconv.ParseUint(b.EraID, 10, 64)
	return &feedv1.CasperBlock{Network: network, BlockHash: b.Hash, ParentHash: b.ParentHash, Timestamp: b.Timestamp, EraId: era,
		Proposer: b.Proposer, Height: b.Height, Deploys: b.Deploys, StateRootHash: b.StateRootHash}
}

// FeedDeploy is the deploy as live frames and replays carry it.
func FeedDeploy(network string, d Deploy) *feedv1.CasperDeploy {
	out := &feedv1.CasperDeploy{Network: network, DeployHash: d.Hash, Account: d.Account, State: d.State,
		Timestamp: d.Timestamp, Transfers: d.Transfers, Version: d.Version}
	if d.Cost != nil {
		out.Cost = *d.Cost
	}
	if d.ErrorMessage != nil {
		out.ErrorMessage = *d.ErrorMessage
	}
	if d.BlockHash != nil {
		out.BlockHash = *d.BlockHash
	}
	return out
}
