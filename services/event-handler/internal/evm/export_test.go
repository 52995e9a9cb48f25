package evm

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
)

// Dispute is what a second reading that found another block in the first
// endpoint leads to.
func (s *Source) Dispute(ctx context.Context, number uint64, ours common.Hash) error {
	return s.dispute(ctx, s.eps[0], &DeepReorgError{Number: number, Ours: ours}, number, ours)
}
