package e2e

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/services/api"
	"fondaco.dev/services/devnet/casper"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/writer"
)

// Real input goes the whole way, from a node's socket to the api: 10 blocks of
// a public Casper network, and 23 blocks of Ethereum mainnet with all their logs.
func TestRecordedInputIsServed(t *testing.T) {
	text := recorded(t, "casper", "wire", "testnet-1.4.6-events.stream")
	events, err := casper.ReadRecording(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	node, err := casper.Start(t.Context(), casper.Config{NoGenesis: true, Protocol: "1.4.6"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Stop() })
	evm := mainnet(t)
	want := 0
	for _, b := range evm.blocks {
		want += len(b.logs)
	}
	server := httptest.NewServer(evm)
	t.Cleanup(server.Close)

	dir := t.TempDir()
	file := filepath.Join(dir, "fondaco.yaml")
	yaml := fmt.Sprintf(`networks:
  - {name: testnet, kind: casper, sse: [%q]}
  - name: mainnet
    kind: evm
    chain_id: 1
    rpc: [%q]
    start_block: 17686110
    contracts:
`, node.SSEURL(), server.URL)
	for i, address := range evm.addresses() {
		yaml += fmt.Sprintf("      - {name: c%d, address: %q, abi: any.json}\n", i, address)
	}
	// An anonymous event has no topic of its own: every log of the address.
	anything := `[{"type":"event","anonymous":true,"name":"Anything","inputs":[]}]`
	for path, text := range map[string]string{file: yaml, filepath.Join(dir, "any.json"): anything} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	in := startInfra(t, infra.Config{})
	inProcess(t, eventhandler.ConfigFromEnv, eventhandler.Run, environ(in, "event-handler", file, "127.0.0.1:0"))
	inProcess(t, writer.ConfigFromEnv, writer.Run, environ(in, "writer", file, "127.0.0.1:0"))
	values := environ(in, "api", file, "127.0.0.1:0")
	values["FONDACO_HTTP_ADDR"] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	inProcess(t, api.ConfigFromEnv, api.Run, values)
	base := "http://" + values["FONDACO_HTTP_ADDR"]
	if err := node.WaitSubscribers(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := node.Replay(events); err != nil {
		t.Fatal(err)
	}

	var blocks struct {
		Data []struct {
			BlockHash string
			Height    uint64
			State     string
		}
		ItemCount int
		PageCount int
	}
	eventually(t, 60*time.Second, "the recorded Casper blocks to be served", func() error {
		a, err := call(t.Context(), "GET", base+"/blocks?limit=20", "", nil)
		if err != nil || a.code != 200 {
			return fmt.Errorf("%d %s, %w", a.code, a.body, err)
		}
		a.decode(t, &blocks)
		if blocks.ItemCount != 10 {
			return fmt.Errorf("%d blocks", blocks.ItemCount)
		}
		return nil
	})
	seen := map[string]bool{}
	for i, b := range blocks.Data {
		if b.State != "added" || seen[b.BlockHash] || i > 0 && b.Height >= blocks.Data[i-1].Height {
			t.Errorf("block %d of the list: %+v", i, b)
		}
		seen[b.BlockHash] = true
	}
	if len(seen) != 10 || blocks.PageCount != 1 {
		t.Errorf("%d blocks on %d pages", len(seen), blocks.PageCount)
	}

	// 10,591 logs in the recording, less those of the two single blocks.
	if want != 9807 {
		t.Fatalf("the recording's linked blocks hold %d logs, want 9807", want)
	}
	got := map[string]bool{}
	eventually(t, 60*time.Second, "the recorded mainnet logs to be served", func() error {
		clear(got)
		for cursor := ""; ; {
			a, err := call(t.Context(), "GET", base+"/v1/networks/mainnet/events?order=asc&limit=1000&cursor="+cursor, "", nil)
			if err != nil || a.code != 200 {
				return fmt.Errorf("%d %s, %w", a.code, a.body, err)
			}
			var page struct {
				Data []struct {
					BlockNumber uint64 `json:"block_number"`
					LogIndex    uint   `json:"log_index"`
				}
				Next string
				More bool
			}
			a.decode(t, &page)
			for _, e := range page.Data {
				id := fmt.Sprint(e.BlockNumber, "/", e.LogIndex)
				if got[id] {
					t.Fatalf("log %s is served twice", id)
				}
				got[id] = true
			}
			if !page.More {
				break
			}
			cursor = page.Next
		}
		if len(got) != want {
			return fmt.Errorf("%d logs of %d", len(got), want)
		}
		return nil
	})
}
