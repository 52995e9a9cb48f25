package fakenode

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Server serves a chain over JSON-RPC. Its fields may be changed under Lock.
type Server struct {
	sync.Mutex
	Chain *Chain
	// MaxRange is the most heights of one eth_getLogs; 0: any.
	MaxRange uint64
	// MaxLogs is the most logs of one answer; 0: any.
	MaxLogs int
	// Fault, if not nil, may answer a whole HTTP request in the node's place.
	Fault func(w http.ResponseWriter, body []byte) bool
	// Change, if not nil, may give another result for a call: a lie.
	Change func(method string, params []json.RawMessage, result json.RawMessage) json.RawMessage
	// NoReceipts: eth_getBlockReceipts is a method that is not there.
	NoReceipts bool
	// Hide, if not nil, says which logs eth_getLogs leaves out.
	Hide func(l *types.Log) bool
	// Code is what eth_getCode answers, Call what eth_call does: revert is the
	// reason, out then what it reverts with.
	Code Code
	Call func(b *Block, to common.Address, data []byte) (out []byte, revert string)
	// PrunedBelow: the state of lower heights is gone; eth_getCode and eth_call are
	// answered with an error, or with "0x" when EmptyBelow.
	PrunedBelow uint64
	EmptyBelow  bool
	// NoBatch: a batch is refused with one error object.
	NoBatch bool
	// Calls counts calls by method.
	Calls map[string]int
	// Ranges are the heights asked for by eth_getLogs, as "from-to".
	Ranges []string
}

// NewServer returns a server of the chain.
func NewServer(c *Chain) *Server { return &Server{Chain: c, Calls: map[string]int{}} }

type call struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 0, 1024)
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		body = append(body, buf[:n]...)
		if err != nil {
			break
		}
	}
	s.Lock()
	defer s.Unlock()
	if s.Fault != nil && s.Fault(w, body) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	var calls []call
	if err := json.Unmarshal(body, &calls); err == nil {
		_, _ = w.Write(s.batch(calls))
		return
	}
	var c call
	if err := json.Unmarshal(body, &c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(s.answer(nil, c))
}

func (s *Server) batch(calls []call) []byte {
	if s.NoBatch {
		return []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported"}}`)
	}
	out := []byte("[")
	for i, c := range slices.Backward(calls) { // any order is allowed
		out = s.answer(out, c)
		if i > 0 {
			out = append(out, ',')
		}
	}
	return append(out, ']')
}

// answer appends the answer to one call.
func (s *Server) answer(out []byte, c call) []byte {
	s.Calls[c.Method]++
	out = append(append(append(out, `{"jsonrpc":"2.0","id":`...), c.ID...), ',')
	result, failed := s.do(c)
	if failed != nil {
		data, _ := json.Marshal(failed)
		return append(append(append(out, `"error":`...), data...), '}')
	}
	out = append(out, `"result":`...)
	if s.Change != nil {
		return append(append(out, s.Change(c.Method, c.Params, encode(result))...), '}')
	}
	if logs, ok := result.([]*types.Log); ok {
		return append(appendLogs(out, logs), '}')
	}
	return append(append(out, encode(result)...), '}')
}

func encode(result any) []byte {
	if logs, ok := result.([]*types.Log); ok {
		return appendLogs(nil, logs)
	}
	data, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	return data
}

// appendLogs writes logs as a node does. By hand, since a test's block may hold
// 20 MB of them.
func appendLogs(out []byte, logs []*types.Log) []byte {
	text := func(key string, data []byte) {
		out = append(append(append(out, '"'), key...), `":"0x`...)
		out = append(hex.AppendEncode(out, data), `",`...)
	}
	out = append(out, '[')
	for i, l := range logs {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		text("address", l.Address[:])
		out = append(out, `"topics":[`...)
		for k, topic := range l.Topics {
			if k > 0 {
				out = append(out, ',')
			}
			out = append(hex.AppendEncode(append(out, `"0x`...), topic[:]), '"')
		}
		out = append(out, `],`...)
		text("data", l.Data)
		text("blockHash", l.BlockHash[:])
		text("transactionHash", l.TxHash[:])
		out = fmt.Appendf(out, `"blockNumber":"0x%x","transactionIndex":"0x%x","logIndex":"0x%x","removed":false}`, l.BlockNumber, l.TxIndex, l.Index)
	}
	return append(out, ']')
}

func (s *Server) do(c call) (any, *rpcError) {
	switch c.Method {
	case "eth_chainId":
		return fmt.Sprintf("0x%x", s.Chain.ID), nil
	case "eth_getBlockByNumber":
		b, failed := s.find(c, 2)
		if b == nil {
			return nil, failed
		}
		return b.json(), nil
	case "eth_getBlockByHash":
		b, failed := s.byHash(c, 2)
		if b == nil {
			return nil, failed
		}
		return b.json(), nil
	case "eth_getBlockReceipts":
		if s.NoReceipts {
			break
		}
		b, failed := s.byHash(c, 1)
		if b == nil && failed != nil {
			b, failed = s.find(c, 1)
		}
		if b == nil {
			return nil, failed
		}
		return b.receipts(), nil
	case "eth_getLogs":
		return s.logs(c)
	case "eth_getCode", "eth_call":
		return s.state(c)
	}
	return nil, &rpcError{Code: -32601, Message: "the method " + c.Method + " does not exist/is not available"}
}

