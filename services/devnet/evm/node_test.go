package evm

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// start runs a node until the test ends.
func start(t *testing.T, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// dial connects over the WebSocket, as a client outside the process would.
func dial(t *testing.T, n *Node) *ethclient.Client {
	t.Helper()
	c, err := ethclient.DialContext(t.Context(), n.WSURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func commit(t *testing.T, n *Node, count int) *types.Block {
	t.Helper()
	tip, err := n.CommitN(count)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// clock gives the same times in every run: one second a call.
func clock() func() time.Time {
	now := time.Unix(1_700_000_000, 0)
	return func() time.Time { now = now.Add(time.Second); return now }
}

func TestAccountsAreTheWellKnownOnes(t *testing.T) {
	t.Parallel()
	a := Accounts()
	for i, want := range map[int]string{
		0: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
		1: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
		7: "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
		9: "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
	} {
		if got := a[i].Address.Hex(); got != want {
			t.Errorf("account %d is %s, want %s", i, got, want)
		}
	}
}

func TestNewChainHasItsContracts(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	c, err := ethclient.DialContext(t.Context(), n.HTTPURL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if id, err := c.ChainID(t.Context()); err != nil || id.Uint64() != 1337 {
		t.Fatalf("chain id %v, %v", id, err)
	}
	want := Contracts{
		USD:    common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
		Wine:   common.HexToAddress("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
		Market: common.HexToAddress("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"),
	}
	if got := n.Contracts(); got != want {
		t.Fatalf("contracts %+v, want %+v", got, want)
	}
	for _, address := range []common.Address{want.USD, want.Wine, want.Market} {
		if code, err := c.CodeAt(t.Context(), address, nil); err != nil || len(code) == 0 {
			t.Errorf("no code at %s: %v", address, err)
		}
	}
	if cents, err := n.BalanceUSD(t.Context(), n.accounts[3].Address); err != nil || cents.Uint64() != StartUSD {
		t.Errorf("account 3 holds %v cents, %v", cents, err)
	}
}

func TestMarketMovesWineAndMoney(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	seller, buyer := n.accounts[1], n.accounts[2]
	must := func(_ common.Hash, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(n.MintWine(seller.Address, 7, 12))
	must(n.List(seller, Listing{
		Lot: 7, Cases: 5, Price: 250_00, Cellar: "Cantina Aurora",
		Bottles: []Bottle{{Vintage: 2019, Label: "Riserva", Millilitres: wide(750)}},
	}))
	commit(t, n, 1)
	must(n.Buy(buyer, 1, 2))
	block := commit(t, n, 1)
	receipts, err := n.Client().BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithHash(block.Hash(), false))
	if err != nil || len(receipts) != 1 || receipts[0].Status != 1 {
		t.Fatalf("receipts of the sale: %v, %v", receipts, err)
	}
	if len(receipts[0].Logs) != 3 { // Sold, Transfer, TransferSingle
		t.Errorf("the sale emitted %d logs, want 3", len(receipts[0].Logs))
	}
	if cases, err := n.BalanceWine(t.Context(), buyer.Address, 7); err != nil || cases.Uint64() != 2 {
		t.Errorf("the buyer holds %v cases, %v", cases, err)
	}
	if offer, err := n.Offer(t.Context(), 1); err != nil || offer.Cases.Uint64() != 3 || offer.Seller != seller.Address {
		t.Errorf("offer after the sale: %+v, %v", offer, err)
	}
	must(n.Cancel(seller, 1, "sold elsewhere"))
	commit(t, n, 1)
	if offer, err := n.Offer(t.Context(), 1); err != nil || offer.Seller != (common.Address{}) {
		t.Errorf("offer after the cancel: %+v, %v", offer, err)
	}
}

func TestFinalizedIsTheLastMultipleOfTheEpoch(t *testing.T) {
	t.Parallel()
	n := start(t, Config{})
	c := dial(t, n)
	for _, step := range []struct{ commits, head, finalized uint64 }{
		{0, 2, 0}, {29, 31, 0}, {1, 32, 32}, {1, 33, 32}, {31, 64, 64},
	} {
		commit(t, n, int(step.commits))
		for tag, want := range map[rpc.BlockNumber]uint64{
			rpc.FinalizedBlockNumber: step.finalized, rpc.LatestBlockNumber: step.head,
		} {
			h, err := c.HeaderByNumber(t.Context(), wideInt(tag))
			if err != nil {
				t.Fatal(err)
			}
			if h.Number.Uint64() != want {
				t.Errorf("at height %d: %s is %d, want %d", step.head, tag, h.Number, want)
			}
		}
	}
}

func TestChainGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir})
	if _, err := n.Transfer(n.accounts[1], n.accounts[2].Address, 5); err != nil {
		t.Fatal(err)
	}
	commit(t, n, 33)
	if _, err := n.Reorg(Reorg{Way: Flip, Depth: 2, Blocks: 3}); err != nil {
		t.Fatal(err)
	}
	tip, genesis := n.Head(), n.Genesis()
	if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second node on the folder: %v", err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}

	again := start(t, Config{DataDir: dir})
	if again.Genesis() != genesis || again.Head().Hash() != tip.Hash() {
		t.Fatalf("second start is at %s, want %s", again.Head().Hash(), tip.Hash())
	}
	c := dial(t, again)
	if h, err := c.HeaderByNumber(t.Context(), wideInt(rpc.FinalizedBlockNumber)); err != nil || h.Number.Uint64() != 32 {
		t.Errorf("finalized after the restart: %v, %v", h, err)
	}
	if cents, err := again.BalanceUSD(t.Context(), again.accounts[2].Address); err != nil || cents.Uint64() != StartUSD+5 {
		t.Errorf("balance after the restart: %v, %v", cents, err)
	}
	if block := commit(t, again, 1); block.ParentHash() != tip.Hash() {
		t.Errorf("the next block is on %s, want %s", block.ParentHash(), tip.Hash())
	}
	if _, err := Start(t.Context(), Config{DataDir: t.TempDir(), ChainID: 1, HTTPAddr: "nonsense"}); err == nil {
		t.Error("an address without a port was accepted")
	}
}

func TestTornChainFileLosesOnlyItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, Config{DataDir: dir})
	before := commit(t, n, 3)
	commit(t, n, 1)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "chain.bin")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-3], 0o644); err != nil { // in the last head record
		t.Fatal(err)
	}
	again := start(t, Config{DataDir: dir})
	if again.Head().Hash() != before.Hash() {
		t.Fatalf("head %d %s, want %d", again.Head().Number, again.Head().Hash(), before.Number())
	}
	if block := commit(t, again, 1); block.ParentHash() != before.Hash() {
		t.Error("the chain does not go on from the last whole record")
	}
	if err := again.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir})
}

