package evm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

func TestFollowsFromBlockZero(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	r := newRig(t, c, settings(0, usdTransfers...))
	for range 5 {
		grow(c, 7)
		r.catchUp()
	}
	m := r.check(isUSDTransfer)
	if len(m.Blocks) != 36 {
		t.Errorf("%d blocks listed; every unfinalized block is a unit", len(m.Blocks))
	}
}

func TestBackfillThenFollow(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 1000)
	c.Finalize(950)
	set := settings(0, usdTransfers...)
	set.FirstWindow = 40
	r := newRig(t, c, set)
	r.catchUp()
	m := r.check(isUSDTransfer)
	if m.Finalized != 950 {
		t.Errorf("finalized %d", m.Finalized)
	}
	if n := r.server.Calls["eth_getLogs"]; n > 80 {
		t.Errorf("%d eth_getLogs for 1,000 blocks", n)
	}
	grow(c, 20)
	c.Finalize(960)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Finalized != 960 {
		t.Errorf("finalized %d", m.Finalized)
	}
}

func TestWindowHalvesOnRangeAndResultErrors(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*fakenode.Server){
		"range":   func(s *fakenode.Server) { s.MaxRange = 7 },
		"results": func(s *fakenode.Server) { s.MaxLogs = 3 },
		"one":     func(s *fakenode.Server) { s.MaxRange = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 400)
			c.Finalize(400)
			r := newRig(t, c, settings(0, usdTransfers...))
			limit(r.server)
			r.catchUp()
			r.check(isUSDTransfer)
		})
	}
}

func TestFinalityByDepth(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	set := settings(3, usdTransfers...)
	set.Finality = evm.Finality{Depth: 10}
	r := newRig(t, c, set)
	r.catchUp() // below the start: nothing
	if got, err := r.log.Packs(); err != nil || len(got) != 0 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	grow(c, 100)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Finalized != 90 {
		t.Errorf("finalized %d", m.Finalized)
	}
	c.Fork(95)
	grow(c, 8)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Finalized != 93 || m.Reverts != 1 {
		t.Errorf("finalized %d, %d reverts", m.Finalized, m.Reverts)
	}
}

func TestReorgs(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 50)
	c.Finalize(40)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.catchUp()

	c.Fork(49) // one block, same height
	grow(c, 1)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Reverts != 1 {
		t.Fatalf("%d reverts", m.Reverts)
	}
	c.Fork(43) // deeper, longer
	grow(c, 20)
	r.catchUp()
	r.check(isUSDTransfer)
	c.Fork(50) // shorter than before: the head goes back
	grow(c, 2)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Reverts != 3 {
		t.Fatalf("%d reverts", m.Reverts)
	}
	c.Fork(40) // down to the finalized block itself
	grow(c, 30)
	r.catchUp()
	r.check(isUSDTransfer)
}

// TestThereAndBackAgain: a chain goes A -> B -> A, and the last A is sent again.
func TestThereAndBackAgain(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 10)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.catchUp()
	a := c.Fork(8)
	grow(c, 3)
	r.catchUp()
	r.check(isUSDTransfer)
	c.Fork(8)
	c.Adopt(a)
	grow(c, 2)
	r.catchUp()
	m := r.check(isUSDTransfer)
	if n := m.Sent[string(a[0].Hash.Bytes())]; n != 2 {
		t.Errorf("block A was sent %d times, want twice", n)
	}
}

// TestNodeBehind: a node that has fewer blocks of the same chain is waited for,
// not followed back.
func TestNodeBehind(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 20)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.catchUp()
	top := c.Fork(12)
	r.catchUp()
	c.Adopt(top)
	grow(c, 1)
	r.catchUp()
	if m := r.check(isUSDTransfer); m.Reverts != 0 {
		t.Errorf("%d reverts", m.Reverts)
	}
}

func TestReorgWhileDown(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int{1, 30, 300} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 60)
			c.Finalize(30)
			r := newRig(t, c, settings(0, usdTransfers...))
			r.catchUp()
			r.end()
			c.Fork(45)
			grow(c, ahead)
			c.Finalize(c.Head().Number() - 1)
			r.start()
			r.catchUp()
			if m := r.check(isUSDTransfer); m.Reverts != 1 {
				t.Errorf("%d reverts", m.Reverts)
			}
		})
	}
}

func TestReorgDeeperThanFinalityStops(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 50)
	c.Finalize(40)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.catchUp()
	before, _ := r.log.Packs()
	c.Fork(35)
	grow(c, 30)
	var deep *evm.DeepReorgError
	for range 3 {
		if err := r.follower.Step(t.Context(), r.node, r.node); !errors.As(err, &deep) || deep.Number != 40 {
			t.Fatalf("got %v", err)
		}
	}
	r.drain()
	if after, _ := r.log.Packs(); len(after) != len(before) {
		t.Error("something was published")
	}
}

