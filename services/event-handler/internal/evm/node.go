// Package evm follows one EVM chain: it fetches finalized heights in windows,
// then each new block by its hash, finds reorganisations by parent hash, and
// hands out units in chain order.
package evm

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// Node answers questions about a chain. All answers of one call come from one
// endpoint.
type Node interface {
	// Identity returns the chain id and the hash of block 0.
	Identity(ctx context.Context) (chainID uint64, genesis common.Hash, err error)
	// Head returns the newest block, and with finalized the newest finalized
	// one too: nil while the node has none.
	Head(ctx context.Context, finalized bool) (latest, final *Header, err error)
	// Headers returns the canonical headers at these heights; nil where the
	// node has none.
	Headers(ctx context.Context, numbers []uint64) ([]*Header, error)
	// Window returns the logs of the heights from..to with the headers of
	// from-1 (nil when there is none) and to, asked in one batch.
	Window(ctx context.Context, from, to uint64, queries []Query) (logs []Log, before, last *Header, err error)
	// BlockLogs returns the logs of each block, asked by hash.
	BlockLogs(ctx context.Context, hashes []common.Hash, queries []Query) ([][]Log, error)
}

// ErrInconsistent says that the answers of one node contradict each other, as
// they do while it reorganises, or behind a balancer of nodes that differ. The work
// is thrown away and done again.
var ErrInconsistent = errors.New("the node's answers contradict each other")

// invalidParams is JSON-RPC's code for a parameter that cannot be read.
const invalidParams = -32602

// RPCNode is a Node behind a JSON-RPC endpoint.
type RPCNode struct{ client *jsonrpc.Client }

// NewRPCNode returns the Node behind client.
func NewRPCNode(client *jsonrpc.Client) *RPCNode { return &RPCNode{client: client} }

func (n *RPCNode) Identity(ctx context.Context) (uint64, common.Hash, error) {
	var id hexutil.Uint64
	var genesis *Header
	calls := []*jsonrpc.Call{
		{Method: "eth_chainId", Result: &id},
		header(&genesis, hexutil.Uint64(0)),
	}
	if err := n.batch(ctx, calls); err != nil {
		return 0, common.Hash{}, err
	}
	if genesis == nil {
		return 0, common.Hash{}, fmt.Errorf("%s: block 0 is not there", n.client.Name())
	}
	return uint64(id), genesis.Hash, nil
}

func (n *RPCNode) Head(ctx context.Context, finalized bool) (latest, final *Header, err error) {
	calls := []*jsonrpc.Call{header(&latest, "latest")}
	if finalized {
		calls = append(calls, header(&final, "finalized"))
	}
	if err := n.client.Batch(ctx, calls); err != nil {
		return nil, nil, err
	}
	if calls[0].Err != nil {
		return nil, nil, calls[0].Err
	}
	if latest == nil {
		return nil, nil, fmt.Errorf("%s: no latest block", n.client.Name())
	}
	if finalized && calls[1].Err != nil {
		var e *jsonrpc.Error
		switch {
		case !errors.As(calls[1].Err, &e) || e.Class != jsonrpc.ClassRPC:
			return nil, nil, calls[1].Err
		case e.Code == invalidParams:
			return nil, nil, fmt.Errorf("%w: it does not know the tag; set the network's finality to a number of blocks", calls[1].Err)
		}
		// go-ethereum answers an error before the first finalized block.
		final = nil
	}
	if final != nil && final.Number > latest.Number {
		return nil, nil, fmt.Errorf("%w: finalized %d is above latest %d", ErrInconsistent, final.Number, latest.Number)
	}
	return latest, final, nil
}

func (n *RPCNode) Headers(ctx context.Context, numbers []uint64) ([]*Header, error) {
	out := make([]*Header, len(numbers))
	calls := make([]*jsonrpc.Call, len(numbers))
	for i, number := range numbers {
		calls[i] = header(&out[i], hexutil.Uint64(number))
	}
	if err := n.batch(ctx, calls); err != nil {
		return nil, err
	}
	for i, h := range out {
		if h != nil && h.Number != numbers[i] {
			return nil, fmt.Errorf("%w: asked for block %d, got %d", ErrInconsistent, numbers[i], h.Number)
		}
	}
	return out, nil
}

func (n *RPCNode) Window(ctx context.Context, from, to uint64, queries []Query) (logs []Log, before, last *Header, err error) {
	var calls []*jsonrpc.Call
	if from > 0 {
		calls = append(calls, header(&before, hexutil.Uint64(from-1)))
	}
	calls = append(calls, header(&last, hexutil.Uint64(to)))
	results := make([]logList, len(queries))
	for i, q := range queries {
		p := q.params()
		p["fromBlock"], p["toBlock"] = hexutil.Uint64(from), hexutil.Uint64(to)
		calls = append(calls, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{p}, Result: &results[i]})
	}
	if err := n.batch(ctx, calls); err != nil {
		return nil, nil, nil, err
	}
	switch {
	case last == nil:
		return nil, nil, nil, fmt.Errorf("%w: block %d is not there", ErrInconsistent, to)
	case last.Number != to || before != nil && before.Number != from-1:
		return nil, nil, nil, fmt.Errorf("%w: asked for the blocks before and at the end of %d..%d, got others", ErrInconsistent, from, to)
	}
	for _, r := range results {
		logs = append(logs, r...)
	}
	for i := range logs {
		if b := logs[i].BlockNumber; b < from || b > to {
			return nil, nil, nil, fmt.Errorf("%w: asked for logs of %d..%d, got one of %d", ErrInconsistent, from, to, b)
		}
	}
	return logs, before, last, nil
}

func (n *RPCNode) BlockLogs(ctx context.Context, hashes []common.Hash, queries []Query) ([][]Log, error) {
	out := make([][]Log, len(hashes))
	if len(queries) == 0 {
		return out, nil
	}
	var calls []*jsonrpc.Call
	results := make([]logList, len(hashes)*len(queries))
	for i, h := range hashes {
		for k, q := range queries {
			p := q.params()
			p["blockHash"] = h
			calls = append(calls, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{p}, Result: &results[i*len(queries)+k]})
		}
	}
	if err := n.batch(ctx, calls); err != nil {
		return nil, err
	}
	for i := range hashes {
		for k := range queries {
			out[i] = append(out[i], results[i*len(queries)+k]...)
		}
	}
	return out, nil
}

// batch makes the calls; the first error of any of them is returned.
func (n *RPCNode) batch(ctx context.Context, calls []*jsonrpc.Call) error {
	if err := n.client.Batch(ctx, calls); err != nil {
		return err
	}
	return jsonrpc.First(calls)
}

// header is the call for a header at a height or tag.
func header(into **Header, at any) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getBlockByNumber", Params: []any{at, false}, Result: into}
}