func TestAChainThatStartsAnewIsAnother(t *testing.T) {
	t.Parallel()
	a, b := start(t, Config{}), start(t, Config{})
	if a.Genesis() == b.Genesis() {
		t.Error("two new chains have the same genesis")
	}
	c, d := start(t, Config{Seed: "x", Clock: clock()}), start(t, Config{Seed: "x", Clock: clock()})
	if commit(t, c, 5).Hash() != commit(t, d, 5).Hash() {
		t.Error("two chains of one seed and clock differ")
	}
}

func TestPeriodMakesBlocks(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Period: 10 * time.Millisecond})
	heads := make(chan *types.Header, 16)
	sub, err := dial(t, n).SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	for range 3 {
		await(t, heads)
	}
}

// Clients that stay connected do not hold up a stop.
func TestStopWithOpenConnections(t *testing.T) {
	t.Parallel()
	n := start(t, Config{Period: 10 * time.Millisecond})
	heads := make(chan *types.Header, 1024)
	sub, err := dial(t, n).SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	c, err := ethclient.DialContext(t.Context(), n.HTTPURL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.BlockNumber(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, heads)
	stopped := make(chan error, 1)
	go func() { stopped <- n.Stop() }()
	if err := await(t, stopped); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Commit(); err == nil {
		t.Error("a stopped node made a block")
	}
	if err := n.Stop(); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func TestLogRangeLimitRefusesWideRanges(t *testing.T) {
	t.Parallel()
	n := start(t, Config{LogRangeLimit: 5})
	commit(t, n, 10)
	var logs []types.Log
	err := n.Client().Client().CallContext(t.Context(), &logs, "eth_getLogs", map[string]string{"fromBlock": "0x0", "toBlock": "0xa"})
	if err == nil {
		t.Fatal("a range of 11 blocks was served")
	}
	if err := n.Client().Client().CallContext(t.Context(), &logs, "eth_getLogs", map[string]string{"fromBlock": "0x1", "toBlock": "0x3"}); err != nil || len(logs) == 0 {
		t.Fatalf("a narrow range: %d logs, %v", len(logs), err)
	}
}

// await takes one message; 20 s is far above what any of them takes.
func await[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case v := <-from:
		return v
	case <-ctx.Done():
		t.Fatal("nothing arrived")
		panic("unreachable")
	}
}
