package evm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// JSON-RPC 2.0's codes for a method that is not there, and for a parameter that
// cannot be read.
const (
	noMethod      = -32601
	invalidParams = -32602
	notSupported  = -32004 // EIP-1474
)

// errNoTag says that a node does not know the tag "finalized".
var errNoTag = errors.New("it does not know the tag; set the network's finality to a number of blocks")

// RPCNode is a Node behind a JSON-RPC endpoint.
type RPCNode struct {
	client *jsonrpc.Client
	// without is until when Receipts answers ErrNoReceipts without asking, in unix
	// nanoseconds; 0: it asks.
	without atomic.Int64
	// room bounds a window, in bytes of JSON: the client bounds one exchange, and
	// a window of thousands of heights takes dozens.
	room int
}

// windowRoom is the room of a window: one that was grown over empty heights may
// meet full ones, of 1 MB of receipts each.
const windowRoom = 64 << 20

// askReceiptsAgain: a node may be replaced by a newer one.
const askReceiptsAgain = 5 * time.Minute

// NewRPCNode returns the Node behind client.
func NewRPCNode(client *jsonrpc.Client) *RPCNode { return &RPCNode{client: client, room: windowRoom} }

// Identity is Node.
func (n *RPCNode) Identity(ctx context.Context) (uint64, common.Hash, error) {
	var id hexutil.Uint64
	var genesis headerAnswer
	calls := []*jsonrpc.Call{
		{Method: "eth_chainId", Result: &id},
		byNumber(&genesis, hexutil.Uint64(0)),
	}
	if err := n.batch(ctx, calls); err != nil {
		return 0, common.Hash{}, err
	}
	if genesis.header == nil {
		return 0, common.Hash{}, fmt.Errorf("%w: %s: block 0 is not there", ErrInconsistent, n.client.Name())
	}
	return uint64(id), genesis.header.Hash, nil
}

// Head is Node.
func (n *RPCNode) Head(ctx context.Context, finalized bool) (*Header, *Header, error) {
	var latest, final headerAnswer
	calls := []*jsonrpc.Call{byNumber(&latest, "latest")}
	if finalized {
		calls = append(calls, byNumber(&final, "finalized"))
	}
	if err := n.client.Batch(ctx, calls); err != nil {
		return nil, nil, err
	}
	if calls[0].Err != nil {
		return nil, nil, calls[0].Err
	}
	if latest.header == nil {
		return nil, nil, fmt.Errorf("%w: %s: no latest block", ErrInconsistent, n.client.Name())
	}
	if finalized && calls[1].Err != nil {
		var e *jsonrpc.Error
		switch {
		case !errors.As(calls[1].Err, &e) || e.Code == 0 || e.Class == jsonrpc.ClassRateLimited:
			return nil, nil, calls[1].Err
		case e.Code == invalidParams:
			return nil, nil, fmt.Errorf("%w: %w", calls[1].Err, errNoTag)
		}
		// go-ethereum answers an error before the first finalized block, others
		// in other words.
		final.header = nil
	}
	if final.header != nil && final.header.Number > latest.header.Number {
		return nil, nil, fmt.Errorf("%w: finalized %d is above latest %d", ErrInconsistent, final.header.Number, latest.header.Number)
	}
	return latest.header, final.header, nil
}

// Headers is Node.
func (n *RPCNode) Headers(ctx context.Context, numbers []uint64) ([]*Header, error) {
	answers := make([]headerAnswer, len(numbers))
	calls := make([]*jsonrpc.Call, len(numbers))
	for i, number := range numbers {
		calls[i] = byNumber(&answers[i], hexutil.Uint64(number))
	}
	if err := n.batch(ctx, calls); err != nil {
		return nil, err
	}
	out := make([]*Header, len(numbers))
	for i := range answers {
		h := answers[i].header
		if h != nil && h.Number != numbers[i] {
			return nil, fmt.Errorf("%w: asked for block %d, got %d", ErrInconsistent, numbers[i], h.Number)
		}
		out[i] = h
	}
	return out, nil
}