// byHash returns the block that the call names by its hash, of whatever branch;
// nil, nil when there is none.
func (s *Server) byHash(c call, params int) (*Block, *rpcError) {
	var hash common.Hash
	if len(c.Params) != params || json.Unmarshal(c.Params[0], &hash) != nil {
		return nil, &rpcError{Code: -32602, Message: "bad params"}
	}
	s.Chain.mu.Lock()
	defer s.Chain.mu.Unlock()
	return s.Chain.byHash[hash], nil
}

// find returns the block that the call names by height or tag; nil, nil when
// there is none.
func (s *Server) find(c call, params int) (*Block, *rpcError) {
	var at string
	if len(c.Params) != params || json.Unmarshal(c.Params[0], &at) != nil {
		return nil, &rpcError{Code: -32602, Message: "bad params"}
	}
	ch := s.Chain
	ch.mu.Lock()
	defer ch.mu.Unlock()
	switch at {
	case "latest":
		return ch.blocks[len(ch.blocks)-1], nil
	case "finalized":
		if ch.finalized == nil {
			return nil, &rpcError{Code: -39001, Message: "finalized block not found"}
		}
		return ch.at(*ch.finalized), nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(at, "0x"), 16, 64)
	if err != nil {
		return nil, &rpcError{Code: -32602, Message: "bad height"}
	}
	b := ch.at(n)
	if b == nil && n == 0 {
		b = ch.Genesis
	}
	return b, nil
}

// receipts is the block's receipts as eth_getBlockReceipts gives them.
func (b *Block) receipts() any {
	switch {
	case b.receiptsJSON != nil:
		return b.receiptsJSON
	case b.Receipts == nil:
		return []any{}
	}
	return b.Receipts
}

func (b *Block) json() any {
	if b.JSON != nil {
		return b.JSON
	}
	data, err := b.Header.MarshalJSON()
	if err != nil {
		panic(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		panic(err)
	}
	m["transactions"] = b.Txs
	return m
}

type logsFilter struct {
	From      string          `json:"fromBlock"`
	To        string          `json:"toBlock"`
	BlockHash *common.Hash    `json:"blockHash"`
	Address   json.RawMessage `json:"address"`
	Topics    [][]common.Hash `json:"topics"`
}

func (s *Server) logs(c call) (any, *rpcError) {
	var f logsFilter
	if len(c.Params) != 1 || json.Unmarshal(c.Params[0], &f) != nil {
		return nil, &rpcError{Code: -32602, Message: "bad params"}
	}
	var addresses []common.Address
	if len(f.Address) > 0 {
		if err := json.Unmarshal(f.Address, &addresses); err != nil {
			return nil, &rpcError{Code: -32602, Message: err.Error()}
		}
	}
	ch := s.Chain
	ch.mu.Lock()
	defer ch.mu.Unlock()
	var blocks []*Block
	if f.BlockHash != nil {
		b := ch.byHash[*f.BlockHash]
		if b == nil {
			return nil, &rpcError{Code: -32000, Message: "unknown block"}
		}
		blocks = []*Block{b}
	} else {
		from, err1 := strconv.ParseUint(strings.TrimPrefix(f.From, "0x"), 16, 64)
		to, err2 := strconv.ParseUint(strings.TrimPrefix(f.To, "0x"), 16, 64)
		if err1 != nil || err2 != nil || from > to {
			return nil, &rpcError{Code: -32602, Message: "bad range"}
		}
		s.Ranges = append(s.Ranges, fmt.Sprintf("%d-%d", from, to))
		if s.MaxRange > 0 && to-from+1 > s.MaxRange {
			return nil, &rpcError{Code: -32602, Message: fmt.Sprintf("eth_getLogs is limited to a %d range", s.MaxRange)}
		}
		for n := from; n <= to; n++ {
			if b := ch.at(n); b != nil {
				blocks = append(blocks, b)
			}
		}
	}
	out := []*types.Log{}
	for _, b := range blocks {
		for _, l := range b.Logs {
			if len(addresses) > 0 && !slices.Contains(addresses, l.Address) {
				continue
			}
			if len(f.Topics) > 0 && len(f.Topics[0]) > 0 && (len(l.Topics) == 0 || !slices.Contains(f.Topics[0], l.Topics[0])) {
				continue
			}
			if s.Hide != nil && s.Hide(l) {
				continue
			}
			out = append(out, l)
		}
	}
	if s.MaxLogs > 0 && len(out) > s.MaxLogs {
		return nil, &rpcError{Code: -32005, Message: fmt.Sprintf("query returned more than %d results", s.MaxLogs)}
	}
	return out, nil
}
