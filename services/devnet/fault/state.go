package fault

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
)

// prunedState: the node keeps the state of the newest blocks only, as
// go-ethereum does unless it is told to be an archive.
func prunedState(a *active, c *call, next func()) {
	next()
	if !about(c, "eth_call", "eth_getCode") || c.err != nil {
		return
	}
	n, ok := a.stateOf(c)
	if !ok || n+a.p.Blocks >= a.head(c) {
		return
	}
	a.act()
	if a.p.K == 2 {
		c.result = json.RawMessage(`"0x"`)
		return
	}
	c.result, c.err = nil, &Error{-32000, "missing trie node 5b1f (path ) state 0x5b1f is not available, not found"}
}

func nullState(a *active, c *call, next func()) {
	next()
	if about(c, "eth_call", "eth_getCode") && c.err == nil && a.chance() {
		a.act()
		c.result = null
	}
}

// stateOf is the height whose state a call asks for; ok is false for a tag.
func (a *active) stateOf(c *call) (uint64, bool) {
	if n, ok := c.number(1); ok {
		return n, true
	}
	var id struct {
		BlockHash *common.Hash `json:"blockHash"`
	}
	if len(c.params) < 2 || json.Unmarshal(c.params[1], &id) != nil || id.BlockHash == nil {
		return 0, false
	}
	return a.heightOf(c, *id.BlockHash)
}
