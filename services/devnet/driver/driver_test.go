package driver

import (
	"context"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/devnet/casper"
	"fondaco.dev/services/devnet/evm"
)

func clock() func() time.Time {
	now := time.Unix(1_700_000_000, 0)
	return func() time.Time { now = now.Add(time.Second); return now }
}

func nodes(t *testing.T) (*evm.Node, *casper.Node) {
	t.Helper()
	e, err := evm.Start(t.Context(), evm.Config{Seed: "1", Clock: clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	c, err := casper.Start(t.Context(), casper.Config{Seed: "1", Clock: clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return e, c
}

func TestEveryEventOfTheContractsHappens(t *testing.T) {
	t.Parallel()
	const blocks = 60
	e, c := nodes(t)
	d := New(Config{EVM: e, Casper: c, Seed: "1", Transactions: 6})
	for range blocks {
		if _, err := d.StepEVM(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.StepCasper(); err != nil {
			t.Fatal(err)
		}
	}
	a := e.Contracts()
	logs, err := e.Client().FilterLogs(t.Context(), ethereum.FilterQuery{Addresses: []common.Address{a.USD, a.Wine, a.Market}})
	if err != nil {
		t.Fatal(err)
	}
	topics := map[common.Hash]int{}
	for _, l := range logs {
		topics[l.Topics[0]]++
	}
	for _, name := range []string{
		"Transfer", "Approval", "TransferSingle", "TransferBatch", "ApprovalForAll", "URI", "Listed", "Sold", "Cancelled",
	} {
		if n := topics[evm.EventID(name)]; n == 0 {
			t.Errorf("no %s event in %d blocks", name, blocks)
		}
	}
	failed, all := 0, 0
	for n := uint64(3); n <= e.Head().Number.Uint64(); n++ {
		for _, tx := range e.Block(n).Transactions() {
			receipt, err := e.Client().TransactionReceipt(t.Context(), tx.Hash())
			if err != nil {
				t.Fatal(err)
			}
			all++
			if receipt.Status != types.ReceiptStatusSuccessful {
				failed++
			}
		}
	}
	if all != blocks*6 || failed > all/20 {
		t.Errorf("%d of %d transactions were reverted, want %d with few reverted", failed, all, blocks*6)
	}
	if height, _ := c.Head(); height != blocks {
		t.Errorf("casper is at %d", height)
	}
}

func TestTheSameSeedDoesTheSame(t *testing.T) {
	t.Parallel()
	var tips []string
	for range 2 {
		e, c := nodes(t)
		d := New(Config{EVM: e, Casper: c, Seed: "x"})
		var tip string
		for range 20 {
			block, err := d.StepEVM(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			hash, err := d.StepCasper()
			if err != nil {
				t.Fatal(err)
			}
			tip = block.Hash().Hex() + hash
		}
		tips = append(tips, tip)
	}
	if tips[0] != tips[1] {
		t.Errorf("two runs of one seed ended at %s", tips)
	}
}

func TestRunMovesBothChains(t *testing.T) {
	t.Parallel()
	e, c := nodes(t)
	steps := make(chan string, 100)
	d := New(Config{EVM: e, Casper: c, EVMPeriod: 5 * time.Millisecond, CasperPeriod: 5 * time.Millisecond, Report: func(chain string, err error) {
		if err != nil {
			t.Error(err)
		}
		select {
		case steps <- chain:
		default:
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	seen := map[string]int{}
	for seen["evm"] < 3 || seen["casper"] < 3 {
		select {
		case chain := <-steps:
			seen[chain]++
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing moves: %v", seen)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
