package evm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// another serves the rig's chain as another endpoint.
func (r *rig) another() (*fakenode.Server, evm.Node) {
	r.t.Helper()
	s := fakenode.NewServer(r.chain)
	return s, nodeOf(r.t, s)
}

// nodeOf is the node that a handler answers for.
func nodeOf(t *testing.T, h http.Handler) evm.Node {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c, err := jsonrpc.New(srv.URL, jsonrpc.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return evm.NewRPCNode(c)
}

// rescan makes passes until there is nothing to compare, and waits until all is
// stored. Errors of a node are counted.
func (r *rig) rescan(second evm.Node, others ...evm.Node) (blamed int) {
	r.t.Helper()
	for n, idle := 0, 0; idle < 3; n++ { // a pass that only learnt to ask for less hands nothing out
		r.drain()
		did, err := r.follower.Rescan(r.t.Context(), r.node, second, others...)
		var blame *evm.BlameError
		switch {
		case errors.As(err, &blame):
			blamed++
		case err != nil:
			r.t.Fatalf("pass %d: %v", n, err)
		}
		if idle++; did {
			idle = 0
		}
		if n > 10_000 {
			r.t.Fatal("the passes do not come to an end")
		}
	}
	r.drain()
	return blamed
}

// dense mines n blocks of four wanted logs each.
func dense(c *fakenode.Chain, n int) {
	for range n {
		h := c.Head().Number() + 1
		var logs []fakenode.LogSpec
		for k := range 4 {
			logs = append(logs, event(usd, transfer, fmt.Sprint(h, "-", k)), event(stranger, transfer, "no"))
		}
		c.Mine(logs...)
	}
}

// holes leaves out each wanted log with a chance of one in forty, but never a
// whole block's, which would be noticed at once.
func holes(seed uint64) (hide func(*types.Log) bool, hidden map[common.Hash]int) {
	hidden = map[common.Hash]int{}
	picked := map[[2]uint64]bool{}
	rnd := rand.New(rand.NewPCG(seed, 7))
	return func(l *types.Log) bool {
		key := [2]uint64{l.BlockNumber, uint64(l.Index)}
		no, known := picked[key]
		if !known {
			no = l.Address == usd && rnd.IntN(40) == 0 && hidden[l.BlockHash] < 3
			if picked[key] = no; no {
				hidden[l.BlockHash]++
			}
		}
		return no
	}, hidden
}

func rescanSettings(contracts ...evm.Contract) evm.Settings {
	set := settings(0, contracts...)
	set.FirstWindow = 170
	return set
}

// TestRescanFindsHoles: one endpoint never serves some logs; the other does.
func TestRescanFindsHoles(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"receipts", "votes", "one endpoint", "headers: events"} {
		for seed := range uint64(1) {
			t.Run(fmt.Sprint(mode, seed), func(t *testing.T) {
				t.Parallel()
				c := fakenode.NewChain(1, 1)
				dense(c, 1060)
				c.Finalize(1040)
				set := rescanSettings(usdTransfers...)
				set.HeadersEvents = mode == "headers: events"
				var told evm.Rescanned
				set.Rescanned = func(x evm.Rescanned) {
					told.Repairs, told.Differences, told.Checked = told.Repairs+x.Repairs, told.Differences+x.Differences, x.Checked
				}
				r := newRig(t, c, set)
				hide, hidden := holes(seed)
				r.server.Lock()
				r.server.Hide, r.server.NoReceipts = hide, mode == "votes"
				r.server.Unlock()
				r.catchUp()
				second, node := r.another()
				others := []evm.Node{}
				switch mode {
				case "votes":
					second.NoReceipts = true
					third, n := r.another()
					third.NoReceipts = true
					others = append(others, n)
				case "one endpoint":
					// The node was mended; before, it had served holes.
					r.server.Lock()
					r.server.Hide = nil
					r.server.Unlock()
					node = r.node
				}
				if blamed := r.rescan(node, others...); blamed > 0 {
					t.Errorf("an honest endpoint was blamed %d times", blamed)
				}
				r.server.Lock()
				wrong := 0
				for hash := range hidden {
					if b := c.ByHash(hash); hidden[hash] > 0 && b.Number() <= 1040 {
						wrong++
					}
				}
				r.server.Unlock()
				if wrong == 0 || told.Repairs != wrong || told.Checked != 1040 {
					t.Errorf("%d repairs, %d differences, checked %d; %d blocks had holes", told.Repairs, told.Differences, told.Checked, wrong)
				}
				r.server.Lock()
				r.server.Hide = nil
				r.server.Unlock()
				c.Fork(1040) // what is not final yet is not compared yet
				dense(c, 60)
				r.catchUp()
				m := r.check(isUSDTransfer)
				if m.Repairs != wrong || m.Checked != 1040 {
					t.Errorf("the subject holds %d repairs, checked %d", m.Repairs, m.Checked)
				}
			})
		}
	}
}

