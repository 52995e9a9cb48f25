package evm_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// readsConfig is a network whose Transfer of usd reads the supply and the
// receiver's balance.
func readsConfig(t *testing.T) *config.Network {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"erc20.json": `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`,
		"fondaco.yaml": `networks:
  - name: dev
    kind: evm
    chain_id: 1
    start_block: 0
    rpc: ["http://127.0.0.1:1"]
    contracts:
      - name: usd
        address: "` + usd.Hex() + `"
        abi: erc20.json
        reads:
          - {name: supply, call: "totalSupply()", to: self, returns: [uint256]}
          - {name: balance, call: "balanceOf(address)", args: [$to], to: self, returns: [uint256]}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := config.Load(filepath.Join(dir, "fondaco.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return &f.Networks[0]
}

// supplyOf answers with the number of the block at whose state it is asked, so
// that a call at any other block shows; balanceOf(address 9…) reverts.
func supplyOf(b *fakenode.Block, _ common.Address, data []byte) (out []byte, revert string) {
	if bytes.HasPrefix(data, hexutil.MustDecode("0x70a08231")) && len(data) > 35 && data[35] == 9 {
		// Error("exceeds the capacity")
		return hexutil.MustDecode("0x08c379a0" + strings.Repeat("0", 62) + "20" + strings.Repeat("0", 62) + "14" +
			"657863656564732074686520636170616369747900" + strings.Repeat("0", 22)), "exceeds the capacity"
	}
	out = make([]byte, 32)
	binary.BigEndian.PutUint64(out[24:], b.Number()<<32|uint64(binary.BigEndian.Uint32(b.Hash[:4])))
	return out, ""
}

func transferTo(n byte) fakenode.LogSpec {
	return fakenode.LogSpec{Address: usd, Topics: []common.Hash{transfer, {31: 1}, {31: n}}, Data: make([]byte, 32)}
}

// TestReads: each log carries its calls at the state of its own block, whichever
// way the block was fetched; a revert is an answer.
func TestReads(t *testing.T) {
	t.Parallel()
	net := readsConfig(t)
	c := fakenode.NewChain(1, 1)
	for i := range 120 {
		c.Mine(transferTo(byte(i%10)), transferTo(byte(i%10)))
	}
	c.Finalize(80)
	set := settings(0, usdTransfers...)
	set.Enrich = evm.Reads(net.Contracts)
	r := newRig(t, c, set)
	r.server.Lock()
	r.server.Call = supplyOf
	r.server.Unlock()
	r.catchUp()
	c.Fork(110)
	for range 20 {
		c.Mine(transferTo(2))
	}
	r.catchUp()
	m := r.check(isUSDTransfer)
	reverts := 0
	for _, b := range c.Canonical()[1:] {
		want, _ := supplyOf(b, usd, nil)
		for _, l := range m.Blocks[b.Number()].GetLogs() {
			if len(l.GetReads()) != 2 || l.GetReads()[0].GetName() != "supply" || l.GetReads()[1].GetName() != "balance" {
				t.Fatalf("block %d: reads %v", b.Number(), l.GetReads())
			}
			if got := l.GetReads()[0]; !bytes.Equal(got.GetResult(), want) || got.GetError() != "" {
				t.Fatalf("block %d: supply %x, want %x", b.Number(), got.GetResult(), want)
			}
			balance := l.GetReads()[1]
			if l.GetTopics()[2][31] == 9 {
				reverts++
				if balance.GetError() != "execution reverted: exceeds the capacity" || len(balance.GetResult()) < 4 {
					t.Fatalf("block %d: balance %v", b.Number(), balance)
				}
			} else if !bytes.Equal(balance.GetResult(), want) {
				t.Fatalf("block %d: balance %x, want %x", b.Number(), balance.GetResult(), want)
			}
		}
	}
	if reverts == 0 {
		t.Error("no call reverted")
	}
	// Equal calls within a block are made once: 140 blocks, and two calls each.
	if n := r.server.Calls["eth_call"]; n > 2*(140+40) {
		t.Errorf("%d calls", n)
	}
}

// TestReadsOfPrunedState: the block is not handed out without its reads.
func TestReadsOfPrunedState(t *testing.T) {
	t.Parallel()
	net := readsConfig(t)
	c := fakenode.NewChain(1, 1)
	for range 40 {
		c.Mine(transferTo(1))
	}
	c.Finalize(20)
	set := settings(0, usdTransfers...)
	set.Enrich = evm.Reads(net.Contracts)
	r := newRig(t, c, set)
	r.server.Lock()
	r.server.Call, r.server.PrunedBelow = supplyOf, 30
	r.server.Unlock()
	for range 3 {
		if err := r.follower.Step(t.Context(), r.node, r.node); !errors.Is(err, evm.ErrNoState) || !strings.Contains(err.Error(), "archive node") {
			t.Fatalf("got %v", err)
		}
	}
	if packs, _ := r.log.Packs(); len(packs) > 0 {
		t.Error("something was published")
	}
	s, node := r.another()
	s.Call = supplyOf
	if err := r.follower.Step(t.Context(), node, r.node); err != nil {
		t.Errorf("with an archive node: %v", err)
	}
}

// TestReadsOfARepair: a block that is published again carries its reads.
func TestReadsOfARepair(t *testing.T) {
	t.Parallel()
	net := readsConfig(t)
	c := fakenode.NewChain(1, 1)
	for range 30 {
		c.Mine(transferTo(1), transferTo(2))
	}
	c.Finalize(30)
	set := settings(0, usdTransfers...)
	set.Enrich = evm.Reads(net.Contracts)
	r := newRig(t, c, set)
	r.server.Lock()
	r.server.Call, r.server.Hide = supplyOf, holeAt(12, 0)
	r.server.Unlock()
	r.catchUp()
	s, node := r.another()
	s.Call = supplyOf
	r.rescan(node)
	m := r.check(isUSDTransfer)
	var logs []*chainv1.Log = m.Blocks[12].GetLogs()
	if m.Repairs != 1 || len(logs) != 2 || len(logs[0].GetReads()) != 2 || len(logs[0].GetReads()[0].GetResult()) != 32 {
		t.Errorf("%d repairs, %v", m.Repairs, logs)
	}
}
