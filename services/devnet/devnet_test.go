package devnet

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"

	"fondaco.dev/services/devnet/evm"
)

func lookup(settings map[string]string) env.Lookup {
	return func(name string) (string, bool) { v, ok := settings[name]; return v, ok }
}

func TestSettings(t *testing.T) {
	t.Parallel()
	cfg, err := ConfigFromEnv(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.EVMHTTP != "127.0.0.1:8545" || cfg.CasperSSE != "127.0.0.1:9999" || cfg.Idle || cfg.DataDir == "" {
		t.Errorf("defaults: %+v", cfg)
	}
	_, err = ConfigFromEnv(lookup(map[string]string{
		"FONDACO_DEVNET_EVM_PERIOD":      "1ms",
		"FONDACO_DEVNET_CASPER_PROTOCOL": "three",
		"FONDACO_DEVNET_TRANSACTIONS":    "-1",
	}))
	for _, name := range []string{"EVM_PERIOD", "CASPER_PROTOCOL", "TRANSACTIONS"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

func TestWrittenConfigurationIsValid(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	e := Endpoints{
		CasperSSE: "http://127.0.0.1:9999", CasperRPC: "http://127.0.0.1:7777/rpc",
		EVMHTTP: "http://127.0.0.1:8545", EVMWS: "ws://127.0.0.1:8546", ChainID: 1337,
	}
	path, err := WriteConfig(dir, e)
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Networks) != 2 || file.Networks[0].Name != "casper-test" || file.Networks[1].Name != "dev" || file.Venue != "main" {
		t.Fatalf("networks %+v, venue %s", file.Networks, file.Venue)
	}
	dev := file.Networks[1]
	if len(dev.Contracts) != 3 || dev.Contracts[2].Address != evm.DeployedContracts().Market || !dev.Finality.Tag {
		t.Errorf("contracts %+v, finality %+v", dev.Contracts, dev.Finality)
	}
	if len(file.Assets) != 3 || len(file.Markets) != 2 || file.Markets[0].Tick != 1 || file.Markets[0].Lot != 1 {
		t.Errorf("assets %+v, markets %+v", file.Assets, file.Markets)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WriteConfig(dir, e); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Error("the same configuration was written again")
	}
}

// Run serves both nodes by its own configuration file, moves them, stops
// cleanly, and goes on where it was.
func TestRunServesAndGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{
		DataDir: filepath.Join(dir, "data"), ConfigDir: filepath.Join(dir, "config"),
		EVMHTTP: "127.0.0.1:0", EVMWS: "127.0.0.1:0", CasperSSE: "127.0.0.1:0", CasperRPC: "127.0.0.1:0",
		EVMPeriod: 20 * time.Millisecond, CasperPeriod: 20 * time.Millisecond, Transactions: 2, Seed: "1",
	}
	var last uint64
	for start := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		path := filepath.Join(cfg.ConfigDir, "fondaco.yaml")
		if err := os.Remove(path); start > 0 && err != nil {
			t.Fatal(err)
		}
		go func() { done <- Run(ctx, cfg, zlog.Nop()) }()
		last = watch(t, waitFor(t, path, done), last)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// The control API reaches the faulty endpoints, the chain and the Casper node.
func TestControl(t *testing.T) {
	t.Parallel()
	d, err := Start(t.Context(), Config{Faulty: []string{"127.0.0.1:0"}, ControlAddr: "127.0.0.1:0"}, zlog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	do := func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, d.ControlURL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode >= 300 {
			t.Errorf("%s %s: %s", method, path, res.Status)
		}
	}
	c, err := ethclient.DialContext(t.Context(), d.Faulty()[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if id, err := c.ChainID(t.Context()); err != nil || id.Uint64() != 1337 {
		t.Errorf("chain id %v, %v", id, err)
	}
	do("PUT", "/evm/endpoints/1/faults/wrong-chain-id", "")
	if id, err := c.ChainID(t.Context()); err != nil || id.Uint64() == 1337 {
		t.Errorf("chain id %v, %v with the fault on", id, err)
	}
	before := d.EVM.Head().Hash()
	do("POST", "/evm/chain/reorg-flip", `{"blocks":1}`)
	if d.EVM.Head().Hash() == before {
		t.Error("no reorganisation")
	}
	do("GET", "/evm/faults", "")
	do("PUT", "/casper/faults/joining", "")
	do("DELETE", "/casper/faults/joining", "")
}

// waitFor loads the configuration once it is there.
func waitFor(t *testing.T, path string, done <-chan error) *config.File {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for {
		if file, err := config.Load(path); err == nil {
			return file
		}
		select {
		case err := <-done:
			t.Fatalf("the devnet ended: %v", err)
		case <-deadline:
			t.Fatal("no configuration was written")
		case <-ticker.C:
		}
	}
}

// watch waits for three new heads and returns the last height. The first must
// be above the one given.
func watch(t *testing.T, file *config.File, above uint64) uint64 {
	t.Helper()
	response, err := http.Get(file.Networks[0].SSE[0] + "/events/main?start_from=0")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the event stream answered %s", response.Status)
	}
	c, err := ethclient.DialContext(t.Context(), file.Networks[1].WS[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heads := make(chan *types.Header, 8)
	sub, err := c.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	for range 3 {
		select {
		case h := <-heads:
			if h.Number.Uint64() <= above {
				t.Errorf("head %d after %d", h.Number, above)
			}
			above = h.Number.Uint64()
		case <-time.After(30 * time.Second):
			t.Fatal("no new head")
		}
	}
	return above
}
