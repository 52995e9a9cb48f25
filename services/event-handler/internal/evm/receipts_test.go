package evm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/fakenode"
)

// decoded is a recorded block as the node's answers give it, by the fast way.
func decoded(t *testing.T, b *fakenode.Block) (*Header, Receipts) {
	t.Helper()
	h := new(Header)
	hp := headerParser{parser: parser{b: b.JSON}}
	if !hp.header(h) {
		t.Fatalf("block %d: the header takes the slow way", b.Number())
	}
	rp := logParser{parser: parser{b: b.ReceiptsJSON()}}
	r, ok := rp.receipts()
	if !ok || !rp.end() {
		t.Fatalf("block %d: the receipts take the slow way", b.Number())
	}
	return h, r
}

// TestRecordedBlocksAreProven: the receipts of all 25 recorded mainnet blocks hash
// to their headers' roots, and no change of them does.
func TestRecordedBlocksAreProven(t *testing.T) {
	t.Parallel()
	blocks := fakenode.Recorded(t)
	if len(blocks) != 25 {
		t.Fatalf("%d blocks", len(blocks))
	}
	total, swapped := 0, 0
	for _, b := range blocks {
		h, r := decoded(t, b)
		logs, err := proven(h, r, Tolerance{})
		if err != nil {
			t.Fatal(err)
		}
		if len(logs) != len(b.Logs) {
			t.Fatalf("block %d: %d logs, want %d", b.Number(), len(logs), len(b.Logs))
		}
		total += len(logs)
		refused := func(what string, r Receipts) {
			t.Helper()
			_, err := proven(h, r, Tolerance{})
			if !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), fmt.Sprint(b.Number())) {
				t.Fatalf("block %d with %s: %v", b.Number(), what, err)
			}
		}
		// A liar numbers the rest of the logs anew.
		renumber := func(r Receipts) Receipts {
			n := uint32(0)
			for i := range r {
				r[i].TxIndex = uint32(i)
				for k := range r[i].Logs {
					r[i].Logs[k].Index, r[i].Logs[k].TxIndex = n, uint32(i)
					n++
				}
			}
			return r
		}
		for i := range r {
			if len(r[i].Logs) == 0 {
				continue
			}
			// The root takes 1 ms: one block has all places tried, the others one.
			if b != blocks[0] && i%40 != 0 {
				continue
			}
			c := clone(r)
			c[i].Logs = c[i].Logs[1:]
			refused("a log removed", renumber(c))
			c = clone(r)
			if d := c[i].Logs[0].Data; len(d) > 0 {
				d[len(d)-1] ^= 1
				refused("a byte changed", c)
			}
			c = clone(r)
			c[i].Logs[0].Address[7] ^= 1
			refused("another address", c)
			c = clone(r)
			c[i].Bloom[9] ^= 1
			refused("another bloom", c)
		}
		for i := 1; i < len(r) && i < 4; i++ {
			c := clone(r)
			c[i-1], c[i] = c[i], c[i-1]
			refused("receipts swapped", c)
			if !reflect.DeepEqual(r[i-1].Logs, r[i].Logs) || r[i-1].CumulativeGas != r[i].CumulativeGas {
				refused("receipts swapped and numbered anew", renumber(c))
				swapped++
			}
		}
		refused("the last receipt gone", r[:len(r)-1])
		refused("no receipts", nil)
	}
	if total != 10591 || swapped == 0 {
		t.Errorf("%d logs, want 10,591", total)
	}
}

func clone(r Receipts) Receipts {
	out := slices.Clone(r)
	for i := range out {
		out[i].Bloom = bytes.Clone(out[i].Bloom)
		out[i].Logs = slices.Clone(out[i].Logs)
		for k := range out[i].Logs {
			out[i].Logs[k].Data = bytes.Clone(out[i].Logs[k].Data)
		}
	}
	return out
}

// TestRootOfEveryType against go-ethereum, with receipts from before Byzantium too.
func TestRootOfEveryType(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	for n := range 300 {
		specs := make([]fakenode.LogSpec, n%140)
		for i := range specs {
			specs[i] = fakenode.LogSpec{Data: bytes.Repeat([]byte{byte(i)}, i%70)}
		}
		b := c.Mine(specs...)
		var l receiptList
		if err := l.DecodeJSON(b.ReceiptsJSON()); err != nil {
			t.Fatal(err)
		}
		if got := RootOf(l.receipts); got != b.Header.ReceiptHash {
			t.Fatalf("block %d: %s, want %s", b.Number(), got, b.Header.ReceiptHash)
		}
	}
	old := &types.Receipt{PostState: bytes.Repeat([]byte{7}, 32), CumulativeGasUsed: 21000}
	ours := Receipts{{Root: old.PostState, CumulativeGas: 21000, Bloom: make([]byte, 256)}}
	var want, got bytes.Buffer
	types.Receipts{old}.EncodeIndex(0, &want)
	ours.EncodeIndex(0, &got)
	if !bytes.Equal(want.Bytes(), got.Bytes()) {
		t.Errorf("%x, want %x", got.Bytes(), want.Bytes())
	}
}