// TestRescanBlamesTheSecond: what was published is right, the second reading is
// not: nothing is repaired, and the endpoint is named.
func TestRescanBlamesTheSecond(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 400)
	c.Finalize(400)
	r := newRig(t, c, rescanSettings(usdTransfers...))
	r.catchUp()
	second, node := r.another()
	hide, _ := holes(1)
	second.Hide = hide
	if blamed := r.rescan(node); blamed == 0 {
		t.Error("nobody was blamed")
	}
	if m := r.check(isUSDTransfer); m.Repairs != 0 || m.Checked != 400 {
		t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
	}
}

// TestRescanOfAnotherChain: a second endpoint on another chain, or without the
// final block, proves nothing.
func TestRescanOfAnotherChain(t *testing.T) {
	t.Parallel()
	c, other := fakenode.NewChain(1, 1), fakenode.NewChain(1, 2)
	dense(c, 100)
	dense(other, 100)
	c.Finalize(100)
	r := newRig(t, c, rescanSettings(usdTransfers...))
	r.catchUp()
	second, node := r.another()
	short := fakenode.NewChain(1, 1)
	for _, wrong := range []*fakenode.Chain{other, short} {
		second.Lock()
		second.Chain = wrong
		second.Unlock()
		did, err := r.follower.Rescan(t.Context(), r.node, node)
		var blame *evm.BlameError
		if did || !errors.As(err, &blame) || blame.Node != node || !errors.Is(err, evm.ErrInconsistent) {
			t.Errorf("got %v, %v", did, err)
		}
	}
	if m := r.check(isUSDTransfer); m.Checked != 0 {
		t.Errorf("checked %d", m.Checked)
	}
}

// TestRescanUnsettled: two endpoints disagree and nothing proves who is right:
// nothing is repaired, nothing counts as checked, and it is said.
func TestRescanUnsettled(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 100)
	c.Finalize(100)
	r := newRig(t, c, rescanSettings(usdTransfers...))
	r.server.NoReceipts = true
	r.catchUp()
	second, node := r.another()
	second.NoReceipts = true
	second.Hide = func(l *types.Log) bool { return l.BlockNumber == 77 && l.Index == 2 }
	if did, err := r.follower.Rescan(t.Context(), r.node, node); did || !errors.Is(err, evm.ErrUnsettled) {
		t.Fatalf("got %v, %v", did, err)
	}
	second.Lock()
	second.NoReceipts = false
	second.Unlock()
	r.rescan(node)
	if m := r.check(isUSDTransfer); m.Repairs != 0 || m.Checked != 100 {
		t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
	}
}

// TestRescanCrashAnywhere stops the handler after each number of messages of a
// pass that repairs, with Repairs in parts, and goes on: each hole is repaired
// once, and what is checked is true.
func TestRescanCrashAnywhere(t *testing.T) {
	t.Parallel()
	crash := errors.New("crash")
	for _, limit := range []int{0, 1200} { // 0: the default; 1,200: each Repair takes several messages
		for after := range 12 {
			t.Run(fmt.Sprint(limit, after), func(t *testing.T) {
				t.Parallel()
				c := fakenode.NewChain(1, 1)
				dense(c, 60)
				c.Finalize(58)
				r := newRig(t, c, rescanSettings(usdTransfers...))
				r.end()
				r.limits = core.Limits{PackUnits: 1, MaxMessage: limit}
				r.start()
				r.server.Lock()
				r.server.Hide = func(l *types.Log) bool { return l.BlockNumber%20 == 3 && l.Index == 4 }
				r.server.Unlock()
				r.catchUp()
				_, node := r.another()
				var left atomic.Int64
				left.Store(int64(after))
				r.log.SetFail(func(int) error {
					if left.Add(-1) < 0 {
						return crash
					}
					return nil
				})
				_, err := r.follower.Rescan(t.Context(), r.node, node)
				if err != nil && !errors.Is(err, core.ErrStopped) {
					t.Fatal(err)
				}
				for left.Load() >= 0 && !r.pub.Idle() {
					time.Sleep(time.Millisecond)
				}
				r.end()
				r.log.SetFail(nil)
				r.start()
				dense(c, 1)
				r.catchUp() // a step between: the Repairs no longer stand at the tail
				r.restart()
				r.rescan(node)
				m := r.applied()
				if m.Repairs != 3 || m.Checked != 58 {
					t.Fatalf("%d repairs, checked %d", m.Repairs, m.Checked)
				}
				r.server.Lock()
				r.server.Hide = nil
				r.server.Unlock()
				r.check(func(a common.Address, topic common.Hash, _ uint64) bool { return isUSDTransfer(a, topic, 0) })
			})
		}
	}
}

