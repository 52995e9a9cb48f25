package evm

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"go.uber.org/zap"
)

// Config is what a Node needs; the zero value is a node in memory on free
// ports that makes blocks only when it is told to.
type Config struct {
	// DataDir is the folder in which the chain is kept and from which it goes
	// on. Empty = in memory, gone with the process.
	DataDir string
	// HTTPAddr and WSAddr are host:port of the two JSON-RPC servers.
	// Default 127.0.0.1:0 = a free port.
	HTTPAddr string
	WSAddr   string
	// ChainID defaults to 1337. It is fixed by the first start in DataDir.
	ChainID uint64
	// Period is the time between blocks made by the node itself; 0 = blocks
	// are made by Commit only.
	Period time.Duration
	// FinalityEpoch is the number of blocks between finalized ones, default 32.
	FinalityEpoch uint64
	// LogRangeLimit is the widest block range that eth_getLogs accepts;
	// 0 = any. Public providers refuse wide ranges, so tests do too.
	LogRangeLimit uint64
	// Seed makes the genesis, and with a fixed Clock the whole chain,
	// reproducible. Empty = random: a chain that starts anew is another chain.
	Seed string
	// Clock gives block timestamps, default time.Now. A block is always at
	// least one second younger than its parent.
	Clock func() time.Time
	// Log gets the node's own messages, default none.
	Log *zap.Logger
}

func (c *Config) fill() {
	if c.HTTPAddr == "" {
		c.HTTPAddr = "127.0.0.1:0"
	}
	if c.WSAddr == "" {
		c.WSAddr = "127.0.0.1:0"
	}
	if c.ChainID == 0 {
		c.ChainID = 1337 // what development tools expect
	}
	if c.FinalityEpoch == 0 {
		c.FinalityEpoch = 32 // slots of an epoch on mainnet
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
}

func (n *Node) nodeConfig() (*node.Config, error) {
	conf := node.DefaultConfig
	conf.Name = "chain"
	conf.DataDir = n.under("geth") // empty = everything in memory
	conf.IPCPath = ""
	conf.AuthAddr = "127.0.0.1"
	conf.AuthPort = 0
	conf.P2P = p2p.Config{NoDiscovery: true, NoDial: true, MaxPeers: 0, ListenAddr: ""}
	var err error
	if conf.HTTPHost, conf.HTTPPort, err = splitAddr(n.cfg.HTTPAddr); err != nil {
		return nil, fmt.Errorf("HTTP address: %w", err)
	}
	if conf.WSHost, conf.WSPort, err = splitAddr(n.cfg.WSAddr); err != nil {
		return nil, fmt.Errorf("WebSocket address: %w", err)
	}
	modules := []string{"eth", "net", "web3", "txpool", "debug"}
	conf.HTTPModules, conf.WSModules = modules, modules
	conf.HTTPVirtualHosts, conf.HTTPCors, conf.WSOrigins = []string{"*"}, []string{"*"}, []string{"*"}
	return &conf, nil
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q has no port number", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return host, port, nil
}

// ethConfig keeps caches small, and pools large enough for what a load test
// sends between two blocks.
func ethConfig(cfg Config) ethconfig.Config {
	c := ethconfig.Defaults
	c.NetworkId = cfg.ChainID
	c.SyncMode = ethconfig.FullSync
	c.LogNoHistory = true // no log index: eth_getLogs reads headers' blooms
	c.TxPool.NoLocals = true
	c.TxPool.Journal = ""
	c.TxPool.AccountSlots, c.TxPool.GlobalSlots = 1<<12, 1<<16
	c.TxPool.AccountQueue, c.TxPool.GlobalQueue = 1<<12, 1<<16
	c.DatabaseCache, c.DatabaseHandles = 16, 64 // MB, open files
	// MB each. Without a dirty cache the state of all but the latest 128 blocks
	// is on disk, and a killed process has no more than those to execute again.
	c.TrieCleanCache, c.TrieDirtyCache, c.SnapshotCache = 16, 0, 16
	return c
}
