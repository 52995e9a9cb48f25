package memchain

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// Error is what a node answers in place of a result.
type Error struct {
	Code    int
	Message string
}

func (e *Error) Error() string  { return e.Message }
func (e *Error) ErrorCode() int { return e.Code }

var errParams = &Error{-32602, "invalid argument"}

// Call answers one JSON-RPC call as go-ethereum does, for the methods that an
// indexer uses; its error is an *Error.
func (c *Chain) Call(_ context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "eth_chainId":
		return quantity(c.cfg.ID), nil
	case "net_version":
		return json.RawMessage(strconv.Quote(strconv.FormatUint(c.cfg.ID, 10))), nil
	case "eth_blockNumber":
		return quantity(c.Head().Number()), nil
	case "eth_syncing":
		return json.RawMessage("false"), nil
	case "eth_getLogs":
		return c.logs(params)
	case "eth_getTransactionReceipt":
		return c.receipt(params)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch method {
	case "eth_getBlockByNumber", "eth_getBlockByHash":
		b, err := c.find(params, 0)
		if b == nil || err != nil {
			return null(err)
		}
		return b.headerJSON(), nil
	case "eth_getBlockReceipts":
		b, err := c.find(params, 0)
		if b == nil || err != nil {
			return null(err)
		}
		if len(b.Receipts) == 0 {
			return json.RawMessage("[]"), nil
		}
		return json.Marshal(b.Receipts)
	case "eth_getCode":
		return c.codeAt(params)
	case "eth_call":
		return c.call(params)
	}
	return nil, &Error{-32601, "the method " + method + " does not exist/is not available"}
}

func null(err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	return json.RawMessage("null"), nil
}

func quantity(v uint64) json.RawMessage {
	return json.RawMessage(`"0x` + strconv.FormatUint(v, 16) + `"`)
}

