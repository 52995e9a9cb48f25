package fault

import (
	"fmt"
	"time"

	"fondaco.dev/services/devnet/evm"
)

// spec is a fault of an endpoint: what it is called, and where it steps in.
type spec struct {
	Name    string
	Says    string // what the endpoint does, for a person
	Default Params

	// call stands around each call of the endpoint; next asks the faults below
	// and the chain, and may be left out or called again.
	call func(a *active, c *call, next func())
	// transport stands around the whole HTTP answer; nil: it was written already.
	transport func(a *active, x *exchange, next func() []byte) []byte
	// head says whether the nth head of a WebSocket connection is told.
	head func(a *active, socket, nth int) bool
}

// specs are all faults of one endpoint, grouped as docs/NODE_FAULTS.md has them.
var specs = []spec{
	{Name: "lagging-logs", Says: "eth_getLogs of the newest blocks answers [] while their headers are there", Default: Params{Blocks: 8}, call: laggingLogs},
	{Name: "late-logs", Says: "the logs of a new block appear only when asked for the k-th time", Default: Params{K: 3, Blocks: 16}, call: lateLogs},
	{Name: "log-hole", Says: "some logs, always the same ones, are in no eth_getLogs", Default: Params{P: 0.05}, call: logHole},
	{Name: "empty-under-bloom", Says: "eth_getLogs answers [] for some blocks, always the same ones, whose bloom says that there are logs", Default: Params{P: 0.2}, call: emptyUnderBloom},
	{Name: "duplicate-log", Says: "a log is twice in one answer", Default: Params{P: 0.3}, call: duplicateLog},
	{Name: "duplicate-log-index", Says: "two logs of a block have the same index", Default: Params{P: 0.3}, call: duplicateLogIndex},
	{Name: "removed-log", Says: "a log of an answer says removed: true", Default: Params{P: 0.3}, call: removedLog},
	{Name: "foreign-log", Says: "a log of an answer names a block hash that is not that block's", Default: Params{P: 0.3}, call: foreignLog},

	{Name: "block-swap", Says: "the head is replaced by another block right after it was told", Default: Params{P: 0.2}, call: blockSwap},
	{Name: "null-block", Says: "a block near the head is null", Default: Params{P: 0.4, Blocks: 3}, call: nullBlock},
	{Name: "null-receipts", Says: "receipts of a block near the head are null", Default: Params{P: 0.4, Blocks: 3}, call: nullReceipts},
	{Name: "head-back", Says: "the head is now and then far behind", Default: Params{P: 0.3, Blocks: 1000}, call: headBack},
	{Name: "finalized-absent", Says: "there is no finalized block", call: finalizedAbsent},
	{Name: "finalized-flapping", Says: "the finalized block is absent, far back, or right", Default: Params{Blocks: 50}, call: finalizedFlapping},
	{Name: "finalized-above-latest", Says: "the finalized block is above the latest one", Default: Params{Blocks: 4}, call: finalizedAbove},
	{Name: "wrong-chain-id", Says: "the endpoint serves another chain id", call: wrongChainID},
	{Name: "wrong-number", Says: "another block than the one asked for is answered", Default: Params{P: 0.3}, call: wrongNumber},
	{Name: "pruned-history", Says: "old logs are [], old blocks and receipts null", Default: Params{Blocks: 20}, call: prunedHistory},
	{Name: "pruned-state", Says: "eth_call and eth_getCode at old blocks fail for want of the state, or with k = 2 answer 0x", Default: Params{Blocks: 20, K: 1}, call: prunedState},
	{Name: "null-state", Says: "eth_call and eth_getCode answer null", Default: Params{P: 0.4}, call: nullState},

	{Name: "range-error", Says: "eth_getLogs over many heights or logs is refused, in the words of hosted services; k chooses one", Default: Params{Blocks: 3}, call: rangeError},
	{Name: "rate-limit", Says: "storms of 429", Default: Params{K: 8}, transport: rateLimit},
	{Name: "server-error", Says: "500, 502 and 503", Default: Params{P: 0.4}, transport: serverError},
	{Name: "slow-loris", Says: "the answer comes byte by byte", Default: Params{P: 0.3, Pause: 50 * time.Millisecond}, transport: slowLoris},
	{Name: "truncated-json", Says: "the answer ends in the middle", Default: Params{P: 0.4}, transport: truncatedJSON},
	{Name: "html-200", Says: "200 with a web page", Default: Params{P: 0.4}, transport: html200},
	{Name: "batch-holes", Says: "the answer to a batch leaves some calls out", Default: Params{P: 0.3}, transport: batchHoles},

	{Name: "silent-socket", Says: "the WebSocket stays open and says nothing", head: silentSocket},
	{Name: "dropped-heads", Says: "the first k heads after a new subscription are not told", Default: Params{K: 3}, head: droppedHeads},
}

func specOf(name string) *spec {
	for i := range specs {
		if specs[i].Name == name {
			return &specs[i]
		}
	}
	return nil
}

// change is a fault of the chain itself: every endpoint sees it.
type change struct {
	Name    string
	Says    string
	Default Params
	do      func(c Chain, p Params) error
}

var changes = []change{
	{"reorg-fork", "the head drops to the common ancestor, then the other branch grows block by block", Params{Blocks: 8}, reorg(evm.Shrink)},
	{"reorg-flip", "the other branch appears in one step, with one new head", Params{Blocks: 8}, reorg(evm.Flip)},
	{"reorg-silent", "blocks are deleted (debug_setHead) and others made; nobody is told", Params{Blocks: 8}, reorg(evm.Silent)},
	{"huge-block", "one block holds k bytes of logs", Params{K: 20 << 20}, func(c Chain, p Params) error { return c.Flood(p.K) }},
}

// reorg takes back p.Blocks blocks, also finalized ones, and makes one more.
func reorg(way evm.Way) func(Chain, Params) error {
	return func(c Chain, p Params) error {
		return c.Move(evm.Reorg{Way: way, Depth: int(p.Blocks), Blocks: int(p.Blocks) + 1, BelowFinality: true})
	}
}

// Change makes the chain do something once.
func Change(c Chain, name string, p Params) error {
	for _, x := range changes {
		if x.Name == name {
			return x.do(c, p.or(x.Default))
		}
	}
	return fmt.Errorf("no chain has a fault %q", name)
}

// Info tells of a fault.
type Info struct {
	Name string `json:"name"`
	// Of is "endpoint" or "chain".
	Of      string `json:"of"`
	Says    string `json:"says"`
	Default Params `json:"default"`
}

// List tells of every fault.
func List() []Info {
	var out []Info
	for _, s := range specs {
		out = append(out, Info{s.Name, "endpoint", s.Says, s.Default})
	}
	for _, c := range changes {
		out = append(out, Info{c.Name, "chain", c.Says, c.Default})
	}
	return out
}
