package evm

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/fakenode"
)

// everyLog is a checker that wants all logs of the blocks.
func everyLog(blocks []*fakenode.Block, tolerate Tolerance) *checker {
	seen := map[common.Address]bool{}
	var contracts []Contract
	for _, b := range blocks {
		for _, l := range b.Logs {
			if !seen[l.Address] {
				seen[l.Address] = true
				contracts = append(contracts, Contract{Address: l.Address, AllTopics: true})
			}
		}
	}
	return &checker{filter: NewFilter(0, contracts), tolerate: tolerate}
}

// TestEachCheckOfReceipts breaks one rule at a time in a real block; beside each
// stands the tolerance that lets it pass.
func TestEachCheckOfReceipts(t *testing.T) {
	t.Parallel()
	blocks := fakenode.Recorded(t)[2:3]
	whole := func() (*Header, Receipts) { return decoded(t, blocks[0]) }
	// with is the first receipt that has several logs.
	with := func(r Receipts) *Receipt {
		return &r[slices.IndexFunc(r, func(x Receipt) bool { return len(x.Logs) > 2 })]
	}
	h, r := whole()
	if _, err := everyLog(blocks, Tolerance{}).receipts(h, r); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change   func(h *Header, r Receipts)
		words    string
		tolerate Tolerance
	}{
		"receipt of another block":   {change: func(_ *Header, r Receipts) { r[3].BlockHash[0] ^= 1 }, words: "receipt 3"},
		"receipt of another place":   {change: func(_ *Header, r Receipts) { r[3].TxIndex++ }, words: "receipt 3"},
		"log of another transaction": {change: func(_ *Header, r Receipts) { with(r).Logs[1].TxHash[0] ^= 1 }, words: "its receipt"},
		"log of another index":       {change: func(_ *Header, r Receipts) { with(r).Logs[1].Index++ }, words: "in its receipt"},
		"log of another block":       {change: func(_ *Header, r Receipts) { with(r).Logs[1].BlockHash[0] ^= 1 }, words: "names block"},
		"log of another height":      {change: func(_ *Header, r Receipts) { with(r).Logs[1].BlockNumber++ }, words: "block"},
		"removed":                    {change: func(_ *Header, r Receipts) { with(r).Logs[1].Removed = true }, words: "removed"},
		"status":                     {func(_ *Header, r Receipts) { r[3].Status ^= 1 }, "hash to", Tolerance{ReceiptsRoot: true}},
		"gas":                        {func(_ *Header, r Receipts) { r[3].CumulativeGas++ }, "hash to", Tolerance{ReceiptsRoot: true}},
		"type":                       {func(_ *Header, r Receipts) { r[3].Type = 4 }, "hash to", Tolerance{ReceiptsRoot: true}},
		"root of the header":         {func(h *Header, _ Receipts) { h.ReceiptsRoot[0] ^= 1 }, "hash to", Tolerance{ReceiptsRoot: true}},
		"bloom of the header":        {func(h *Header, _ Receipts) { clear(h.Bloom[:]) }, "bloom", Tolerance{Bloom: true}},
		"transactions of the block":  {func(h *Header, _ Receipts) { h.Txs = nil }, "of transaction", Tolerance{SystemLogs: true}},
		"hash of a transaction": {func(h *Header, _ Receipts) {
			for i := range h.Txs {
				h.Txs[i][0] ^= 1
			}
		}, "names transaction", Tolerance{SystemLogs: true}},
	} {
		t.Run(name, func(t *testing.T) {
			h, r := whole()
			c.change(h, r)
			_, err := everyLog(blocks, Tolerance{}).receipts(h, r)
			if !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %q", err, c.words)
			}
			if c.tolerate == (Tolerance{}) {
				return
			}
			if _, err := everyLog(blocks, c.tolerate).receipts(h, r); err != nil {
				t.Errorf("not tolerated: %v", err)
			}
		})
	}
}

