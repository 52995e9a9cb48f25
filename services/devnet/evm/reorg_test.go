package evm

import (
	"errors"
	"math/big"
	"reflect"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

func wideInt(tag rpc.BlockNumber) *big.Int { return big.NewInt(int64(tag)) }

// watch subscribes to heads and to the logs of the USD contract.
func watch(t *testing.T, n *Node, c *ethclient.Client) (heads chan *types.Header, logs chan types.Log) {
	t.Helper()
	heads, logs = make(chan *types.Header, 64), make(chan types.Log, 64)
	h, err := c.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.SubscribeFilterLogs(t.Context(), ethereum.FilterQuery{Addresses: []common.Address{n.addrs.USD}}, logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Unsubscribe)
	t.Cleanup(l.Unsubscribe)
	return heads, logs
}

// linked fails unless every canonical block names the one below as its parent.
func linked(t *testing.T, c *ethclient.Client) {
	t.Helper()
	head, err := c.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for head.Number.Sign() > 0 {
		parent, err := c.HeaderByNumber(t.Context(), new(big.Int).Sub(head.Number, big.NewInt(1)))
		if err != nil {
			t.Fatal(err)
		}
		if parent.Hash() != head.ParentHash {
			t.Fatalf("block %d is not on block %d", head.Number, parent.Number)
		}
		head = parent
	}
}

func TestReorgShowsInEachWay(t *testing.T) {
	t.Parallel()
	for _, way := range []Way{Shrink, Flip, Silent} {
		for _, remine := range []bool{false, true} {
			name := way.String()
			if remine {
				name += "-remine"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				n := start(t, Config{})
				c := dial(t, n)
				heads, logs := watch(t, n, c)
				commit(t, n, 2) // 3, 4
				tx, err := n.Transfer(n.accounts[1], n.accounts[2].Address, 9)
				if err != nil {
					t.Fatal(err)
				}
				first := commit(t, n, 1) // 5 holds the transfer
				commit(t, n, 1)          // 6
				for range 4 {
					await(t, heads)
				}
				if l := await(t, logs); l.Removed || l.BlockHash != first.Hash() {
					t.Fatalf("log before the reorganisation: %+v", l)
				}

				tip, err := n.Reorg(Reorg{Way: way, Depth: 3, Blocks: 4, Remine: remine})
				if err != nil {
					t.Fatal(err)
				}
				if tip.NumberU64() != 7 {
					t.Fatalf("tip %d, want 7", tip.NumberU64())
				}
				wantHeads := map[Way][]uint64{Shrink: {3, 4, 5, 6, 7}, Flip: {7}, Silent: {4, 5, 6, 7}}[way]
				for _, want := range wantHeads {
					if h := await(t, heads); h.Number.Uint64() != want {
						t.Errorf("new head %d, want %d", h.Number, want)
					}
				}
				if way != Silent {
					if l := await(t, logs); !l.Removed || l.BlockHash != first.Hash() {
						t.Errorf("no removed log: %+v", l)
					}
				}
				if remine {
					if l := await(t, logs); l.Removed || l.TxHash != tx || l.BlockHash == first.Hash() {
						t.Errorf("the transfer was not mined again: %+v", l)
					}
				}
				_, err = c.TransactionReceipt(t.Context(), tx)
				if mined := err == nil; mined != remine {
					t.Errorf("receipt of the transfer: %v", err)
				}
				linked(t, c)
			})
		}
	}
}

func TestChainThatGoesBackToItsFirstBranch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir})
	a := commit(t, n, 4)
	b, err := n.Reorg(Reorg{Way: Flip, Depth: 2, Blocks: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, tip := range []*types.Block{a, b, a} {
		if err := n.SetCanonical(tip.Hash()); err != nil {
			t.Fatal(err)
		}
		if n.Head().Hash() != tip.Hash() {
			t.Fatalf("head %s, want %s", n.Head().Hash(), tip.Hash())
		}
		linked(t, n.Client())
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if again := start(t, Config{DataDir: dir}); again.Head().Hash() != a.Hash() {
		t.Errorf("after a restart the head is %s, want %s", again.Head().Hash(), a.Hash())
	}
}

func TestForkLeavesALowerHead(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	commit(t, n, 5)
	if err := n.Fork(n.Block(4).Hash()); err != nil {
		t.Fatal(err)
	}
	if got, err := dial(t, n).BlockNumber(t.Context()); err != nil || got != 4 {
		t.Fatalf("head %d, %v, want 4", got, err)
	}
	if err := n.SetHead(3); err != nil {
		t.Fatal(err)
	}
	if n.Block(4) != nil || n.Head().Number.Uint64() != 3 {
		t.Error("SetHead left the blocks above")
	}
	if err := n.Fork(common.Hash{1}); err == nil {
		t.Error("an unknown block became the head")
	}
}

func TestReorgBelowFinalityIsAskedForByName(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	commit(t, n, 32) // head 34
	old := n.Finalized().Hash()
	if _, err := n.Reorg(Reorg{Depth: 4, Blocks: 5}); !errors.Is(err, ErrBelowFinality) {
		t.Fatalf("a reorganisation of block 32: %v", err)
	}
	if _, err := n.Reorg(Reorg{Depth: 100}); err == nil {
		t.Fatal("100 blocks of 34 were taken back")
	}
	if _, err := n.Reorg(Reorg{Way: Flip, Depth: 4, Blocks: 5, BelowFinality: true}); err != nil {
		t.Fatal(err)
	}
	if n.Finalized().Number.Uint64() != 32 || n.Finalized().Hash() == old {
		t.Errorf("finalized %d %s after its replacement", n.Finalized().Number, n.Finalized().Hash())
	}
	linked(t, n.Client())
}

// go-ethereum moves final blocks to a store of its own, a minute after it was
// opened or later. What it holds there is the canonical chain for good.
func TestReorgBelowFinalityOfAnOldNode(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	commit(t, n, 32) // head 34
	freeze(t, n)
	if _, err := n.Reorg(Reorg{Way: Flip, Depth: 4, Blocks: 5, BelowFinality: true}); err != nil {
		t.Fatal(err)
	}
	linked(t, n.Client())
}

// freeze has go-ethereum do now what it does each minute.
func freeze(t *testing.T, n *Node) {
	t.Helper()
	inner := reflect.Indirect(reflect.ValueOf(n.eth.ChainDb())).FieldByName("Database")
	if err := inner.Interface().(interface{ Freeze() error }).Freeze(); err != nil {
		t.Fatal(err)
	}
}
