package evm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// object is a JSON object whose fields a lie changes.
type object = map[string]json.RawMessage

func quoted(s string) json.RawMessage { return json.RawMessage(`"` + s + `"`) }

// lie changes the answers of one method.
func lie[T any](method string, change func(T) any) func(string, []json.RawMessage, json.RawMessage) json.RawMessage {
	return func(m string, _ []json.RawMessage, result json.RawMessage) json.RawMessage {
		if m != method || string(result) == "null" {
			return result
		}
		var v T
		if err := json.Unmarshal(result, &v); err != nil {
			panic(err)
		}
		out, err := json.Marshal(change(v))
		if err != nil {
			panic(err)
		}
		return out
	}
}

// logs changes the answers of eth_getLogs that hold at least two.
func logs(change func([]object) []object) func(string, []json.RawMessage, json.RawMessage) json.RawMessage {
	return lie("eth_getLogs", func(l []object) any {
		if len(l) < 2 {
			return l
		}
		return change(l)
	})
}

// lies each break one rule, and say the words of the check that finds it.
var lies = map[string]struct {
	change func(method string, params []json.RawMessage, result json.RawMessage) json.RawMessage
	words  string
}{
	"a log twice":       {logs(func(l []object) []object { return append(l[:1], l...) }), "comes after log"},
	"logs out of order": {logs(func(l []object) []object { l[0], l[1] = l[1], l[0]; return l }), "comes after log"},
	"removed":           {logs(func(l []object) []object { l[1]["removed"] = json.RawMessage("true"); return l }), "marked as removed"},
	"block hash of another": {logs(func(l []object) []object {
		l[1]["blockHash"] = quoted("0x" + strings.Repeat("ab", 32))
		return l
	}), "names block"},
	"transaction that the block does not have": {logs(func(l []object) []object {
		for _, x := range l {
			x["transactionIndex"] = quoted("0xff")
		}
		return l
	}), "is of transaction 255"},
	"transaction hash of another": {logs(func(l []object) []object {
		for _, x := range l {
			x["transactionHash"] = quoted("0x" + strings.Repeat("cd", 32))
		}
		return l
	}), "names transaction"},
	"topic that was changed": {logs(func(l []object) []object {
		var topics []string
		_ = json.Unmarshal(l[1]["topics"], &topics)
		topics[1] = "0x" + strings.Repeat("ef", 32)
		l[1]["topics"], _ = json.Marshal(topics)
		return l
	}), "is not in the bloom"},
	"header that was changed":         {lie("eth_getBlockByNumber", func(b object) any { b["gasUsed"] = quoted("0x1"); return b }), "does not hash to"},
	"header by hash that was changed": {lie("eth_getBlockByHash", func(b object) any { b["gasUsed"] = quoted("0x1"); return b }), "does not hash to"},
	"time that was changed":           {lie("eth_getBlockByNumber", func(b object) any { b["timestamp"] = quoted("0x1"); return b }), "does not hash to"},
	"other heights": {func(m string, p []json.RawMessage, r json.RawMessage) json.RawMessage {
		if m != "eth_getBlockByNumber" || len(p) == 0 || !strings.HasPrefix(string(p[0]), `"0x`) {
			return r
		}
		return lie(m, func(b object) any { b["number"] = quoted("0x1"); return b })(m, p, r)
	}, "asked for block"},
	"another block by hash": {lie("eth_getBlockByHash", func(b object) any { b["hash"] = quoted("0x" + strings.Repeat("12", 32)); return b }), "asked for block"},
	"no block by hash": {func(m string, _ []json.RawMessage, r json.RawMessage) json.RawMessage {
		if m == "eth_getBlockByHash" {
			return json.RawMessage("null")
		}
		return r
	}, "is not there any more"},
}

// TestLies: each of them is found, in windows and block by block, names the
// block, and nothing wrong is handed out; once the node is honest all comes.
func TestLies(t *testing.T) {
	t.Parallel()
	for name, c := range lies {
		for _, mode := range []string{"window", "events", "follow"} {
			if strings.Contains(name, "by hash") && mode != "follow" {
				continue
			}
			if strings.HasSuffix(name, "changed") && mode == "follow" && !strings.Contains(name, "topic") && !strings.Contains(name, "by hash") {
				continue // of a header by height only its place counts there: the block is asked for by hash
			}
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				chain := fakenode.NewChain(1, 1)
				grow(chain, 120)
				if mode != "follow" {
					chain.Finalize(120)
				}
				// Two of the logs of every third block, so that one answer holds several.
				set := settings(0, evm.Contract{Address: usd, Topics: []common.Hash{transfer, approval}})
				set.HeadersEvents = mode == "events"
				r := newRig(t, chain, set)
				r.server.Lock()
				r.server.Change = c.change
				r.server.Unlock()
				err := error(nil)
				for n := 0; err == nil && n < 50; n++ {
					err = r.follower.Step(t.Context(), r.node, r.node)
				}
				if !errors.Is(err, evm.ErrInconsistent) || !strings.Contains(err.Error(), c.words) || !strings.Contains(err.Error(), "block") {
					t.Fatalf("got %v, want %q", err, c.words)
				}
				r.server.Lock()
				r.server.Change = nil
				r.server.Unlock()
				r.catchUp()
				r.check(func(a common.Address, topic common.Hash, _ uint64) bool { return a == usd })
			})
		}
	}
}

// counted is a Proof.
type counted struct{ suspected, proven, unproven, mended int }

func (c *counted) Suspected(n int) { c.suspected += n }
func (c *counted) Proven(n int)    { c.proven += n }
func (c *counted) Unproven(n int)  { c.unproven += n }
func (c *counted) Mended(n int)    { c.mended += n }

