package fault

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"fondaco.dev/services/devnet/evm"
)

var null = json.RawMessage("null")

func nullBlock(a *active, c *call, next func()) {
	next()
	if !about(c, "eth_getBlockByNumber", "eth_getBlockByHash") || c.err != nil {
		return
	}
	n, ok := a.target(c)
	if ok && n > 0 && n+a.p.Blocks > a.head(c) && a.chance() {
		a.act()
		c.result = null
	}
}

func nullReceipts(a *active, c *call, next func()) {
	next()
	if !about(c, "eth_getBlockReceipts", "eth_getTransactionReceipt") || c.err != nil {
		return
	}
	n, ok := a.target(c)
	if (!ok || n+a.p.Blocks > a.head(c)) && a.chance() {
		a.act()
		c.result = null
	}
}

// headBack answers as if the newest blocks were not there, for one question.
func headBack(a *active, c *call, next func()) {
	next()
	if !c.byTag("latest") && c.method != "eth_blockNumber" || !a.chance() {
		return
	}
	head := a.head(c)
	back := head - min(head, a.p.Blocks)
	if c.method == "eth_blockNumber" {
		a.act()
		c.result, _ = json.Marshal(quantity(back))
	} else if b := a.ask(c, "eth_getBlockByNumber", quantity(back), false); b != nil {
		a.act()
		c.result = b
	}
}

// finalizedAbsent answers as go-ethereum does before the first finalized block.
func finalizedAbsent(a *active, c *call, next func()) {
	if !c.byTag("finalized") {
		next()
		return
	}
	a.act()
	c.err = &Error{-39001, "finalized block not found"}
}

func finalizedFlapping(a *active, c *call, next func()) {
	next()
	if !c.byTag("finalized") || c.err != nil {
		return
	}
	switch a.below(4) {
	case 0:
		a.act()
		c.result = null
	case 1:
		a.act()
		c.result, c.err = nil, &Error{-32000, "finalized block not found"}
	case 2:
		var b struct {
			Number hexutil.Uint64 `json:"number"`
		}
		_ = json.Unmarshal(c.result, &b)
		n := uint64(b.Number)
		if back := a.ask(c, "eth_getBlockByNumber", quantity(n-min(n, a.p.Blocks)), false); back != nil {
			a.act()
			c.result = back
		}
	}
}

// finalizedAbove: a balancer takes latest from a node that is behind and
// finalized from one that is not.
func finalizedAbove(a *active, c *call, next func()) {
	next()
	head := a.head(c)
	switch {
	case c.byTag("finalized"):
		if b := a.ask(c, "eth_getBlockByNumber", quantity(head), false); b != nil {
			a.act()
			c.result, c.err = b, nil
		}
	case c.byTag("latest"):
		if b := a.ask(c, "eth_getBlockByNumber", quantity(head-min(head, a.p.Blocks)), false); b != nil {
			c.result = b
		}
	}
}

func wrongChainID(a *active, c *call, next func()) {
	next()
	if c.method == "eth_chainId" && c.err == nil {
		a.act()
		c.result = json.RawMessage(`"0xdead"`)
	}
}

func wrongNumber(a *active, c *call, next func()) {
	next()
	n, ok := c.number(0)
	if c.method != "eth_getBlockByNumber" || !ok || n == 0 || !a.chance() {
		return
	}
	if b := a.ask(c, "eth_getBlockByNumber", quantity(n-1), false); b != nil {
		a.act()
		c.result = b
	}
}

// blockSwap replaces the head right after it was told: whatever is asked about
// it next meets another block.
func blockSwap(a *active, c *call, next func()) {
	next()
	chain, ok := a.board.up.(Chain)
	if !ok || c.method != "eth_getBlockByNumber" || c.err != nil {
		return
	}
	if n, ok := a.target(c); !ok || n == 0 || n != a.head(c) || !a.chance() {
		return
	}
	if chain.Move(evm.Reorg{Way: evm.Flip, Depth: 1, Blocks: 1, Remine: true}) == nil {
		a.act()
	}
}
