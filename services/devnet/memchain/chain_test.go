package memchain

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"

	"fondaco.dev/services/devnet/evm"
)

var (
	token = common.HexToAddress("0x01")
	topic = common.HexToHash("0x02")
)

func some(n int) []Log {
	out := make([]Log, n)
	for i := range out {
		out[i] = Log{Address: token, Topics: []common.Hash{topic, {byte(i)}}, Data: []byte{byte(i), 1}}
	}
	return out
}

// What the chain says over JSON-RPC is read back with go-ethereum's types, and
// every hash and root is computed again.
func TestAnswersAreHonest(t *testing.T) {
	t.Parallel()
	c := New(Config{Seed: 1})
	for i := range 40 {
		c.Mine(some(i % 9)...)
	}
	for _, b := range c.Canonical() {
		var h types.Header
		text, err := c.Call(t.Context(), "eth_getBlockByNumber", []json.RawMessage{quantity(b.Number()), json.RawMessage("false")})
		if err != nil || json.Unmarshal(text, &h) != nil || h.Hash() != b.Hash {
			t.Fatalf("block %d: header hash %s, %v", b.Number(), h.Hash(), err)
		}
		var receipts types.Receipts
		text, err = c.Call(t.Context(), "eth_getBlockReceipts", []json.RawMessage{json.RawMessage(`"` + b.Hash.Hex() + `"`)})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &receipts); err != nil {
			t.Fatal(err)
		}
		if root := types.DeriveSha(receipts, trie.NewStackTrie(nil)); root != h.ReceiptHash {
			t.Fatalf("block %d: receipts root %s, the header has %s", b.Number(), root, h.ReceiptHash)
		}
		var logs []types.Log
		text, err = c.Call(t.Context(), "eth_getLogs", []json.RawMessage{json.RawMessage(`{"blockHash":"` + b.Hash.Hex() + `","address":"` + token.Hex() + `"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &logs); err != nil {
			t.Fatal(err)
		}
		if len(logs) != int(b.Number()+8)%9 && b.Number() > 0 {
			t.Fatalf("block %d: %d logs", b.Number(), len(logs))
		}
		for i, l := range logs {
			if l.Index != uint(i) || l.BlockHash != b.Hash || !types.BloomLookup(h.Bloom, l.Address) {
				t.Fatalf("block %d: log %+v", b.Number(), l)
			}
		}
	}
}

func TestReorgs(t *testing.T) {
	t.Parallel()
	for _, way := range []evm.Way{evm.Shrink, evm.Flip, evm.Silent} {
		c := New(Config{FinalityLag: 10})
		for range 30 {
			c.Mine(some(1)...)
		}
		if c.Finalized() != 20 {
			t.Fatalf("finalized %d", c.Finalized())
		}
		heads, err := c.Heads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old, ninth := c.Canonical(), c.Canonical()[21]
		if _, err := c.Reorg(evm.Reorg{Way: way, Depth: 11, Blocks: 1}, nil); !errors.Is(err, evm.ErrBelowFinality) {
			t.Fatalf("%v: %v", way, err)
		}
		if _, err := c.Reorg(evm.Reorg{Way: way, Depth: 9, Blocks: 10, Remine: true}, nil); err != nil {
			t.Fatal(err)
		}
		now := c.Canonical()
		if len(now) != 32 || now[21] != ninth || now[22] == old[22] || len(now[22].Logs()) != 1 || now[22].Header.ParentHash != ninth.Hash {
			t.Fatalf("%v: another chain than asked for", way)
		}
		want := map[evm.Way]int{evm.Shrink: 11, evm.Flip: 1, evm.Silent: 10}[way]
		for range want {
			<-heads
		}
		err = c.Adopt(old[30].Hash)
		if way == evm.Silent {
			if err == nil {
				t.Fatal("a deleted branch came back")
			}
		} else if err != nil || c.Head().Hash != old[30].Hash {
			t.Fatalf("%v: back again: %v", way, err)
		}
		if _, err := c.Reorg(evm.Reorg{Way: way, Depth: 20, Blocks: 21, BelowFinality: true}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClone: two chains with one past and two futures.
func TestClone(t *testing.T) {
	t.Parallel()
	a := New(Config{Seed: 1, FinalityLag: 4})
	for range 10 {
		a.Mine()
	}
	b, c := a.Clone(), a.Clone()
	if b.Head() != a.Head() || b.Finalized() != 6 {
		t.Fatal("the clone begins elsewhere")
	}
	hashes := map[common.Hash]bool{a.Mine().Hash: true, b.Mine().Hash: true, c.Mine().Hash: true}
	if len(hashes) != 3 {
		t.Error("the futures are the same")
	}
	if a.Canonical()[11].Header.ParentHash != b.Canonical()[11].Header.ParentHash || len(a.Canonical()) != 12 {
		t.Error("the pasts differ")
	}
}