// TestNoLogsUnderASetBloom: a node leaves out all logs of some blocks. Another
// endpoint that has them convicts it; else receipts give them; without receipts the
// blocks are taken as empty, and counted.
func TestNoLogsUnderASetBloom(t *testing.T) {
	t.Parallel()
	hole := func(m string, _ []json.RawMessage, result json.RawMessage) json.RawMessage {
		return lie("eth_getLogs", func(l []*types.Log) any {
			kept := []*types.Log{}
			for _, x := range l {
				if x.BlockNumber%2 == 1 {
					kept = append(kept, x)
				}
			}
			return kept
		})(m, nil, result)
	}
	for _, follow := range []bool{false, true} {
		start := func(t *testing.T, set evm.Settings) (*rig, *counted) {
			t.Helper()
			chain := fakenode.NewChain(1, 1)
			grow(chain, 100)
			if !follow {
				chain.Finalize(100)
			}
			proof := &counted{}
			set.Proof = proof
			r := newRig(t, chain, set)
			r.server.Change = hole
			return r, proof
		}
		name := fmt.Sprintf("follow=%v/", follow)
		t.Run(name+"another endpoint", func(t *testing.T) {
			t.Parallel()
			r, _ := start(t, settings(0, usdTransfers...))
			r.server.NoReceipts = follow // at the head the node's own receipts come first
			other := newRig(t, r.chain, r.set)
			err := r.follower.Step(t.Context(), r.node, other.node)
			if !errors.Is(err, evm.ErrInconsistent) || !strings.Contains(err.Error(), "another endpoint has") {
				t.Fatalf("got %v", err)
			}
			for err = nil; err == nil; {
				err = r.follower.Step(t.Context(), other.node, r.node)
			}
			r.drain()
			r.check(isUSDTransfer)
		})
		t.Run(name+"receipts", func(t *testing.T) {
			t.Parallel()
			r, proof := start(t, settings(0, usdTransfers...))
			r.catchUp()
			r.check(isUSDTransfer)
			if proof.mended != 16 || proof.proven < proof.mended || proof.unproven != 0 {
				t.Errorf("%+v", proof)
			}
		})
		t.Run(name+"receipts of another endpoint", func(t *testing.T) {
			t.Parallel()
			r, proof := start(t, settings(0, usdTransfers...))
			r.server.NoReceipts = true
			other := newRig(t, r.chain, r.set)
			other.server.Change = hole
			var err error
			for err == nil {
				err = r.follower.Step(t.Context(), r.node, other.node)
			}
			r.drain()
			r.check(isUSDTransfer)
			if proof.mended != 16 || proof.unproven != 0 {
				t.Errorf("%v %+v", err, proof)
			}
		})
		t.Run(name+"wrong receipts", func(t *testing.T) {
			t.Parallel()
			r, proof := start(t, settings(0, usdTransfers...))
			r.server.Change = func(m string, p []json.RawMessage, result json.RawMessage) json.RawMessage {
				result = hole(m, p, result)
				return lie("eth_getBlockReceipts", func(l []object) any {
					for _, x := range l {
						x["logs"] = json.RawMessage("[]")
					}
					return l
				})(m, p, result)
			}
			var err error
			for n := 0; err == nil && n < 100; n++ {
				err = r.follower.Step(t.Context(), r.node, r.node)
			}
			if !errors.Is(err, evm.ErrInconsistent) || !strings.Contains(err.Error(), "hash to") || proof.unproven != 0 {
				t.Errorf("%v %+v", err, proof)
			}
			r.server.Lock()
			r.server.Change = hole
			r.server.Unlock()
			r.catchUp()
			r.check(isUSDTransfer)
		})
		for what, fault := range map[string]func() json.RawMessage{"null receipts": func() json.RawMessage { return json.RawMessage("null") },
			"another shape": func() json.RawMessage { return json.RawMessage(`"busy"`) }} {
			t.Run(name+what, func(t *testing.T) {
				t.Parallel()
				r, proof := start(t, settings(0, usdTransfers...))
				r.server.Change = func(m string, p []json.RawMessage, result json.RawMessage) json.RawMessage {
					if m == "eth_getBlockReceipts" {
						return fault()
					}
					return hole(m, p, result)
				}
				var err error
				for n := 0; err == nil && n < 100; n++ {
					err = r.follower.Step(t.Context(), r.node, r.node)
				}
				if err == nil || errors.Is(err, evm.ErrNothingNew) || proof.unproven != 0 {
					t.Errorf("%v %+v", err, proof)
				}
			})
		}
		t.Run(name+"no receipts", func(t *testing.T) {
			t.Parallel()
			r, proof := start(t, settings(0, usdTransfers...))
			r.server.NoReceipts = true
			r.catchUp()
			if proof.unproven != 16 || proof.mended != 0 {
				t.Errorf("%+v", proof)
			}
		})
	}
}

// TestLogsThatComeLate: a node knows a block before its logs; the bloom tells,
// and receipts, or the next time the block is asked for, give them.
func TestLogsThatComeLate(t *testing.T) {
	t.Parallel()
	for _, noReceipts := range []bool{false, true} {
		c := fakenode.NewChain(1, 1)
		r := newRig(t, c, settings(0, usdTransfers...))
		r.server.NoReceipts = noReceipts
		r.catchUp()
		for range 10 {
			grow(c, 3)
			late := true
			r.server.Lock()
			r.server.Change = lie("eth_getLogs", func(l []object) any {
				if len(l) > 0 && late {
					late = false
					return []object{}
				}
				return l
			})
			r.server.Unlock()
			r.catchUp()
		}
		r.check(isUSDTransfer)
	}
}
