package fault

import (
	"encoding/json"
	"slices"
	"strconv"
)

// laggingLogs: behind one address stand a node that has the newest blocks and
// one whose logs end some blocks earlier.
func laggingLogs(a *active, c *call, next func()) {
	next()
	if c.method != "eth_getLogs" || c.err != nil {
		return
	}
	head := a.head(c)
	if c.keep(func(e entry) bool { return e.num+a.p.Blocks <= head }) {
		a.act()
	}
}

// lateLogs: a node makes a block known before its logs are indexed.
func lateLogs(a *active, c *call, next func()) {
	next()
	list := c.logs()
	if len(list) == 0 {
		return
	}
	head := a.head(c)
	late := map[string]bool{}
	for _, e := range list {
		if _, known := late[e.block]; !known {
			late[e.block] = e.num+a.p.Blocks > head && a.times(e.block) < a.p.K
		}
	}
	if c.keep(func(e entry) bool { return !late[e.block] }) {
		a.act()
	}
}

func logHole(a *active, c *call, next func()) {
	next()
	if c.keep(func(e entry) bool { return !a.fixed(e.block, e.index) }) {
		a.act()
	}
}

func emptyUnderBloom(a *active, c *call, next func()) {
	next()
	if c.keep(func(e entry) bool { return !a.fixed(e.block) }) {
		a.act()
	}
}

// some gives the place of one log, when chance wants it.
func (a *active) some(c *call) ([]entry, int, bool) {
	list := c.logs()
	if len(list) == 0 || !a.chance() {
		return nil, 0, false
	}
	a.act()
	return list, a.below(len(list)), true
}

func duplicateLog(a *active, c *call, next func()) {
	next()
	if list, i, ok := a.some(c); ok {
		c.setLogs(slices.Insert(list, i, list[i]))
	}
}

// duplicateLogIndex: a log takes the index of its neighbour, or a copy of it
// with other data stands beside it.
func duplicateLogIndex(a *active, c *call, next func()) {
	next()
	list, i, ok := a.some(c)
	if !ok {
		return
	}
	if i > 0 && list[i].block == list[i-1].block {
		list[i] = list[i].with("logIndex", list[i-1].index)
	} else {
		list = slices.Insert(list, i, list[i].with("data", `"0x"`))
	}
	c.setLogs(list)
}

func removedLog(a *active, c *call, next func()) {
	next()
	if list, i, ok := a.some(c); ok {
		list[i] = list[i].with("removed", "true")
		c.setLogs(list)
	}
}

func foreignLog(a *active, c *call, next func()) {
	next()
	if list, i, ok := a.some(c); ok {
		hash := []byte(list[i].block)
		for k := 3; k < len(hash)-1; k++ { // behind "0x
			hash[k] = "0123456789abcdef"[a.below(16)]
		}
		list[i] = list[i].with("blockHash", string(hash))
		c.setLogs(list)
	}
}

// wordings are how hosted services and nodes refuse a wide eth_getLogs, as seen
// in their documentation and in the reports of their users.
var wordings = []Error{
	{-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size, or you can request any block range with a cap of 10K logs in the response. Based on your parameters and the response size limit, this block range should work: [0x1, 0x2]"},
	{-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."},
	{-32614, "eth_getLogs is limited to a 10,000 range"},
	{-32062, "Block range is too large"},
	{-32000, "exceed maximum block range: 5000"},
	{-32047, "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 800"},
	{-32600, "Block range limit exceeded. See more details at https://docs.example.com"},
	{35, "ranges over 10000 blocks are not supported on freetier"},
	{-32000, "please limit the query to at most 1000 blocks"},
	{-32000, "query timeout exceeded"},
	{-32008, "Response is too big"},
	{-32603, "cannot serve this request"}, // no word that one could know it by
}

// Wordings is how many there are.
const Wordings = 12

func rangeError(a *active, c *call, next func()) {
	from, to, ok := a.bounds(c)
	if !ok || to < from+a.p.Blocks {
		next()
		return
	}
	a.act()
	k := a.p.K - 1
	if k < 0 {
		k = a.times("wording")
	}
	w := wordings[k%len(wordings)]
	c.err = &w
}

// prunedHistory: the node keeps the newest blocks only, and does not say so.
func prunedHistory(a *active, c *call, next func()) {
	next()
	if c.err != nil {
		return
	}
	head := a.head(c)
	if c.method == "eth_getLogs" {
		if c.keep(func(e entry) bool { return e.num+a.p.Blocks >= head }) {
			a.act()
		}
		return
	}
	if !about(c, "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBlockReceipts") || string(c.result) == "null" {
		return
	}
	// Block 0 is in every node, pruned or not.
	if n, ok := a.target(c); ok && n > 0 && n+a.p.Blocks < head {
		a.act()
		c.result = json.RawMessage("null")
	}
}

func about(c *call, methods ...string) bool { return slices.Contains(methods, c.method) }

func quantity(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }
