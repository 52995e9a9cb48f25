package fault

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// call is one JSON-RPC call and, after next, its answer.
type call struct {
	ctx    context.Context
	method string
	params []json.RawMessage
	result json.RawMessage
	err    *Error
	broken error // of the upstream: no answer can be given
}

// Error is what a node answers in place of a result.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string  { return e.Message }
func (e *Error) ErrorCode() int { return e.Code }

// do answers a call through every fault that is on, the newest outermost.
func (b *Board) do(c *call) {
	b.mu.Lock()
	b.calls[c.method]++
	b.mu.Unlock()
	next := func() { b.forward(c) }
	for _, a := range b.active() {
		if a.spec.call != nil {
			inner := next
			next = func() { a.spec.call(a, c, inner) }
		}
	}
	next()
}

func (b *Board) forward(c *call) {
	result, err := b.up.Call(c.ctx, c.method, c.params)
	var coded interface{ ErrorCode() int }
	switch {
	case err == nil:
		c.result = result
	case errors.As(err, &coded):
		c.err = &Error{coded.ErrorCode(), err.Error()}
	default:
		c.broken = err
	}
}

// ask puts another call to the honest chain; nil when that answers none.
func (a *active) ask(c *call, method string, params ...any) json.RawMessage {
	raw := make([]json.RawMessage, len(params))
	for i, p := range params {
		raw[i], _ = json.Marshal(p) // numbers, strings and booleans
	}
	result, err := a.board.up.Call(c.ctx, method, raw)
	if err != nil || string(result) == "null" {
		return nil
	}
	return result
}

// head is the honest head's height.
func (a *active) head(c *call) uint64 {
	var n hexutil.Uint64
	_ = json.Unmarshal(a.ask(c, "eth_blockNumber"), &n)
	return uint64(n)
}

// heightOf is the height of a block hash, ok false for an unknown one.
func (a *active) heightOf(c *call, hash common.Hash) (uint64, bool) {
	var b struct {
		Number hexutil.Uint64 `json:"number"`
	}
	return uint64(b.Number), json.Unmarshal(a.ask(c, "eth_getBlockByHash", hash, false), &b) == nil
}

// text is a parameter that is a string.
func (c *call) text(i int) string {
	var s string
	if i < len(c.params) {
		_ = json.Unmarshal(c.params[i], &s)
	}
	return s
}

// number is a parameter that is a height; ok is false for tags and hashes.
func (c *call) number(i int) (uint64, bool) {
	s := c.text(i)
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	return n, err == nil && len(s) < 20
}

// byTag reports a question for the block of a tag.
func (c *call) byTag(tag string) bool {
	return c.method == "eth_getBlockByNumber" && c.text(0) == tag
}

// target is the height of the block that the call is about, by number or hash.
func (a *active) target(c *call) (uint64, bool) {
	if c.method == "eth_getBlockByNumber" && c.text(0) == "latest" {
		return a.head(c), true
	}
	if n, ok := c.number(0); ok {
		return n, true
	}
	var id struct {
		BlockHash *common.Hash `json:"blockHash"`
	}
	hash := common.HexToHash(c.text(0))
	if len(c.params) > 0 && json.Unmarshal(c.params[0], &id) == nil && id.BlockHash != nil {
		hash = *id.BlockHash
	}
	return a.heightOf(c, hash)
}

// span is what an eth_getLogs asks for: heights, or one block by hash.
type span struct {
	From      string       `json:"fromBlock"`
	To        string       `json:"toBlock"`
	BlockHash *common.Hash `json:"blockHash"`
}

// bounds are the heights of an eth_getLogs.
func (a *active) bounds(c *call) (from, to uint64, ok bool) {
	var s span
	if c.method != "eth_getLogs" || len(c.params) == 0 || json.Unmarshal(c.params[0], &s) != nil {
		return 0, 0, false
	}
	if s.BlockHash != nil {
		n, ok := a.heightOf(c, *s.BlockHash)
		return n, n, ok
	}
	height := func(text string) (uint64, bool) {
		if text == "" || text == "latest" {
			return a.head(c), true
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
		return n, err == nil
	}
	from, ok1 := height(s.From)
	to, ok2 := height(s.To)
	return from, to, ok1 && ok2
}

// entry is a log of an answer: all its fields, and those that faults look at.
type entry struct {
	all   map[string]json.RawMessage
	block string // blockHash
	index string // logIndex
	num   uint64
}

// logs reads the answer of an eth_getLogs; nil for anything else.
func (c *call) logs() []entry {
	if c.method != "eth_getLogs" || c.err != nil || c.broken != nil {
		return nil
	}
	var raw []map[string]json.RawMessage
	if json.Unmarshal(c.result, &raw) != nil {
		return nil
	}
	out := make([]entry, len(raw))
	for i, m := range raw {
		var n hexutil.Uint64
		_ = json.Unmarshal(m["blockNumber"], &n)
		out[i] = entry{all: m, block: string(m["blockHash"]), index: string(m["logIndex"]), num: uint64(n)}
	}
	return out
}

// setLogs replaces the answer.
func (c *call) setLogs(list []entry) {
	raw := make([]map[string]json.RawMessage, len(list))
	for i, e := range list {
		raw[i] = e.all
	}
	c.result, _ = json.Marshal(raw)
}

// keep leaves only the logs that pass; true when some did not.
func (c *call) keep(pass func(e entry) bool) bool {
	list := c.logs()
	kept := make([]entry, 0, len(list))
	for _, e := range list {
		if pass(e) {
			kept = append(kept, e)
		}
	}
	if len(kept) == len(list) {
		return false
	}
	c.setLogs(kept)
	return true
}

// with is a copy of the log with one field replaced.
func (e entry) with(field, value string) entry {
	m := make(map[string]json.RawMessage, len(e.all))
	for k, v := range e.all {
		m[k] = v
	}
	m[field] = json.RawMessage(value)
	out := e
	out.all = m
	return out
}
