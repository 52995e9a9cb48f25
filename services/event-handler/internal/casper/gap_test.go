package casper

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fondaco.dev/services/event-handler/internal/jsonrpc"
	"fondaco.dev/services/event-handler/internal/recorded"
)

// answering serves one result, whatever is asked.
func answering(t *testing.T, result []byte) *jsonrpc.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"result":%s}`, result)
	}))
	t.Cleanup(srv.Close)
	c, err := jsonrpc.New(srv.URL, jsonrpc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func result(t *testing.T, name ...string) []byte {
	t.Helper()
	var doc struct {
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(recorded.Read(t, append([]string{"casper", "rpc"}, name...)...), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Result == nil { // recorded without its envelope
		return recorded.Read(t, append([]string{"casper", "rpc"}, name...)...)
	}
	return doc.Result
}

// TestRecordedBlocks: a block that a node answered over JSON-RPC becomes the
// event that the node sent when it was added.
func TestRecordedBlocks(t *testing.T) {
	t.Parallel()
	bare := func(name string) []byte {
		return recorded.Read(t, "casper", "rpc", "block", name)
	}
	for name, c := range map[string]struct {
		result []byte
		height uint64
		txs    int
	}{
		"1.x answer":   {result(t, "block-java", "chain_get_block.json"), 2346915, 20},
		"1.x":          {fmt.Appendf(nil, `{"block":%s}`, bare("block_v1_example.json")), 1502100, 2},
		"2.x Version1": {fmt.Appendf(nil, `{"block_with_signatures":{"block":{"Version1":%s},"proofs":[]}}`, bare("block_v1_example.json")), 1502100, 2},
		"2.x Version2": {fmt.Appendf(nil, `{"block_with_signatures":{"block":{"Version2":%s},"proofs":[]}}`, bare("block_v2_example.json")), 3643048, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fetchBlock(t.Context(), answering(t, c.result), c.height)
			if err != nil {
				t.Fatal(err)
			}
			e, txs := got.block, got.block.Names
			if e.Kind != "BlockAdded" || e.Block.Height != c.height || e.Key != e.Block.Hash || !json.Valid(e.Raw) {
				t.Errorf("%s %+v", e.Kind, e.Block)
			}
			if len(txs) < c.txs {
				t.Errorf("%d transactions, want at least %d", len(txs), c.txs)
			}
			if _, err := fetchBlock(t.Context(), answering(t, c.result), c.height+1); err == nil {
				t.Error("a block of another height was taken")
			}
		})
	}
}

func TestRecordedDeploys(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"get_raw_rpc_deploy.json", "get_raw_rpc_deploy_v1_failed.json", "get_raw_rpc_deploy_v2.json", "get_raw_rpc_deploy_with_transfer.json", "get_deploy_result.json"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hash := strings.Repeat("ab", 32)
			e, err := fetchProcessed(t.Context(), answering(t, result(t, "deploy", name)), txHash{Deploy: hash, legacy: true})
			if err != nil {
				t.Fatal(err)
			}
			var body struct {
				DeployProcessed struct {
					Account   string          `json:"account"`
					BlockHash string          `json:"block_hash"`
					Result    json.RawMessage `json:"execution_result"`
				}
			}
			if err := json.Unmarshal(e.Raw, &body); err != nil {
				t.Fatal(err)
			}
			if p := body.DeployProcessed; e.Kind != "DeployProcessed" || e.Key != hash || len(p.Account) < 66 || len(p.BlockHash) != 64 || len(p.Result) < 10 {
				t.Errorf("%s %s: account %s, block %s, result of %d bytes", e.Kind, e.Key, p.Account, p.BlockHash, len(p.Result))
			}
		})
	}
}
