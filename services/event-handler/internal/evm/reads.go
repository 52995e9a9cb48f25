package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// EthCall is one call of a contract at the state of the block with this hash,
// whichever branch it is on.
type EthCall struct {
	To    common.Address
	Data  []byte
	Block common.Hash
}

// CallResult is what a call returned. A call that failed by the contract's own
// doing has an Error, and then Data is what it reverted with.
type CallResult struct {
	Data  []byte
	Error string
}

// caller makes calls at a block.
type caller interface {
	// Call makes the calls. One that reverts has a result, what the node does
	// wrong is the error.
	Call(ctx context.Context, calls []EthCall) ([]CallResult, error)
}

// ErrNoState says that an endpoint does not have the state of the block that a
// call asks for any more, or cannot make calls at all.
var ErrNoState = errors.New("no state of that block: reads need an endpoint that keeps it (an archive node)")

// Call is caller. The block is named by its hash: at a height, or at latest, a
// reorganisation would give the state of another block.
// Source: EIP-1898.
func (n *RPCNode) Call(ctx context.Context, calls []EthCall) ([]CallResult, error) {
	answers := make([]hexutil.Bytes, len(calls))
	batch := make([]*jsonrpc.Call, len(calls))
	for i, c := range calls {
		msg := map[string]any{"to": c.To, "data": hexutil.Bytes(c.Data)}
		at := map[string]any{"blockHash": c.Block, "requireCanonical": false}
		batch[i] = &jsonrpc.Call{Method: "eth_call", Params: []any{msg, at}, Result: &answers[i]}
	}
	if err := n.client.Batch(ctx, batch); err != nil {
		return nil, err
	}
	out := make([]CallResult, len(calls))
	for i, c := range batch {
		var e *jsonrpc.Error
		switch {
		case c.Err == nil && answers[i] == nil:
			return nil, fmt.Errorf("%w: %s answered null to a call", ErrInconsistent, n.client.Name())
		case c.Err == nil:
			out[i].Data = answers[i]
		case !errors.As(c.Err, &e):
			return nil, c.Err
		case failedItself(e):
			out[i] = CallResult{Data: e.Data, Error: revertReason(e)}
		case e.Class == jsonrpc.ClassPruned || noState(e):
			return nil, fmt.Errorf("%w: %w", ErrNoState, c.Err)
		default:
			return nil, c.Err
		}
	}
	return out, nil
}

// revertCode is what go-ethereum and those after it answer for a revert with
// data; vmCode is OpenEthereum's and Nethermind's "VM execution error".
const (
	revertCode = 3
	vmCode     = -32015
)

// failedItself reports whether the contract's code ended the call, as it would on
// any node: no other endpoint is better.
func failedItself(e *jsonrpc.Error) bool {
	if e.Text == "" {
		return false
	}
	if e.Code == revertCode || e.Code == vmCode {
		return true
	}
	text := strings.ToLower(e.Text)
	for _, w := range []string{
		"execution reverted", "vm execution error", "revert", "invalid opcode", "bad instruction", "bad jump", "invalid jump",
		"out of gas", "stack underflow", "stack limit reached", "stack overflow", "write protection", "static state change",
		"max code size", "contract creation code", "call depth",
	} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// noState knows the words with which nodes say that they keep no such state.
func noState(e *jsonrpc.Error) bool {
	text := strings.ToLower(e.Text)
	for _, w := range []string{
		"missing trie node", "historical state", "state not available", "state is not available", "state unavailable", "pruned",
		"archive", "old data not available", "world state", "no state available", "state already discarded", "distance to target block exceeds",
	} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// revertReason is the text of a failed call: Solidity's own reason where the
// data hold one, so that it does not depend on the node.
func revertReason(e *jsonrpc.Error) string {
	if reason, err := abi.UnpackRevert(e.Data); err == nil {
		return "execution reverted: " + reason
	}
	if len(e.Data) > 0 {
		return "execution reverted"
	}
	if len(e.Text) > 200 {
		return strings.ToValidUTF8(e.Text[:200], "")
	}
	return strings.ToValidUTF8(e.Text, "")
}

// Reads returns the hook that fills the reads of each log, from the endpoint that
// gave the block; nil when the contracts have none. Calls that are equal within a
// block are made once, and those of all blocks together.
func Reads(contracts []config.Contract) func(ctx context.Context, node Node, blocks []*chainv1.Block) error {
	reader := config.NewReader(contracts)
	if reader == nil {
		return nil
	}
	return func(ctx context.Context, node Node, blocks []*chainv1.Block) error {
		var w wantedReads
		for _, b := range blocks {
			w.block(reader, b)
		}
		if len(w.calls) == 0 {
			return nil
		}
		n, ok := node.(caller)
		if !ok {
			return ErrNoState
		}
		results, err := n.Call(ctx, w.calls)
		if err != nil {
			return fmt.Errorf("reading beside events of the blocks %d..%d: %w", blocks[0].GetNumber(), blocks[len(blocks)-1].GetNumber(), err)
		}
		for i, read := range w.reads {
			read.Result, read.Error = results[w.of[i]].Data, results[w.of[i]].Error
		}
		return nil
	}
}

// wantedReads are the calls to make, and the reads that wait for them.
type wantedReads struct {
	calls []EthCall
	reads []*chainv1.Read
	of    []int // for each read the index of its call
}

func (w *wantedReads) block(reader *config.Reader, b *chainv1.Block) {
	known := map[string]int{}
	for _, l := range b.GetLogs() {
		calls := reader.Calls(common.BytesToAddress(l.GetAddress()), l.GetTopics(), l.GetData(), b.GetNumber())
		l.Reads = make([]*chainv1.Read, 0, len(calls))
		for _, c := range calls {
			read := &chainv1.Read{Name: c.Name, Error: c.Error}
			l.Reads = append(l.Reads, read)
			if c.Error != "" {
				continue
			}
			key := string(c.To[:]) + string(c.Data)
			k, ok := known[key]
			if !ok {
				k = len(w.calls)
				known[key] = k
				w.calls = append(w.calls, EthCall{To: c.To, Data: c.Data, Block: common.BytesToHash(b.GetHash())})
			}
			w.reads, w.of = append(w.reads, read), append(w.of, k)
		}
	}
}
