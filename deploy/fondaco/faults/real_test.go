package faults

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
	"fondaco.dev/services/devnet/memchain"
)

// realRows are played over go-ethereum itself: what the chain in memory is made
// to look like. It executes its blocks, which takes the race detector a minute for
// all rows: with one seed only some are played.
func realRows() (list []row) {
	long := os.Getenv("FONDACO_SEEDS") != ""
	for _, way := range []struct {
		name string
		way  evm.Way
	}{{"reorg-fork", evm.Shrink}, {"reorg-flip", evm.Flip}, {"reorg-silent", evm.Silent}} {
		for _, depth := range []int{1, 8, 40} {
			if depth != 8 && !long {
				continue
			}
			// Nothing that is taken back is final: 128 is, up to block 255.
			list = append(list, row{name: fmt.Sprintf("%s/%d", way.name, depth), endpoints: lone(), lag: 128, then: reorganise(way.way, depth)})
		}
		if long || way.way == evm.Flip {
			list = append(list, row{name: way.name + "/below-finality", endpoints: lone(), lag: 16, then: reorganise(way.way, 40)})
		}
	}
	list = append(list,
		row{name: "lagging-logs/lifted", endpoints: lone(named("lagging-logs")), lag: 16},
		row{name: "log-hole/second-look", endpoints: beside(named("log-hole")), lag: 16, stays: true, final: true})
	for i := range list {
		list[i].real = true
	}
	return list
}

// TestFaultTableOverGoEthereum: the rows over a node that executes its blocks.
func TestFaultTableOverGoEthereum(t *testing.T) {
	nats, metrics := server(t), newShown(t)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, r := range realRows() {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(r.name, func(t *testing.T) { r.play(t, nats, seeds()[0], metrics) })
		})
	}
	all.Wait()
	// Where faults are to be seen is the table's to check, over many rows of each:
	// of one row here a fault may be lifted before anybody met it.
}

// realNode is a go-ethereum node as a chain of the table.
type realNode struct {
	fault.Geth
	t *testing.T

	mu    sync.Mutex
	known map[common.Hash]*memchain.Block
}

// startNode starts one whose every epoch-th block finalizes itself; token is its
// ERC-20.
func startNode(t *testing.T, epoch uint64) (n *realNode, token common.Address) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	node, err := evm.Start(ctx, evm.Config{FinalityEpoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	n = &realNode{t: t, known: map[common.Hash]*memchain.Block{}}
	n.Node = node
	return n, node.Contracts().USD
}

// Mine makes a block with a transaction for each log: a transfer of the token, or
// an event of another contract.
func (n *realNode) Mine(logs ...memchain.Log) *memchain.Block {
	n.t.Helper()
	to := evm.Accounts()[1].Address
	for i, l := range logs {
		var err error
		if l.Address == token && l.Topics[0] == transfer {
			_, err = n.Mint(to, uint64(1+i))
		} else {
			_, err = n.MintWine(to, 1, 1)
		}
		if err != nil {
			n.t.Fatal(err)
		}
	}
	block, err := n.Commit()
	if err != nil {
		n.t.Fatal(err)
	}
	return n.block(block)
}

// Head is the newest block.
func (n *realNode) Head() *memchain.Block { return n.block(n.Block(n.Node.Head().Number.Uint64())) }

// Finalized is the height of the finalized block.
func (n *realNode) Finalized() uint64 { return n.Node.Finalized().Number.Uint64() }

// Canonical are the blocks, from 0 on.
func (n *realNode) Canonical() (list []*memchain.Block) {
	n.t.Helper()
	for number := range n.Node.Head().Number.Uint64() + 1 {
		list = append(list, n.block(n.Block(number)))
	}
	return list
}

// block is a block with its receipts.
func (n *realNode) block(b *types.Block) *memchain.Block {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.known[b.Hash()]; known != nil {
		return known
	}
	receipts, err := n.Client().BlockReceipts(context.Background(), rpc.BlockNumberOrHashWithHash(b.Hash(), false))
	if err != nil {
		n.t.Fatal(err)
	}
	out := &memchain.Block{Header: b.Header(), Hash: b.Hash(), Txs: b.Transactions(), Receipts: receipts}
	n.known[b.Hash()] = out
	return out
}
