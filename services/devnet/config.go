// Package devnet runs a Casper node and an EVM node for development, with
// contracts, and a driver that keeps both busy. Nothing of it belongs near
// production: its keys are public knowledge.
package devnet

import (
	"path/filepath"
	"strings"
	"time"

	"fondaco.dev/pkg/env"
)

// Config is the service's settings. The zero value is a devnet in memory on
// free ports, with the usual periods and a driver.
type Config struct {
	// DataDir: FONDACO_DEVNET_DATA_DIR, default .fondaco/devnet: the folder in
	// which both chains are kept and from which they go on. Empty: in memory.
	DataDir string
	// EVMHTTP and EVMWS: FONDACO_DEVNET_EVM_HTTP, default 127.0.0.1:8545, and
	// FONDACO_DEVNET_EVM_WS, default 127.0.0.1:8546: host:port of the EVM
	// node's JSON-RPC. Port 0 or empty: a free port.
	EVMHTTP string
	EVMWS   string
	// ChainID: FONDACO_DEVNET_EVM_CHAIN_ID, default 1337; fixed by the first
	// start in DataDir.
	ChainID int
	// EVMPeriod: FONDACO_DEVNET_EVM_PERIOD, default 1s: time between EVM blocks.
	EVMPeriod time.Duration
	// CasperSSE and CasperRPC: FONDACO_DEVNET_CASPER_SSE, default
	// 127.0.0.1:9999, and FONDACO_DEVNET_CASPER_RPC, default 127.0.0.1:7777:
	// host:port of the Casper node's event stream and JSON-RPC.
	CasperSSE string
	CasperRPC string
	// CasperProtocol: FONDACO_DEVNET_CASPER_PROTOCOL, default 1.5.6; from
	// 2.0.0 on, the streams and shapes of 2.x.
	CasperProtocol string
	// CasperPeriod: FONDACO_DEVNET_CASPER_PERIOD, default 2s: time between
	// Casper blocks.
	CasperPeriod time.Duration
	// Idle: FONDACO_DEVNET_DRIVER=false: blocks stay empty (default true: the
	// driver fills them).
	Idle bool
	// Transactions: FONDACO_DEVNET_TRANSACTIONS, default 4: how many the
	// driver sends in an EVM block.
	Transactions int
	// Seed: FONDACO_DEVNET_SEED, default fondaco: chooses what the driver
	// does. It does not make the chains equal: a chain that starts anew always
	// has another genesis.
	Seed string
	// Faulty: FONDACO_DEVNET_EVM_FAULTY, default none: host:port, separated by
	// commas, of further JSON-RPC and WebSocket endpoints of the EVM chain, which
	// misbehave as the control API tells them. Port 0: a free port.
	Faulty []string
	// ControlAddr: FONDACO_DEVNET_CONTROL_ADDR, default none: host:port of the
	// control API: /evm/ as in fault.Control, /casper/ as in casper.Control. Whoever
	// reaches it can reorganise the chain.
	ControlAddr string
	// ConfigDir: FONDACO_DEVNET_CONFIG_DIR, default none: a folder into which
	// fondaco.yaml and abi/ for these nodes are written at start.
	ConfigDir string
	// AdminAddr: FONDACO_ADMIN_ADDR, default 127.0.0.1:9105: where /livez, /readyz and
	// /metrics are served; empty: nowhere.
	AdminAddr string
}

// ConfigFromEnv reads the settings; the error names every problem.
func ConfigFromEnv(lookup env.Lookup) (Config, error) {
	r := env.New(lookup)
	cfg := Config{
		DataDir:        r.String("FONDACO_DEVNET_DATA_DIR", filepath.Join(".fondaco", "devnet")),
		EVMHTTP:        r.String("FONDACO_DEVNET_EVM_HTTP", "127.0.0.1:8545"),
		EVMWS:          r.String("FONDACO_DEVNET_EVM_WS", "127.0.0.1:8546"),
		ChainID:        r.Int("FONDACO_DEVNET_EVM_CHAIN_ID", 1337, 1, 1<<52),
		EVMPeriod:      r.Duration("FONDACO_DEVNET_EVM_PERIOD", time.Second),
		CasperSSE:      r.String("FONDACO_DEVNET_CASPER_SSE", "127.0.0.1:9999"),
		CasperRPC:      r.String("FONDACO_DEVNET_CASPER_RPC", "127.0.0.1:7777"),
		CasperProtocol: r.String("FONDACO_DEVNET_CASPER_PROTOCOL", "1.5.6"),
		CasperPeriod:   r.Duration("FONDACO_DEVNET_CASPER_PERIOD", 2*time.Second),
		Idle:           !r.Bool("FONDACO_DEVNET_DRIVER", true),
		Transactions:   r.Int("FONDACO_DEVNET_TRANSACTIONS", 4, 1, 500),
		Seed:           r.String("FONDACO_DEVNET_SEED", "fondaco"),
		Faulty:         r.List("FONDACO_DEVNET_EVM_FAULTY"),
		ControlAddr:    r.String("FONDACO_DEVNET_CONTROL_ADDR", ""),
		ConfigDir:      r.String("FONDACO_DEVNET_CONFIG_DIR", ""),
		AdminAddr:      r.String("FONDACO_ADMIN_ADDR", "127.0.0.1:9105"),
	}
	const shortest = 10 * time.Millisecond // below it a step takes longer than its period
	for name, period := range map[string]time.Duration{
		"FONDACO_DEVNET_EVM_PERIOD": cfg.EVMPeriod, "FONDACO_DEVNET_CASPER_PERIOD": cfg.CasperPeriod,
	} {
		if period < shortest {
			r.Fail(name, "must be at least "+shortest.String())
		}
	}
	if !strings.HasPrefix(cfg.CasperProtocol, "1.") && !strings.HasPrefix(cfg.CasperProtocol, "2.") {
		r.Fail("FONDACO_DEVNET_CASPER_PROTOCOL", "must be a version such as 1.5.6 or 2.0.0")
	}
	return cfg, r.Err()
}

func (c *Config) fill() {
	if c.ChainID == 0 {
		c.ChainID = 1337
	}
	if c.EVMPeriod == 0 {
		c.EVMPeriod = time.Second
	}
	if c.CasperPeriod == 0 {
		c.CasperPeriod = 2 * time.Second
	}
	if c.CasperProtocol == "" {
		c.CasperProtocol = "1.5.6"
	}
}
