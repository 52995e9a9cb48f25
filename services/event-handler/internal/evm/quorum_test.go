package evm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// copyOf is another node's view of the same chain.
func copyOf(c *fakenode.Chain, finalized uint64) *fakenode.Chain {
	d := fakenode.FromBlocks(c.ID, c.Canonical())
	d.Finalize(finalized)
	return d
}

// stored checks what a writer holds against a chain.
func stored(t *testing.T, log *memlog.Log, c *fakenode.Chain, deep int) {
	t.Helper()
	r := &rig{t: t, chain: c, log: log, set: settings(0, usdTransfers...), deep: deep}
	r.check(isUSDTransfer)
}

// published waits until the subject ends at the chain's head.
func published(t *testing.T, log *memlog.Log, s *evm.Source, c *fakenode.Chain) {
	t.Helper()
	eventually(t, "the chain's head is indexed", indexed(s, c))
	eventually(t, "the head is published", func() bool {
		r := resume(t, log)
		return r.GetHead() == c.Head().Number() && fmt.Sprintf("0x%x", r.GetHash()) == c.Head().Hash.Hex()
	})
}

// resume is where the subject says to go on.
func resume(t *testing.T, log *memlog.Log) *chainv1.Resume {
	t.Helper()
	tail, err := core.Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return tail.Resume
}

var down = func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }

func setFault(s *fakenode.Server, f func(http.ResponseWriter, []byte) bool) {
	s.Lock()
	defer s.Unlock()
	s.Fault = f
}

func TestReorgDeeperThanFinality(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		moved, kept int // endpoints on the new chain, and on the old one
		leaves      bool
	}{
		"the only endpoint":       {1, 0, true},
		"both of two":             {2, 0, true},
		"two of three":            {2, 1, true},
		"one of two is outvoted":  {1, 1, false},
		"one of three":            {1, 2, false},
		"three of four, five out": {3, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := fakenode.NewChain(1, 1)
			grow(chain, 60)
			chain.Finalize(50)
			old := copyOf(chain, 50)
			var handlers []http.Handler
			for range c.moved { // the first one is the current one
				handlers = append(handlers, fakenode.NewServer(chain))
			}
			for range c.kept {
				handlers = append(handlers, fakenode.NewServer(old))
			}
			log := &memlog.Log{}
			s, w := runSource(t, log, 1, handlers...)
			published(t, log, s, chain)
			chain.Fork(33)
			grow(chain, 40)
			chain.Finalize(55)
			if c.leaves {
				published(t, log, s, chain)
				if !w.said("publishing has stopped") {
					t.Error("nothing was said")
				}
				stored(t, log, chain, 1)
				grow(chain, 5)
				published(t, log, s, chain)
				stored(t, log, chain, 1)
				return
			}
			grow(old, 5)
			published(t, log, s, old)
			stored(t, log, old, 0)
			eventually(t, "the deviating endpoint is known as such", func() bool { return s.Status()[0].State == "deviating" })
		})
	}
}

// TestDisputeUndecided: with one endpoint on each chain and one that says
// nothing, nothing is published until the third speaks.
func TestDisputeUndecided(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]bool{"it stays": false, "it leaves": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := fakenode.NewChain(1, 1)
			grow(chain, 60)
			chain.Finalize(50)
			old := copyOf(chain, 50)
			third := old
			if leaves {
				third = chain
			}
			silent := fakenode.NewServer(third)
			silent.Fault = down
			log := &memlog.Log{}
			s, w := runSource(t, log, 1, fakenode.NewServer(chain), fakenode.NewServer(old), silent)
			published(t, log, s, chain)
			before := resume(t, log)
			chain.Fork(33)
			grow(chain, 40)
			eventually(t, "the dispute is told", func() bool {
				return strings.Contains(w.says(), "of 3 endpoints 1 have our block, 1 another one, 1 say nothing")
			})
			grow(old, 3)
			if after := resume(t, log); after.GetHead() != before.GetHead() || after.GetFinalized() != before.GetFinalized() {
				t.Errorf("published up to %v, before that to %v", after, before)
			}
			setFault(silent, nil)
			published(t, log, s, third)
			stored(t, log, third, map[bool]int{true: 1}[leaves])
		})
	}
}