// FuzzReceipts: where the fast decoder gives an answer, it is that of encoding/json.
func FuzzReceipts(f *testing.F) {
	one := `{"blockHash":"0x0cfdc76bb857a33767b4259a0ca8c0c3cb48cd7be8aff17bc1ed20dc4cffd7bd","blockNumber":"0x1","contractAddress":null,` +
		`"cumulativeGasUsed":"0x5208","effectiveGasPrice":"0x1","from":"0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2","gasUsed":"0x5208","logs":[` + oneLog + `],` +
		`"logsBloom":"0x` + strings.Repeat("00", 256) + `","status":"0x1","to":null,` +
		`"transactionHash":"0x1ab7434076785c411eff21442ab8b7408014406a51c8a40548ea43c09b0652df","transactionIndex":"0x0","type":"0x2"}`
	f.Add([]byte("[" + one + "]"))
	f.Add([]byte("[]"))
	f.Add([]byte("[" + strings.Replace(one, `"status":"0x1"`, `"root":"0x`+strings.Repeat("1", 64)+`"`, 1) + "]"))
	f.Add([]byte("[" + strings.Replace(one, `"logsBloom"`, `"l1Fee":{"a":[1,true,null,"x"]},"LogsBloom"`, 1) + "]"))
	f.Add([]byte("[" + strings.Replace(one, `"type":"0x2"`, `"type":"0x7f","logs":[]`, 1) + "]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := logParser{parser: parser{b: data}}
		fast, ok := p.receipts()
		if !ok || !p.end() {
			return
		}
		slow := Receipts{}
		if err := json.Unmarshal(data, &slow); err != nil {
			t.Fatalf("the fast decoder takes what encoding/json does not: %v", err)
		}
		if len(fast) != len(slow) {
			t.Fatalf("%d receipts, encoding/json %d", len(fast), len(slow))
		}
		for i := range fast {
			a, b := fast[i], slow[i]
			if len(a.Root) == 0 && len(b.Root) == 0 {
				a.Root, b.Root = nil, nil
			}
			if len(a.Logs) != len(b.Logs) {
				t.Fatalf("receipt %d: %d logs, encoding/json %d", i, len(a.Logs), len(b.Logs))
			}
			for k := range a.Logs {
				if !same(&a.Logs[k], &b.Logs[k]) || a.Logs[k].Index != b.Logs[k].Index || a.Logs[k].BlockNumber != b.Logs[k].BlockNumber {
					t.Fatalf("receipt %d, log %d: %+v, encoding/json %+v", i, k, a.Logs[k], b.Logs[k])
				}
			}
			a.Logs, b.Logs = nil, nil
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("receipt %d: %+v, encoding/json %+v", i, a, b)
			}
		}
	})
}

// FuzzHeader: where the fast decoder gives an answer, it is that of go-ethereum.
func FuzzHeader(f *testing.F) {
	c := fakenode.NewChain(1, 1)
	data, err := c.Mine(fakenode.LogSpec{}, fakenode.LogSpec{}, fakenode.LogSpec{}).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"nonce"`), []byte(`"withdrawals":[{"index":"0x1"}],"uncles":[],"totalDifficulty":null,"nonce"`), 1))
	f.Add(bytes.Replace(data, []byte(`"withdrawalsRoot":null`), []byte(`"withdrawalsRoot":"0x`+strings.Repeat("1", 64)+`"`), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		fast, slow := new(Header), new(Header)
		p := headerParser{parser: parser{b: data}}
		if !p.header(fast) {
			return
		}
		if err := json.Unmarshal(data, slow); err != nil {
			t.Fatalf("the fast decoder takes what encoding/json does not: %v", err)
		}
		if len(fast.Txs) == 0 && len(slow.Txs) == 0 {
			fast.Txs, slow.Txs = nil, nil
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%+v, go-ethereum %+v", fast, slow)
		}
	})
}

// TestHeadersOfEveryFork: the fast decoder gives what go-ethereum does, and
// refuses where the content does not hash to the hash.
func TestHeadersOfEveryFork(t *testing.T) {
	t.Parallel()
	for _, b := range append(fakenode.Recorded(t), fakenode.Forks()...) {
		data, err := b.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		fast, slow := new(Header), new(Header)
		p := headerParser{parser: parser{b: data}}
		if !p.header(fast) {
			t.Fatalf("block %d takes the slow way: %s", b.Number(), data[:200])
		}
		if err := json.Unmarshal(data, slow); err != nil {
			t.Fatal(err)
		}
		if len(fast.Txs) == 0 && len(slow.Txs) == 0 {
			fast.Txs, slow.Txs = nil, nil
		}
		if !reflect.DeepEqual(fast, slow) || slow.RLP == nil {
			t.Errorf("block %d: %+v, go-ethereum %+v", b.Number(), fast, slow)
		}
		wrong := bytes.Replace(data, []byte(`"gasUsed":"0x`), []byte(`"gasUsed":"0x1`), 1)
		p = headerParser{parser: parser{b: wrong}}
		if p.header(new(Header)) {
			t.Errorf("block %d: taken with another gasUsed", b.Number())
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	data := fakenode.Recorded(b)[3].JSON
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p := headerParser{parser: parser{b: data}}
			if !p.header(new(Header)) {
				b.Fatal("slow")
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := json.Unmarshal(data, new(Header)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReceipts(b *testing.B) {
	block := fakenode.Recorded(b)[5]
	data := block.ReceiptsJSON()
	n := float64(len(block.Logs))
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var l receiptList
			if err := l.DecodeJSON(data); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/log")
	})
	b.Run("root", func(b *testing.B) {
		var l receiptList
		if err := l.DecodeJSON(data); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			RootOf(l.receipts)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/log")
	})
}