// Window is Node. The logs are asked for first, so that they share a batch with
// the last header where the endpoint's limit of calls cuts the rest off.
func (n *RPCNode) Window(ctx context.Context, from, to uint64, want Want) (*Window, error) {
	first := to
	if want.Headers || want.Receipts {
		first = from
	}
	count := int(to - first + 1)
	headers := make([]headerAnswer, count)
	var before headerAnswer
	calls := make([]*jsonrpc.Call, 0, 2*count+len(want.Queries)+1)
	logs := make([]logList, len(want.Queries))
	var receipts []receiptList
	if want.Receipts {
		receipts = make([]receiptList, count)
	} else {
		for i, q := range want.Queries {
			p := q.params()
			p["fromBlock"], p["toBlock"] = hexutil.Uint64(from), hexutil.Uint64(to)
			calls = append(calls, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{p}, Result: &logs[i]})
		}
	}
	for i := count - 1; i >= 0; i-- {
		at := hexutil.Uint64(first + uint64(i))
		calls = append(calls, byNumber(&headers[i], at))
		if want.Receipts {
			calls = append(calls, &jsonrpc.Call{Method: "eth_getBlockReceipts", Params: []any{at}, Result: &receipts[i]})
		}
	}
	if from > 0 {
		calls = append(calls, byNumber(&before, hexutil.Uint64(from-1)))
	}
	took := func() (bytes int) {
		for i := range headers {
			bytes += headers[i].bytes
		}
		for i := range logs {
			bytes += logs[i].bytes
		}
		for i := range receipts {
			bytes += receipts[i].bytes
		}
		return bytes
	}
	for len(calls) > 0 {
		some := calls[:min(len(calls), n.client.BatchSize())]
		if err := n.batch(ctx, some); err != nil {
			return nil, noReceipts(err, want)
		}
		if calls = calls[len(some):]; len(calls) > 0 && took() > n.room {
			return nil, &jsonrpc.Error{Class: jsonrpc.ClassTooMuch, Endpoint: n.client.Name(), Message: fmt.Sprintf("%d heights take more than %d bytes", to-from+1, n.room)}
		}
	}
	w := &Window{Before: before.header, Headers: make([]*Header, count), Logs: make([][]Log, len(logs)), Bytes: took()}
	for i := range headers {
		w.Headers[i] = headers[i].header
	}
	for i := range logs {
		if logs[i].logs == nil && !want.Receipts {
			return nil, fmt.Errorf("%w: %s answered null for the logs of %d..%d", ErrInconsistent, n.client.Name(), from, to)
		}
		w.Logs[i] = logs[i].logs
	}
	for i := range receipts {
		w.Receipts = append(w.Receipts, receipts[i].receipts)
	}
	return w, nil
}

// Blocks is Node. Each block's header is asked for beside its logs: a replica
// that does not have the block yet answers null there, where it might have
// answered an empty list of logs.
func (n *RPCNode) Blocks(ctx context.Context, hashes []common.Hash, want Want) ([]Answer, error) {
	headers := make([]headerAnswer, len(hashes))
	logs := make([]logList, len(hashes)*len(want.Queries))
	receipts := make([]receiptList, len(hashes))
	var calls []*jsonrpc.Call
	for i, h := range hashes {
		calls = append(calls, &jsonrpc.Call{Method: "eth_getBlockByHash", Params: []any{h, false}, Result: &headers[i]})
		if want.Receipts {
			calls = append(calls, &jsonrpc.Call{Method: "eth_getBlockReceipts", Params: []any{h}, Result: &receipts[i]})
			continue
		}
		for k, q := range want.Queries {
			p := q.params()
			p["blockHash"] = h
			calls = append(calls, &jsonrpc.Call{Method: "eth_getLogs", Params: []any{p}, Result: &logs[i*len(want.Queries)+k]})
		}
	}
	if err := n.batch(ctx, calls); err != nil {
		return nil, noReceipts(err, want)
	}
	out := make([]Answer, len(hashes))
	for i := range out {
		out[i] = Answer{Header: headers[i].header, Receipts: receipts[i].receipts, Logs: make([][]Log, len(want.Queries))}
		for k := range out[i].Logs {
			out[i].Logs[k] = logs[i*len(want.Queries)+k].logs
			if out[i].Logs[k] == nil && out[i].Header != nil && !want.Receipts {
				return nil, fmt.Errorf("%w: %s answered null for the logs of block %d", ErrInconsistent, n.client.Name(), out[i].Header.Number)
			}
		}
	}
	return out, nil
}

// Receipts is Node.
func (n *RPCNode) Receipts(ctx context.Context, hashes []common.Hash) ([]Receipts, error) {
	if time.Now().UnixNano() < n.without.Load() {
		return nil, ErrNoReceipts
	}
	lists := make([]receiptList, len(hashes))
	calls := make([]*jsonrpc.Call, len(hashes))
	for i, h := range hashes {
		calls[i] = &jsonrpc.Call{Method: "eth_getBlockReceipts", Params: []any{h}, Result: &lists[i]}
	}
	if err := n.batch(ctx, calls); err != nil {
		if err = noReceipts(err, Want{Receipts: true}); errors.Is(err, ErrNoReceipts) {
			n.without.Store(time.Now().Add(askReceiptsAgain).UnixNano())
		}
		return nil, err
	}
	out := make([]Receipts, len(hashes))
	for i := range lists {
		out[i] = lists[i].receipts
	}
	return out, nil
}

// noReceipts tells an endpoint without the method from one that failed.
func noReceipts(err error, want Want) error {
	var e *jsonrpc.Error
	if want.Receipts && errors.As(err, &e) && (e.Code == noMethod || e.Code == notSupported || unknownMethod(e.Text)) {
		return fmt.Errorf("%w: %w", ErrNoReceipts, err)
	}
	return err
}

// unknownMethod knows the words that hosted nodes put beside other codes.
func unknownMethod(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "method") && (strings.Contains(text, "not supported") || strings.Contains(text, "unsupported") ||
		strings.Contains(text, "not found") || strings.Contains(text, "does not exist") || strings.Contains(text, "not available"))
}

// batch makes the calls; the first error of any of them is returned.
func (n *RPCNode) batch(ctx context.Context, calls []*jsonrpc.Call) error {
	if err := n.client.Batch(ctx, calls); err != nil {
		return err
	}
	return jsonrpc.First(calls)
}

// byNumber is the call for a header at a height or tag.
func byNumber(into *headerAnswer, at any) *jsonrpc.Call {
	return &jsonrpc.Call{Method: "eth_getBlockByNumber", Params: []any{at, false}, Result: into}
}
