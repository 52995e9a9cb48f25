package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"

	"fondaco.dev/pkg/pgtest"
)

// The nodes are this program itself, started anew.
func TestMain(m *testing.M) {
	if is, err := Helper(os.Args[1:]); is {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Every part of the bench runs, ends with an index that holds every log, and
// prints its figures. Nothing is said about how large these are.
func TestQuickRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and starts every service")
	}
	pgtest.Server(t)
	var out, progress bytes.Buffer
	b := &Bench{Out: &out, Progress: &progress}
	b.Quick()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Fatalf("%v\n%s%s", err, progress.String(), out.String())
	}
	for _, want := range []string{"end to end / (1/(1/getLogs + 1/COPY))", ">= 60000", "writer alone / bare COPY", "head to WebSocket frame p99",
		"cost of receipts, 1 logs a transaction", "blocks/s", "rows up to 20000", "<= 300 MiB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no line with %q:\n%s", want, out.String())
		}
	}
}

func rpc[T any](t *testing.T, url, method string, params ...any) (result T) {
	t.Helper()
	var answer struct {
		Result T
		Error  *struct{ Message string }
	}
	if err := ask(t.Context(), url, request(method, 1, params...), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != nil {
		t.Fatalf("%s: %s", method, answer.Error.Message)
	}
	return answer.Result
}

func serve(t *testing.T, c Chain) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(NewReplay(c).answer))
	t.Cleanup(srv.Close)
	return srv.URL
}

// A generated chain is true as far as an indexer can look: else the bench would
// measure how fast it is refused.
func TestSynthIsTrue(t *testing.T) {
	t.Parallel()
	for _, s := range []Shape{{Blocks: 40, Logs: 100, PerTx: 10}, {Blocks: 20, Logs: 7, PerTx: 1}, {Blocks: 210, Logs: 1, PerTx: 1, Every: 100}} {
		c, err := NewSynth(s)
		if err != nil {
			t.Fatal(err)
		}
		l, url := c.Describe(), serve(t, c)
		all := rpc[[]types.Log](t, url, "eth_getLogs", logsOf(l, l.Start, l.Last))
		if len(all) != l.Logs || l.Logs == 0 {
			t.Fatalf("%+v: %d logs, want %d", s, len(all), l.Logs)
		}
		parent := common.Hash{}
		for n := l.Start; n <= l.Last; n++ {
			h := rpc[*types.Header](t, url, "eth_getBlockByNumber", hexOf(n), false)
			said := rpc[struct {
				Hash         common.Hash
				Transactions []common.Hash
			}](t, url, "eth_getBlockByHash", h.Hash(), false)
			receipts := rpc[types.Receipts](t, url, "eth_getBlockReceipts", hexOf(n))
			logs := rpc[[]types.Log](t, url, "eth_getLogs", map[string]any{"blockHash": h.Hash(), "topics": []any{transferID}})
			if h.Number.Uint64() != n || said.Hash != h.Hash() || n > l.Start && h.ParentHash != parent {
				t.Fatalf("block %d is %d %s, child of %s", n, h.Number, said.Hash, h.ParentHash)
			}
			if root := types.DeriveSha(receipts, trie.NewStackTrie(nil)); root != h.ReceiptHash || len(receipts) != len(said.Transactions) {
				t.Fatalf("block %d: receipts root %s, want %s", n, root, h.ReceiptHash)
			}
			k := 0
			for i, r := range receipts {
				if r.TxHash != said.Transactions[i] || r.BlockHash != h.Hash() {
					t.Fatalf("block %d: receipt %d is of %s in %s", n, i, r.TxHash, r.BlockHash)
				}
				for _, in := range r.Logs {
					got := logs[k]
					k++
					if got.BlockHash != h.Hash() || got.BlockNumber != n || got.TxHash != r.TxHash || got.Index != in.Index || got.Topics[1] != in.Topics[1] ||
						!bytes.Equal(got.Data, in.Data) || !types.BloomLookup(h.Bloom, got.Topics[2]) {
						t.Fatalf("block %d: log %+v", n, got)
					}
				}
			}
			if k != len(logs) {
				t.Fatalf("block %d: %d logs, %d in receipts", n, len(logs), k)
			}
			parent = h.Hash()
		}
	}
}

// What a recording answers is what the node answered.
func TestRecordingIsTheNode(t *testing.T) {
	t.Parallel()
	d, err := StartDev(t.Context(), 5, 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.node.Stop() })
	if d.load.Logs != 60 {
		t.Fatalf("%+v", d.load)
	}
	rec, err := Record(t.Context(), d.load)
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, rec)
	for n := uint64(0); n <= d.load.Last; n++ {
		for _, c := range []struct {
			method string
			params []any
		}{{"eth_getBlockByNumber", []any{hexOf(n), false}}, {"eth_getBlockReceipts", []any{hexOf(n)}}, {"eth_getLogs", []any{logsOf(d.load, n, n)}}} {
			if n < d.load.Start && c.method == "eth_getLogs" {
				continue // the replay starts where the load does
			}
			want, got := rpc[json.RawMessage](t, d.load.URL, c.method, c.params...), rpc[json.RawMessage](t, url, c.method, c.params...)
			if string(want) != string(got) {
				t.Errorf("%s of block %d: %.200s, want %.200s", c.method, n, got, want)
			}
		}
	}
	// A block mined later is told with what is in it.
	m, err := d.Mine(t.Context(), 2, 5)
	if err != nil || m.Number != d.load.Last+1 || m.Logs == 0 || m.At == 0 {
		t.Errorf("mined %+v, %v", m, err)
	}
}
