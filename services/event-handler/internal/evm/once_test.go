package evm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// holeAt leaves out one log of one block.
func holeAt(number uint64, index uint) func(*types.Log) bool {
	return func(l *types.Log) bool { return l.BlockNumber == number && l.Index == index }
}

// once makes a one-shot run with the rig's node, and others beside it.
func (r *rig) once(rng evm.Range, others ...evm.Node) (evm.Done, error) {
	r.t.Helper()
	s := &evm.Source{Follower: r.follower, ChainID: r.chain.ID, Log: zap.NewNop(), Endpoints: []evm.Endpoint{{Name: "a", Node: r.node}}}
	for _, n := range others {
		s.Endpoints = append(s.Endpoints, evm.Endpoint{Name: "b", Node: n})
	}
	done, err := s.Once(r.t.Context(), rng)
	if err == nil {
		err = r.pub.Flush(r.t.Context())
	}
	return done, err
}

// TestOncePublishesExactlyTheRange, in pieces, and then the rest by following.
func TestOncePublishesExactlyTheRange(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 500)
	c.Finalize(450)
	set := rescanSettings(usdTransfers...)
	r := newRig(t, c, set)
	from := uint64(0)
	for _, to := range []uint64{0, 99, 100, 449, 470, 500} {
		done, err := r.once(evm.Range{From: from, To: to})
		if err != nil || done.Published != to-from+1 || done.Compared != 0 {
			t.Fatalf("%d..%d: %+v, %v", from, to, done, err)
		}
		if m := r.applied(); m.Head != to {
			t.Fatalf("published up to %d, want %d", m.Head, to)
		}
		r.restart()
		from = to + 1
	}
	dense(c, 20)
	r.catchUp()
	r.check(isUSDTransfer)
}

// TestOnceRepairs what is covered, publishes what is not, and does nothing twice.
func TestOnceRepairs(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for range 300 {
		c.Mine(event(usd, transfer, "a"), event(wine, transfer, "b"), event(usd, transfer, "c"), event(wine, transfer, "d"))
	}
	c.Finalize(280)
	both := append([]evm.Contract{{Address: wine, Topics: []common.Hash{transfer}}}, usdTransfers...)
	r := newRig(t, c, rescanSettings(both...))
	r.server.Lock()
	r.server.Hide = func(l *types.Log) bool {
		return l.BlockNumber == 40 && l.Index == 0 || l.BlockNumber == 50 && l.Index == 1 || l.BlockNumber == 290 && l.Index == 2
	}
	r.server.Unlock()
	r.catchUp()
	_, node := r.another()
	// Only wine: the hole of usd in block 40 is not looked at.
	keep := evm.NewFilter(0, both[:1])
	done, err := r.once(evm.Range{From: 1, To: 300, Keep: keep}, node)
	if err != nil || done.Compared != 300 || done.Repairs != 1 || done.Differences != 1 || done.Logs != 600 || done.Published != 0 {
		t.Fatalf("one contract: %+v, %v", done, err)
	}
	if len(r.applied().Blocks[40].GetLogs()) != 3 || len(r.applied().Blocks[50].GetLogs()) != 4 {
		t.Error("the repair of one contract is not complete, or went too far")
	}
	dense(c, 10)
	r.restart()
	done, err = r.once(evm.Range{From: 30, To: 310}, node)
	if err != nil || done.Compared != 271 || done.Repairs != 2 || done.Published != 10 {
		t.Fatalf("all: %+v, %v", done, err)
	}
	r.restart()
	before, _ := r.log.Packs()
	if done, err = r.once(evm.Range{From: 0, To: 310}, node); err != nil || done.Compared != 311 || done.Repairs != 0 {
		t.Fatalf("again: %+v, %v", done, err)
	}
	if after, _ := r.log.Packs(); len(after) != len(before) {
		t.Error("something was published although all was right")
	}
	r.server.Lock()
	r.server.Hide = nil
	r.server.Unlock()
	r.check(func(a common.Address, topic common.Hash, _ uint64) bool {
		return (a == usd || a == wine) && topic == transfer
	})
	// What a one-shot run repaired is known to the second reading.
	r.restart()
	r.rescan(node)
	if m := r.applied(); m.Repairs != 3 || m.Checked != 280 {
		t.Errorf("%d repairs, checked %d", m.Repairs, m.Checked)
	}
}

func TestOnceRefuses(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	dense(c, 100)
	r := newRig(t, c, settings(10, usdTransfers...))
	refused := func(rng evm.Range, want string) {
		t.Helper()
		before, _ := r.log.Packs()
		var no *evm.RangeError
		if _, err := r.once(rng); !errors.As(err, &no) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d..%d: %v", rng.From, rng.To, err)
		}
		if after, _ := r.log.Packs(); len(after) != len(before) {
			t.Error("something was published")
		}
	}
	refused(evm.Range{From: 20, To: 30}, "the first range begins at block 10")
	refused(evm.Range{From: 9, To: 30}, "the network begins at block 10")
	refused(evm.Range{From: 30, To: 20}, "is empty")
	refused(evm.Range{From: 10, To: 101}, "the node's head is 100")
	refused(evm.Range{From: 10, To: 20, Keep: evm.NewFilter(0, usdTransfers)}, "with the logs of every contract")
	if _, err := r.once(evm.Range{From: 10, To: 20}); err != nil {
		t.Fatal(err)
	}
	refused(evm.Range{From: 22, To: 30}, "the subject's head is 20: a range above it begins at 21")
	wrong := &evm.Source{Follower: r.follower, ChainID: 7, Log: zap.NewNop(), Endpoints: []evm.Endpoint{{Name: "a", Node: r.node}}}
	if _, err := wrong.Once(t.Context(), evm.Range{From: 21, To: 30}); err == nil || !strings.Contains(err.Error(), "a has chain id 1, the configuration says 7") {
		t.Errorf("another chain: %v", err)
	}
}
