package devnet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/internal/artifact"
)

// Endpoints say where the two nodes are.
type Endpoints struct {
	CasperSSE string // http://host:port
	CasperRPC string // http://host:port/rpc
	EVMHTTP   string // http://host:port
	EVMWS     string // ws://host:port
	ChainID   uint64
}

// WriteConfig writes fondaco.yaml and abi/*.json for the nodes into a folder,
// making it where needed, and returns the file's path. The contracts' addresses
// are the same on every devnet, so the nodes need not run yet.
//
// Each file is replaced whole, and left alone where it is the same already.
func WriteConfig(dir string, e Endpoints) (string, error) {
	a := evm.DeployedContracts()
	var contracts strings.Builder
	for _, c := range []struct {
		name, artifact string
		address        fmt.Stringer
	}{{"usd", "USD", a.USD}, {"wine", "Wine", a.Wine}, {"market", "Market", a.Market}} {
		code, err := artifact.Load(c.artifact)
		if err != nil {
			return "", err
		}
		path := filepath.Join("abi", c.artifact+".json")
		if err := replace(filepath.Join(dir, path), code.ABIJSON); err != nil {
			return "", fmt.Errorf("writing the ABI of %s: %w", c.artifact, err)
		}
		fmt.Fprintf(&contracts, "      - {name: %s, address: %q, abi: %s, start_block: 1}\n", c.name, c.address, path)
	}
	file := filepath.Join(dir, "fondaco.yaml")
	text := fmt.Sprintf(`# The two development chains of services/devnet.
networks:
  - name: casper-test
    kind: casper
    sse: [%q]
    rpc: [%q]
  - name: dev
    kind: evm
    chain_id: %d
    rpc: [%q]
    ws: [%q]
    finality: finalized
    start_block: 0
    contracts:
%svenue: main
assets:
  - {name: USD, scale: 2}
  - {name: WINE18, scale: 0}
  - {name: OIL21, scale: 1}
markets:
  - {symbol: WINE18-USD, base: WINE18, quote: USD, tick: "0.01", lot: "1"}
  - {symbol: OIL21-USD, base: OIL21, quote: USD, tick: "0.10", lot: "0.5"}
`, e.CasperSSE, e.CasperRPC, e.ChainID, e.EVMHTTP, e.EVMWS, contracts.String())
	if err := replace(file, []byte(text)); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return file, nil
}

func replace(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