// TestDeepReorgBelowWhatIsRemembered: after a restart only what is above
// finality is in memory; the common ancestor is found in the subject.
func TestDeepReorgBelowWhatIsRemembered(t *testing.T) {
	t.Parallel()
	chain := fakenode.NewChain(1, 1)
	log := &memlog.Log{}
	t.Run("first", func(t *testing.T) {
		s, _ := runSource(t, log, 1, fakenode.NewServer(chain))
		for range 20 {
			grow(chain, 20)
			chain.Finalize(chain.Head().Number() - 10)
			published(t, log, s, chain)
		}
	})
	chain.Fork(77)
	grow(chain, 400)
	chain.Finalize(400)
	s, _ := runSource(t, log, 1, fakenode.NewServer(chain))
	published(t, log, s, chain)
	stored(t, log, chain, 1)
}

// TestAnotherGenesisIsNoDispute: nobody is asked to vote on another chain.
func TestAnotherGenesisIsNoDispute(t *testing.T) {
	t.Parallel()
	chain := fakenode.NewChain(1, 1)
	grow(chain, 60)
	chain.Finalize(50)
	server := fakenode.NewServer(chain)
	log := &memlog.Log{}
	s, w := runSource(t, log, 1, server)
	published(t, log, s, chain)
	other := fakenode.NewChain(1, 2)
	grow(other, 80)
	server.Lock()
	server.Chain = other
	server.Unlock()
	eventually(t, "the other chain is refused by name", func() bool { return strings.Contains(w.says(), "another name") })
	stored(t, log, chain, 0)
}

// TestBehindOnAnotherBranch: a node that was left behind on a branch that lost is
// not followed while another one is on ours.
func TestBehindOnAnotherBranch(t *testing.T) {
	t.Parallel()
	chain := fakenode.NewChain(1, 1)
	grow(chain, 60)
	lost := copyOf(chain, 10)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(lost), fakenode.NewServer(chain))
	published(t, log, s, chain)
	lost.Fork(50)
	grow(lost, 4)
	grow(chain, 2)
	published(t, log, s, chain)
	r := &rig{t: t, chain: chain, log: log, set: settings(0, usdTransfers...)}
	if m := r.check(isUSDTransfer); m.Reverts != 0 {
		t.Errorf("%d reverts", m.Reverts)
	}
}

// TestShorterChain: the only endpoint's chain was made shorter, and stays so.
func TestShorterChain(t *testing.T) {
	t.Parallel()
	chain := fakenode.NewChain(1, 1)
	grow(chain, 60)
	chain.Finalize(20)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(chain))
	published(t, log, s, chain)
	chain.Fork(30)
	grow(chain, 5)
	published(t, log, s, chain)
	stored(t, log, chain, 0)
}

// TestHeadGoesBack: the head of one endpoint goes back far without its blocks
// being others: it lags, nothing is reverted, and another
// one takes over.
func TestHeadGoesBack(t *testing.T) {
	t.Parallel()
	chain := fakenode.NewChain(1, 1)
	grow(chain, 400)
	chain.Finalize(390)
	lagging := copyOf(chain, 390)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(lagging), fakenode.NewServer(chain))
	published(t, log, s, chain)
	lagging.Fork(100)
	lagging.Finalize(90)
	grow(chain, 5)
	published(t, log, s, chain)
	r := &rig{t: t, chain: chain, log: log, set: settings(0, usdTransfers...)}
	if m := r.check(isUSDTransfer); m.Reverts != 0 {
		t.Errorf("%d reverts", m.Reverts)
	}
	eventually(t, "it is known to be behind", func() bool { return s.Status()[0].State == "behind" })
}
