// Package evm follows one EVM chain: it fetches finalized heights in windows,
// then each new block by its hash, finds reorganisations by parent hash, holds
// what nodes answer against what the chain itself vouches for, and hands out
// units in chain order.
package evm

import (
	"context"
	"errors"

	"github.com/ethereum/go-ethereum/common"
)

// Node answers questions about a chain. All answers of one call come from one
// endpoint, in one HTTP batch as far as the endpoint's limit of calls allows.
// A Node only reads: whether the answers agree is the follower's to find out.
type Node interface {
	// Identity returns the chain id and the hash of block 0.
	Identity(ctx context.Context) (chainID uint64, genesis common.Hash, err error)
	// Head returns the newest block, and with finalized the newest finalized
	// one too: nil while the node has none.
	Head(ctx context.Context, finalized bool) (latest, final *Header, err error)
	// Headers returns the canonical headers at these heights; nil where the
	// node has none.
	Headers(ctx context.Context, numbers []uint64) ([]*Header, error)
	// Window returns what stands in the heights from..to.
	Window(ctx context.Context, from, to uint64, want Want) (*Window, error)
	// Blocks returns the blocks with these hashes and what stands in them.
	Blocks(ctx context.Context, hashes []common.Hash, want Want) ([]Answer, error)
	// Receipts returns the receipts of the blocks with these hashes; nil where
	// the node has none. ErrNoReceipts when it does not serve them at all.
	Receipts(ctx context.Context, hashes []common.Hash) ([]Receipts, error)
}

// ErrInconsistent says that the answers of one node contradict each other, as
// they do while it reorganises, or behind a balancer of nodes that differ. The work
// is thrown away and done again.
var ErrInconsistent = errors.New("the node's answers contradict each other")

// ErrNoReceipts says that the endpoint does not serve eth_getBlockReceipts.
var ErrNoReceipts = errors.New("the endpoint does not serve eth_getBlockReceipts")

// Want says what is asked of blocks.
type Want struct {
	// Queries together hold every wanted log.
	Queries []Query
	// Headers: of a window every header, not only the last.
	Headers bool
	// Receipts of every block are asked for in place of the queries.
	Receipts bool
}

// Window is a node's answer about the heights from..to.
type Window struct {
	// Before is the header of from-1; nil when the node has none or from is 0.
	Before *Header
	// Headers of from..to with Want.Headers, else of to alone; nil where the
	// node has none.
	Headers []*Header
	// Logs by query, as they came.
	Logs [][]Log
	// Receipts of from..to with Want.Receipts; nil where the node has none.
	Receipts []Receipts
	// Bytes of JSON that logs, headers and receipts took.
	Bytes int
}

// Answer is what a node said about one block that was asked for by hash.
type Answer struct {
	Header   *Header  // nil: the node does not have the block
	Logs     [][]Log  // by query
	Receipts Receipts // nil: the node has none
}