// TestRescanGoesOnAfterRestart: from where the subject says, once each.
func TestRescanGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	set := rescanSettings(usdTransfers...)
	r := newRig(t, c, set)
	_, node := r.another()
	for round := range 4 {
		dense(c, 120)
		c.Finalize(c.Head().Number() - 20)
		r.catchUp()
		r.restart()
		r.rescan(node)
		if m := r.check(isUSDTransfer); m.Checked != c.Head().Number()-20 {
			t.Fatalf("round %d: checked %d of %d", round, m.Checked, c.Head().Number())
		}
	}
}

// TestRescanOfProvenLogs: with receipts nothing is read again.
func TestRescanOfProvenLogs(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 120)
	c.Finalize(110)
	set := rescanSettings(usdTransfers...)
	set.Receipts = true
	r := newRig(t, c, set)
	r.catchUp()
	second, node := r.another()
	r.rescan(node)
	if m := r.check(isUSDTransfer); m.Checked != 110 {
		t.Errorf("checked %d", m.Checked)
	}
	if len(second.Calls) > 0 {
		t.Errorf("the second endpoint was asked %v", second.Calls)
	}
}

// TestRescanPaces: a pass waits its turn.
func TestRescanPaces(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 30)
	c.Finalize(20)
	set := rescanSettings(usdTransfers...)
	set.RescanEvery = time.Hour
	r := newRig(t, c, set)
	r.catchUp()
	_, node := r.another()
	if did, err := r.follower.Rescan(t.Context(), r.node, node); !did || err != nil {
		t.Fatalf("the first pass: %v, %v", did, err)
	}
	dense(c, 30)
	c.Finalize(50)
	r.catchUp()
	if did, err := r.follower.Rescan(t.Context(), r.node, node); did || err != nil {
		t.Errorf("a pass before its time: %v, %v", did, err)
	}
}

// TestRescanAfterDeepReorg: what was checked of another branch is checked anew,
// by the session that saw the revert and by the one after it.
func TestRescanAfterDeepReorg(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint(restart), func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			dense(c, 200)
			c.Finalize(190)
			r := newRig(t, c, rescanSettings(usdTransfers...))
			r.server.Lock()
			r.server.Hide = func(l *types.Log) bool { return l.BlockNumber%50 == 7 && l.Index == 2 }
			r.server.Unlock()
			r.catchUp()
			_, node := r.another()
			r.rescan(node)
			if m := r.applied(); m.Checked != 190 || m.Repairs != 4 {
				t.Fatalf("checked %d, %d repairs", m.Checked, m.Repairs)
			}
			c.Fork(120)
			c.Finalize(120)
			dense(c, 130)
			r.deep++
			if err := r.follower.Rewind(t.Context(), r.node, nil); err != nil { // what Source does once a quorum agrees
				t.Fatal(err)
			}
			r.catchUp()
			if restart {
				r.restart()
			}
			c.Finalize(230)
			r.catchUp()
			r.rescan(node)
			r.server.Lock()
			r.server.Hide = nil
			r.server.Unlock()
			// 7, 57, 107 and 157 of the first branch, 157 and 207 of the second.
			if m := r.check(isUSDTransfer); m.Checked != 230 || m.Repairs != 6 {
				t.Errorf("checked %d, %d repairs", m.Checked, m.Repairs)
			}
		})
	}
}

// TestRescanFindsUnlistedBlocks: where only blocks with events are listed, a
// block may be missing as a whole.
func TestRescanFindsUnlistedBlocks(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 300)
	c.Finalize(290)
	set := rescanSettings(usdTransfers...)
	set.HeadersEvents = true
	r := newRig(t, c, set)
	r.server.Lock()
	r.server.Hide = func(l *types.Log) bool { return l.BlockNumber%60 == 3 }
	r.server.Unlock()
	r.catchUp()
	if r.applied().Blocks[63] != nil {
		t.Fatal("the block is listed")
	}
	_, node := r.another()
	r.rescan(node)
	r.server.Lock()
	r.server.Hide = nil
	r.server.Unlock()
	if m := r.check(isUSDTransfer); m.Repairs != 4 && m.Repairs != 5 || m.Checked != 290 {
		t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
	}
}

// TestRescanAsksForLess: the second endpoint's limits are not the first one's.
func TestRescanAsksForLess(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 150)
	c.Finalize(150)
	r := newRig(t, c, rescanSettings(usdTransfers...))
	r.catchUp()
	second, node := r.another()
	second.MaxLogs = 90
	for range 20 {
		r.rescan(node)
	}
	if m := r.check(isUSDTransfer); m.Checked != 150 || m.Repairs != 0 {
		t.Errorf("checked %d, %d repairs", m.Checked, m.Repairs)
	}
}