// TestEachCheckOfLogs is the same for the answers of eth_getLogs.
func TestEachCheckOfLogs(t *testing.T) {
	t.Parallel()
	blocks := fakenode.Recorded(t)[2:3]
	all := everyLog(blocks, Tolerance{})
	for name, c := range map[string]struct {
		change func(h *Header, l []Log) [][]Log
		words  string // "": all is well
	}{
		"whole":       {func(_ *Header, l []Log) [][]Log { return [][]Log{l} }, ""},
		"overlapping": {func(_ *Header, l []Log) [][]Log { return [][]Log{slices.Clone(l[:9]), l} }, ""},
		"overlap, different": {func(_ *Header, l []Log) [][]Log {
			o := slices.Clone(l[:9])
			o[5].Data = []byte("x")
			return [][]Log{o, l}
		}, "two different logs"},
		"overlap, other topics": {func(_ *Header, l []Log) [][]Log {
			o := slices.Clone(l[:9])
			o[5].Topics = o[5].Topics[1:]
			return [][]Log{o, l}
		}, "two different logs"},
		"doubled in one": {func(_ *Header, l []Log) [][]Log { return [][]Log{slices.Insert(l, 4, l[4])} }, "comes after"},
		"transactions swapped": {func(h *Header, l []Log) [][]Log {
			// The first log claims to be of the last transaction that has one.
			l[0].TxIndex, l[0].TxHash = l[len(l)-1].TxIndex, l[len(l)-1].TxHash
			return [][]Log{l}
		}, "not in the order"},
		"two hashes": {func(h *Header, l []Log) [][]Log {
			i := slices.IndexFunc(l, func(x Log) bool { return x.Index > 0 && x.TxIndex == l[x.Index-1].TxIndex })
			l[i].TxHash[0] ^= 1
			return [][]Log{l}
		}, "has two hashes"},
		"second topic": {func(h *Header, l []Log) [][]Log {
			i := slices.IndexFunc(l, func(x Log) bool { return len(x.Topics) == 3 })
			for b := bitsOf(l[i].Topics[2][:]); b.in(&h.Bloom); b = bitsOf(l[i].Topics[2][:]) {
				l[i].Topics[2][0]++ // until one that the bloom does not hold by chance
			}
			return [][]Log{l}
		}, "bloom"},
	} {
		t.Run(name, func(t *testing.T) {
			h, r := decoded(t, blocks[0])
			logs, err := proven(h, r, Tolerance{})
			if err != nil {
				t.Fatal(err)
			}
			n := len(logs)
			got, err := all.answer(h.Hash, &Answer{Header: h, Logs: c.change(h, logs)}, Want{})
			if c.words == "" {
				if err != nil || len(got.logs) < n-1 {
					t.Errorf("%d logs of %d, %v", len(got.logs), n, err)
				}
				return
			}
			if !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v, want %q", err, c.words)
			}
		})
	}
}

// TestEachCheckOfHeaders in a window.
func TestEachCheckOfHeaders(t *testing.T) {
	t.Parallel()
	whole := func() []*Header {
		var out []*Header
		for _, b := range fakenode.Mainnet(t).Canonical()[:5] {
			h, _ := decoded(t, b)
			out = append(out, h)
		}
		return out
	}
	c := &checker{}
	if err := c.linked(17686110, whole()); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(h []*Header)
		words  string
	}{
		"null":           {func(h []*Header) { h[2] = nil }, "block 17686112 is not there"},
		"another height": {func(h []*Header) { h[2].Number++ }, "asked for block 17686112"},
		"another parent": {func(h []*Header) { h[2].Parent[0] ^= 1 }, "block 17686112 is not the child"},
		"another hash":   {func(h []*Header) { h[4].RLP = nil }, "block 17686114 does not hash"},
	} {
		h := whole()
		x.change(h)
		if err := c.linked(17686110, h); !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), x.words) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h := whole()
	h[4].RLP = nil
	if err := (&checker{tolerate: Tolerance{HeaderHash: true}}).linked(17686110, h); err != nil {
		t.Errorf("not tolerated: %v", err)
	}
}

// TestBloomBits against go-ethereum, through the memo and without it.
func TestBloomBits(t *testing.T) {
	t.Parallel()
	memo := &bloomMemo{}
	for _, b := range fakenode.Recorded(t)[:6] {
		h, r := decoded(t, b)
		for i := range r {
			if string(bloomOf(r[i].Logs)) != string(r[i].Bloom) {
				t.Fatalf("block %d, receipt %d: another bloom", b.Number(), i)
			}
			for k := range r[i].Logs {
				l := &r[i].Logs[k]
				fresh := bitsOf(l.Address[:])
				if !memo.of(l.Address[:]).in(&h.Bloom) || *memo.of(l.Address[:]) != fresh {
					t.Fatalf("block %d: an address is not in its bloom", b.Number())
				}
				for n := range l.Topics {
					if *memo.of(l.Topics[n][:]) != bitsOf(l.Topics[n][:]) {
						t.Fatalf("block %d: other bits through the memo", b.Number())
					}
				}
			}
		}
	}
}
