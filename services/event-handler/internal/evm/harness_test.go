package evm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
	"fondaco.dev/services/event-handler/internal/memlog"
	"fondaco.dev/services/event-handler/internal/model"
)

var (
	usd      = common.HexToAddress("0x0100000000000000000000000000000000000001")
	wine     = common.HexToAddress("0x0200000000000000000000000000000000000002")
	stranger = common.HexToAddress("0x0300000000000000000000000000000000000003")
	transfer = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	approval = crypto.Keccak256Hash([]byte("Approval(address,address,uint256)"))
)

// rig is a follower on a fake node and a subject in memory.
type rig struct {
	t      *testing.T
	chain  *fakenode.Chain
	server *fakenode.Server
	http   *httptest.Server
	log    *memlog.Log
	set    evm.Settings
	limits core.Limits
	deep   int // reverts of final blocks that are expected

	follower *evm.Follower
	node     evm.Node
	pub      *core.Publisher
	stop     func() error
}

func newRig(t *testing.T, chain *fakenode.Chain, set evm.Settings) *rig {
	t.Helper()
	r := &rig{t: t, chain: chain, server: fakenode.NewServer(chain), log: &memlog.Log{}, set: set}
	r.http = httptest.NewServer(r.server)
	t.Cleanup(r.http.Close)
	c, err := jsonrpc.New(r.http.URL, jsonrpc.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r.node = evm.NewRPCNode(c)
	r.start()
	t.Cleanup(func() { r.end() })
	return r
}

// start begins a session behind the subject's tail.
func (r *rig) start() {
	r.t.Helper()
	tail, err := core.Open(r.t.Context(), r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	r.pub = core.NewPublisher(r.log, tail, r.limits, nil)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.pub.Run(ctx) }()
	r.stop = func() error { cancel(); return <-done }
	if r.follower, err = evm.Restore(ctx, r.log, tail, r.set, r.pub.Put); err != nil {
		r.t.Fatal(err)
	}
	id, genesis, err := r.node.Identity(ctx)
	if err != nil || id != r.chain.ID {
		r.t.Fatal(id, err)
	}
	r.follower.Bind(genesis)
}

func (r *rig) end() {
	if r.stop != nil {
		r.follower.Close()
		_ = r.stop()
		r.stop = nil
	}
}

// restart is a kill and a new start: what is queued and not published is lost.
func (r *rig) restart() {
	r.t.Helper()
	r.end()
	r.start()
}

// catchUp steps until the node has nothing new, and waits until all is stored.
func (r *rig) catchUp() {
	r.t.Helper()
	for n := 0; ; n++ {
		err := r.follower.Step(r.t.Context(), r.node, r.node)
		if errors.Is(err, evm.ErrNothingNew) {
			break
		}
		var branch *evm.BranchError
		if errors.As(err, &branch) {
			err = r.follower.Rewind(r.t.Context(), r.node, nil) // what Source does once it is sure
		}
		if err != nil && !errors.Is(err, evm.ErrInconsistent) {
			r.t.Fatalf("step %d: %v", n, err)
		}
		if n > 10_000 {
			r.t.Fatal("the follower does not come to rest")
		}
	}
	r.drain()
}

// drain waits until the subject ends where the follower is.
func (r *rig) drain() {
	r.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !r.pub.Idle() {
		if time.Now().After(deadline) {
			r.t.Fatal("the publisher does not come to rest")
		}
		time.Sleep(time.Millisecond)
	}
}

// applied is what a writer holds.
func (r *rig) applied() *model.Chain {
	r.t.Helper()
	packs, err := r.log.Packs()
	if err != nil {
		r.t.Fatal(err)
	}
	m := model.New(r.set.Filter.Start())
	if err := m.Apply(packs); err != nil {
		r.t.Fatal(err)
	}
	return m
}

// check compares what a writer holds with the canonical chain: each wanted log
// once, in the right block, no other; and nothing is left uncovered.
func (r *rig) check(want func(address common.Address, topic0 common.Hash, height uint64) bool) *model.Chain {
	r.t.Helper()
	m := r.applied()
	if m.DeepReverts != r.deep {
		r.t.Fatalf("%d times blocks that were final were reverted", m.DeepReverts)
	}
	head := r.chain.Head()
	if m.Head != head.Number() || common.BytesToHash(m.HeadHash) != head.Hash {
		r.t.Fatalf("head %d %x, the chain's is %d %s", m.Head, m.HeadHash, head.Number(), head.Hash)
	}
	if m.Covered() != head.Number()+1 {
		r.t.Fatalf("covered below %d, head %d", m.Covered(), head.Number())
	}
	for _, b := range r.chain.Canonical() {
		if b.Number() < r.set.Filter.Start() {
			continue
		}
		var wanted, got []string
		for _, l := range b.Logs {
			if len(l.Topics) > 0 && want(l.Address, l.Topics[0], b.Number()) {
				wanted = append(wanted, fmt.Sprintf("%d %d %s %s %v %x", l.Index, l.TxIndex, l.TxHash, l.Address, l.Topics, l.Data))
			}
		}
		if u := m.Blocks[b.Number()]; u != nil {
			if common.BytesToHash(u.GetHash()) != b.Hash || common.BytesToHash(u.GetParentHash()) != b.Header.ParentHash || u.GetTime() != b.Header.Time {
				r.t.Fatalf("block %d is not the chain's", b.Number())
			}
			if int(u.GetTxCount()) != len(b.Txs) {
				r.t.Fatalf("block %d: %d transactions, want %d", b.Number(), u.GetTxCount(), len(b.Txs))
			}
			if crypto.Keccak256Hash(u.GetHeader()) != b.Hash {
				r.t.Fatalf("block %d: the header does not hash to the block's hash", b.Number())
			}
			txs := map[uint32]common.Hash{}
			for _, tx := range u.GetTxs() {
				txs[tx.GetIndex()] = common.BytesToHash(tx.GetHash())
			}
			for _, l := range u.GetLogs() {
				topics := make([]common.Hash, len(l.GetTopics()))
				for i, topic := range l.GetTopics() {
					topics[i] = common.BytesToHash(topic)
				}
				got = append(got, fmt.Sprintf("%d %d %s %s %v %x", l.GetIndex(), l.GetTxIndex(), txs[l.GetTxIndex()], common.BytesToAddress(l.GetAddress()), topics, l.GetData()))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(wanted) {
			r.t.Fatalf("block %d: logs\n%v\nwant\n%v", b.Number(), got, wanted)
		}
	}
	return m
}

func event(a common.Address, topic common.Hash, data string) fakenode.LogSpec {
	return fakenode.LogSpec{Address: a, Topics: []common.Hash{topic, common.BytesToHash([]byte(data))}, Data: []byte(data)}
}

// grow mines n blocks, with logs of all sorts in every third.
func grow(c *fakenode.Chain, n int) {
	for range n {
		h := c.Head().Number() + 1
		if h%3 != 0 {
			c.Mine()
			continue
		}
		c.Mine(event(usd, transfer, fmt.Sprint("a", h)), event(stranger, approval, "no"), event(usd, approval, "b"), event(wine, transfer, "c"))
	}
}

var usdTransfers = []evm.Contract{{Address: usd, Topics: []common.Hash{transfer}}}

func isUSDTransfer(a common.Address, topic common.Hash, _ uint64) bool {
	return a == usd && topic == transfer
}

func settings(start uint64, contracts ...evm.Contract) evm.Settings {
	return evm.Settings{Filter: evm.NewFilter(start, contracts), Finality: evm.Finality{Tag: true}}
}
