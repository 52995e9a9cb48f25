package evm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestRescanRandom: three endpoints, each with holes of its own, are used in any
// order, with reorganisations and kills in between; some serve no receipts. What
// is checked is always complete.
func TestRescanRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 3))
			c := fakenode.NewChain(1, seed)
			dense(c, 20)
			set := rescanSettings(usdTransfers...)
			set.FirstWindow, set.Endpoints, set.HeadersEvents = 30, 3, seed%2 == 1
			r := newRig(t, c, set)
			r.end()
			r.limits = core.Limits{PackUnits: 1 + rnd.IntN(20), MaxMessage: 1500}
			r.start()
			nodes := []evm.Node{r.node}
			servers := []*fakenode.Server{r.server}
			for range 2 {
				s, n := r.another()
				nodes, servers = append(nodes, n), append(servers, s)
			}
			for i, s := range servers {
				s.Lock()
				// Log 2k of a block is wanted; endpoint i lacks some of the k-th with k = i.
				s.Hide = func(l *types.Log) bool { return l.Index == uint(2*i) && l.TxHash[5]%4 == 0 }
				s.NoReceipts = seed%3 == 0 || i == 1 // else votes decide: two of three have each log
				s.Unlock()
			}
			final := uint64(0)
			for range 25 {
				k := rnd.IntN(3)
				r.node = nodes[k]
				switch rnd.IntN(5) {
				case 0:
					c.Fork(max(final, c.Head().Number()-min(c.Head().Number(), rnd.Uint64N(6))))
					dense(c, 8)
				case 1:
					r.restart()
				}
				dense(c, rnd.IntN(40))
				final = max(final, c.Head().Number()-rnd.Uint64N(20))
				c.Finalize(final)
				if rnd.IntN(4) == 0 {
					r.kill(nodes[(k+1)%3], rnd.IntN(6))
				}
				r.catchUp()
				r.rescan(nodes[(k+1)%3], nodes[(k+2)%3])
				m := r.applied()
				if m.Checked != final {
					t.Fatalf("checked %d, final %d", m.Checked, final)
				}
				for _, b := range c.Canonical()[1 : final+1] {
					if got := len(m.Blocks[b.Number()].GetLogs()); got != 4 {
						t.Fatalf("block %d is checked and holds %d of 4 logs", b.Number(), got)
					}
				}
			}
		})
	}
}

// kill lets a pass begin and ends the session after some messages.
func (r *rig) kill(second evm.Node, after int) {
	r.t.Helper()
	crash := errors.New("crash")
	r.log.SetFail(func(int) error {
		if after--; after < 0 {
			return crash
		}
		return nil
	})
	_ = r.follower.Step(r.t.Context(), r.node, second)
	_, _ = r.follower.Rescan(r.t.Context(), r.node, second)
	time.Sleep(time.Millisecond)
	r.end()
	r.log.SetFail(nil)
	r.start()
}