// TestRevertBelowTheFirstBlock: nothing is final, and all that was handed out is
// on another branch.
func TestRevertBelowTheFirstBlock(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 12)
	r := newRig(t, c, settings(9, usdTransfers...))
	r.catchUp()
	c.Fork(6)
	grow(c, 10)
	r.catchUp()
	r.check(isUSDTransfer)
	r.restart()
	grow(c, 3)
	r.catchUp()
	r.check(isUSDTransfer)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 300)
	c.Finalize(250)
	set := settings(10,
		evm.Contract{Any: true, Topics: []common.Hash{transfer}, From: 100},
		evm.Contract{Address: usd, Topics: []common.Hash{transfer, approval}, From: 50},
		evm.Contract{Address: wine, Topics: []common.Hash{transfer}, From: 260},
	)
	set.FirstWindow = 1000
	r := newRig(t, c, set)
	r.catchUp()
	r.check(func(a common.Address, topic common.Hash, h uint64) bool {
		return h >= 100 && topic == transfer || h >= 50 && a == usd && (topic == transfer || topic == approval)
	})
	if len(r.server.Ranges) != 2 {
		t.Errorf("two contracts by topic and one at any address are two questions: %v", r.server.Ranges)
	}
}

func TestNoContracts(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 200)
	c.Finalize(180)
	r := newRig(t, c, settings(0))
	r.catchUp()
	r.check(func(common.Address, common.Hash, uint64) bool { return false })
	if n := r.server.Calls["eth_getLogs"]; n != 0 {
		t.Errorf("%d eth_getLogs", n)
	}
}

func TestNodeWithoutBatches(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 100)
	c.Finalize(80)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.server.Lock()
	r.server.NoBatch = true
	r.server.Unlock()
	r.catchUp()
	r.check(isUSDTransfer)
}

// TestCrashAnywhere stops the handler after each number of messages, in small
// messages, with reorganisations in between, and compares with the chain.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			c := fakenode.NewChain(1, 1)
			set := settings(0, usdTransfers...)
			set.FirstWindow, set.MaxWindow = 9, 30
			set.HeadersEvents, set.Receipts = seed%2 == 1, seed%4 > 1
			grow(c, 10)
			r := newRig(t, c, set)
			r.end()
			r.limits = core.Limits{PackUnits: 3, MaxMessage: 4000}
			r.start()
			final := uint64(0)
			for range 12 {
				if rnd.IntN(3) == 0 {
					head := c.Head().Number()
					c.Fork(max(final, head-min(head, rnd.Uint64N(6))))
				}
				grow(c, 1+rnd.IntN(100))
				if rnd.IntN(2) == 0 {
					final = max(final, c.Head().Number()-rnd.Uint64N(20)%c.Head().Number())
					c.Finalize(final)
				}
				if rnd.IntN(3) > 0 {
					after := rnd.IntN(8)
					r.log.SetFail(func(int) error {
						if after--; after < 0 {
							return crash
						}
						return nil
					})
					for err := error(nil); err == nil; {
						err = r.follower.Step(t.Context(), r.node, r.node)
					}
					r.end()
					r.log.SetFail(nil)
					r.start()
				}
				r.catchUp()
				r.check(isUSDTransfer)
			}
		})
	}
}

// TestFaultyNode: answers that are wrong in themselves are never published.
func TestFaultyNode(t *testing.T) {
	t.Parallel()
	html := func(w http.ResponseWriter, _ []byte) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body>Bad gateway</body></html>"))
		return true
	}
	truncated := func(w http.ResponseWriter, _ []byte) bool {
		_, _ = w.Write([]byte(`[{"jsonrpc":"2.0","id":1,"result":{"number":"0x`))
		return true
	}
	empty := func(w http.ResponseWriter, _ []byte) bool { return true }
	status := func(code int) func(http.ResponseWriter, []byte) bool {
		return func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(code); return true }
	}
	for name, fault := range map[string]func(http.ResponseWriter, []byte) bool{
		"html": html, "truncated": truncated, "empty": empty, "429": status(429), "500": status(500), "401": status(401), "504": status(504),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 30)
			r := newRig(t, c, settings(0, usdTransfers...))
			for n := range 40 {
				if n%2 == 0 {
					r.server.Lock()
					r.server.Fault = fault
					r.server.Unlock()
					if err := r.follower.Step(t.Context(), r.node, r.node); err == nil || errors.Is(err, evm.ErrNothingNew) {
						t.Fatalf("step with a faulty answer: %v", err)
					}
					r.server.Lock()
					r.server.Fault = nil
					r.server.Unlock()
				}
				_ = r.follower.Step(t.Context(), r.node, r.node)
				grow(c, 1)
			}
			r.catchUp()
			r.check(isUSDTransfer)
		})
	}
}

// TestNodeWithoutTheTag: else it would be fetched block by block from the start.
func TestNodeWithoutTheTag(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 5)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.server.Lock()
	r.server.Fault = func(w http.ResponseWriter, body []byte) bool {
		if !strings.Contains(string(body), "finalized") {
			return false
		}
		_, _ = fmt.Fprintf(w, `[{"id":1,"result":%s},{"id":2,"error":{"code":-32602,"message":"invalid argument 0: hex string without 0x prefix"}}]`,
			`{"number":"0x1","hash":"0x`+strings.Repeat("1", 64)+`","parentHash":"0x`+strings.Repeat("2", 64)+`","timestamp":"0x1"}`)
		return true
	}
	r.server.Unlock()
	if err := r.follower.Step(t.Context(), r.node, r.node); err == nil || !strings.Contains(err.Error(), "set the network's finality to a number") {
		t.Errorf("got %v", err)
	}
}