// find reads a block parameter: a number, a tag, a hash, or an EIP-1898 object.
// A block that is not there is nil without an error.
func (c *Chain) find(params []json.RawMessage, at int) (*Block, error) {
	if at >= len(params) {
		return c.blocks[len(c.blocks)-1], nil
	}
	var text string
	if json.Unmarshal(params[at], &text) != nil {
		var o struct {
			BlockHash   *common.Hash `json:"blockHash"`
			BlockNumber string       `json:"blockNumber"`
		}
		if json.Unmarshal(params[at], &o) != nil {
			return nil, errParams
		}
		if o.BlockHash != nil {
			return c.byHash[*o.BlockHash], nil
		}
		text = o.BlockNumber
	}
	switch text {
	case "latest", "pending", "safe":
		return c.blocks[len(c.blocks)-1], nil
	case "earliest":
		return c.blocks[0], nil
	case "finalized":
		return c.blocks[c.finalized], nil
	}
	if len(text) == 66 {
		return c.byHash[common.HexToHash(text)], nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
	if err != nil {
		return nil, errParams
	}
	if n >= uint64(len(c.blocks)) {
		return nil, nil
	}
	return c.blocks[n], nil
}

func (c *Chain) receipt(params []json.RawMessage) (json.RawMessage, error) {
	var hash common.Hash
	if len(params) != 1 || json.Unmarshal(params[0], &hash) != nil {
		return nil, errParams
	}
	c.mu.Lock()
	b := c.byTx[hash]
	if b != nil && (b.Number() >= uint64(len(c.blocks)) || c.blocks[b.Number()] != b) {
		b = nil
	}
	c.mu.Unlock()
	if b != nil {
		for _, r := range b.Receipts {
			if r.TxHash == hash {
				return json.Marshal(r)
			}
		}
	}
	return json.RawMessage("null"), nil
}

func (c *Chain) codeAt(params []json.RawMessage) (json.RawMessage, error) {
	var address common.Address
	if len(params) < 1 || json.Unmarshal(params[0], &address) != nil {
		return nil, errParams
	}
	b, err := c.find(params, 1)
	if err != nil || b == nil {
		return nil, &Error{-32000, "header not found"}
	}
	if since, ok := c.code[address]; ok && b.Number() >= since {
		return json.RawMessage(`"0x6001600101"`), nil
	}
	return json.RawMessage(`"0x"`), nil
}

// call answers 32 bytes that depend on the block, the address and the data, so
// that a value read at another block shows. Data that begins with a zero byte reverts.
func (c *Chain) call(params []json.RawMessage) (json.RawMessage, error) {
	var m struct {
		To    common.Address `json:"to"`
		Data  hexutil.Bytes  `json:"data"`
		Input hexutil.Bytes  `json:"input"`
	}
	if len(params) < 1 || json.Unmarshal(params[0], &m) != nil {
		return nil, errParams
	}
	b, err := c.find(params, 1)
	if err != nil || b == nil {
		return nil, &Error{-32000, "header not found"}
	}
	data := append([]byte(nil), m.Input...)
	if len(data) == 0 {
		data = m.Data
	}
	if len(data) > 0 && data[0] == 0 {
		return nil, &Error{3, "execution reverted"}
	}
	return json.RawMessage(strconv.Quote(Answer(b.Hash, m.To, data).Hex())), nil
}

// Answer is what eth_call gives at a block.
func Answer(block common.Hash, to common.Address, data []byte) common.Hash {
	return crypto.Keccak256Hash(block[:], to[:], data)
}

type logsFilter struct {
	From      *string           `json:"fromBlock"`
	To        *string           `json:"toBlock"`
	BlockHash *common.Hash      `json:"blockHash"`
	Address   json.RawMessage   `json:"address"`
	Topics    []json.RawMessage `json:"topics"`
}

func (c *Chain) logs(params []json.RawMessage) (json.RawMessage, error) {
	var f logsFilter
	if len(params) != 1 || json.Unmarshal(params[0], &f) != nil {
		return nil, errParams
	}
	addresses, err := oneOrMore[common.Address](f.Address)
	if err != nil {
		return nil, errParams
	}
	topics := make([][]common.Hash, len(f.Topics))
	for i, t := range f.Topics {
		if topics[i], err = oneOrMore[common.Hash](t); err != nil {
			return nil, errParams
		}
	}
	blocks, err := c.span(f)
	if err != nil {
		return nil, err
	}
	out := []byte{'['}
	for _, b := range blocks {
		for _, l := range b.Logs() {
			if len(addresses) > 0 && !slices.Contains(addresses, l.Address) || !matches(l.Topics, topics) {
				continue
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = appendLog(out, l)
		}
	}
	return append(out, ']'), nil
}

// span are the blocks that a filter names.
func (c *Chain) span(f logsFilter) ([]*Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.BlockHash != nil {
		b := c.byHash[*f.BlockHash]
		if b == nil {
			return nil, &Error{-32000, "unknown block"}
		}
		return []*Block{b}, nil
	}
	bound := func(s *string) (uint64, error) {
		if s == nil {
			return uint64(len(c.blocks) - 1), nil
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(*s, "0x"), 16, 64); err == nil {
			return n, nil // a height may be above the head
		}
		text, err := json.Marshal(*s)
		if err != nil {
			return 0, err
		}
		b, err := c.find([]json.RawMessage{text}, 0)
		if err != nil || b == nil {
			return 0, errParams
		}
		return b.Number(), nil
	}
	from, err := bound(f.From)
	if err != nil {
		return nil, err
	}
	to, err := bound(f.To)
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, &Error{-32602, "invalid block range params"}
	}
	if from >= uint64(len(c.blocks)) {
		return nil, nil
	}
	return slices.Clone(c.blocks[from:min(to+1, uint64(len(c.blocks)))]), nil
}

func oneOrMore[T any](text json.RawMessage) ([]T, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var list []T
	if json.Unmarshal(text, &list) == nil {
		return list, nil
	}
	var one T
	if err := json.Unmarshal(text, &one); err != nil {
		return nil, err
	}
	return []T{one}, nil
}

func matches(have []common.Hash, want [][]common.Hash) bool {
	for i, any := range want {
		if len(any) > 0 && (i >= len(have) || !slices.Contains(any, have[i])) {
			return false
		}
	}
	return true
}

// appendLog writes a log as go-ethereum does; by hand, since a test's block may
// hold 20 MB of them.
func appendLog(out []byte, l *types.Log) []byte {
	text := func(key string, data []byte) {
		out = append(append(append(out, '"'), key...), `":"0x`...)
		out = append(hex.AppendEncode(out, data), `",`...)
	}
	out = append(out, '{')
	text("address", l.Address[:])
	out = append(out, `"topics":[`...)
	for i, t := range l.Topics {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(hex.AppendEncode(append(out, `"0x`...), t[:]), '"')
	}
	out = append(out, `],`...)
	text("data", l.Data)
	out = fmt.Appendf(out, `"blockNumber":"0x%x",`, l.BlockNumber)
	text("transactionHash", l.TxHash[:])
	out = fmt.Appendf(out, `"transactionIndex":"0x%x",`, l.TxIndex)
	text("blockHash", l.BlockHash[:])
	return fmt.Appendf(out, `"blockTimestamp":"0x%x","logIndex":"0x%x","removed":false}`, l.BlockTimestamp, l.Index)
}
