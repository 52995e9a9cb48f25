// Package evm runs an EVM chain for development and tests: go-ethereum in this
// process, with JSON-RPC on HTTP and WebSocket, contracts deployed in its first
// blocks, and reorganisations on request.
//
// The chain is made by this package alone: a block is built by go-ethereum's
// miner on any parent, written to the chain file, and only then made the head.
// There is no beacon and no second block producer, which would race with the
// one here.
//
// Finality is that of a development chain: a head at a multiple of the epoch
// (32 blocks) finalizes itself and all below it.
package evm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/rpc"
	"go.uber.org/zap"
)

// Node is a running chain. Its methods may be called from any goroutine.
type Node struct {
	cfg      Config
	log      *zap.Logger
	lock     *os.File
	stack    *node.Node
	eth      *eth.Ethereum
	client   *ethclient.Client
	genesis  *types.Header
	accounts []Account
	abis     contractABIs
	addrs    Contracts

	mu      sync.Mutex // serialises everything that moves the chain or the pool
	journal *journal

	cancel  context.CancelFunc
	loop    sync.WaitGroup
	stopped sync.Once
	stopErr error
}

// Start opens the chain of cfg.DataDir, or makes a new one with its contracts
// deployed, and serves it. It returns when the whole chain is there. ctx bounds
// the start only; the node runs until Stop.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg.fill()
	n := &Node{cfg: cfg, log: cfg.Log, accounts: Accounts()}
	var err error
	if n.abis, err = loadABIs(); err != nil {
		return nil, err
	}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if cfg.Period > 0 {
		loopCtx, cancel := context.WithCancel(context.Background())
		n.cancel = cancel
		n.loop.Go(func() { n.produce(loopCtx) })
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	if err := n.lockDir(); err != nil {
		return err
	}
	genesis, err := loadGenesis(n.cfg)
	if err != nil {
		return err
	}
	if _, err := n.nodeConfig(); err != nil { // not the database's fault
		return err
	}
	var chain []record
	if n.journal, chain, err = openJournal(n.under("chain.bin"), genesis.ToBlock().Hash()); err != nil {
		return err
	}
	if err = n.load(ctx, genesis, chain); err != nil && n.cfg.DataDir != "" && ctx.Err() == nil {
		n.log.Warn("go-ethereum's database is made anew from the chain file", zap.Error(err))
		if n.stack != nil {
			err = n.stack.Close()
			n.stack = nil
		}
		if err = errors.Join(err, os.RemoveAll(n.under("geth"))); err == nil {
			err = n.load(ctx, genesis, chain)
		}
	}
	if err != nil {
		return err
	}
	if err := n.stack.Start(); err != nil {
		return fmt.Errorf("serving on %s and %s: %w", n.cfg.HTTPAddr, n.cfg.WSAddr, err)
	}
	n.eth.SetSynced()
	n.client = ethclient.NewClient(n.stack.Attach())
	return nil
}

// under is a path in the data folder, empty without one.
func (n *Node) under(name string) string {
	if n.cfg.DataDir == "" {
		return ""
	}
	return filepath.Join(n.cfg.DataDir, name)
}

// load makes go-ethereum's chain and brings it to where the chain file is.
// Nobody sees the chain before: the servers start later.
func (n *Node) load(ctx context.Context, genesis *core.Genesis, chain []record) error {
	nodeConf, err := n.nodeConfig()
	if err != nil {
		return err
	}
	if n.stack, err = node.New(nodeConf); err != nil {
		return fmt.Errorf("making the node: %w", err)
	}
	conf := ethConfig(n.cfg)
	conf.Genesis = genesis
	if n.eth, err = eth.New(n.stack, &conf); err != nil {
		return fmt.Errorf("making the chain: %w", err)
	}
	n.genesis = n.eth.BlockChain().Genesis().Header()
	n.stack.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service: filters.NewFilterAPI(filters.NewFilterSystem(n.eth.APIBackend, filters.Config{
			RangeLimit: n.cfg.LogRangeLimit,
		})),
	}})
	if err := n.restore(ctx, chain); err != nil {
		return err
	}
	n.addrs = DeployedContracts()
	if n.Head().Number.Uint64() < setupBlocks {
		return n.deploy()
	}
	return n.syncPool()
}

// restore takes over what the chain file has and the database has not.
func (n *Node) restore(ctx context.Context, chain []record) error {
	began := time.Now()
	bc := n.eth.BlockChain()
	common := min(int(n.Head().Number.Uint64()), len(chain))
	for common > 0 && bc.GetCanonicalHash(uint64(common)) != chain[common-1].hash {
		common--
	}
	for from := common; from < len(chain); from += 256 {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := n.journal.read(chain[from:min(from+256, len(chain))])
		if err != nil {
			return err
		}
		if i, err := bc.InsertChain(batch); err != nil {
			return fmt.Errorf("importing block %d: %w", batch[i].NumberU64(), err)
		}
	}
	if tip := bc.GetBlockByNumber(uint64(len(chain))); tip != nil && tip.Hash() != n.Head().Hash() {
		if _, err := bc.SetCanonical(tip); err != nil { // the database is ahead of the file
			return fmt.Errorf("going back to block %d: %w", tip.NumberU64(), err)
		}
	}
	n.finalize()
	if len(chain) > 0 {
		n.log.Info("chain goes on", zap.Int("blocks", len(chain)), zap.Int("imported", len(chain)-common), zap.Duration("took", time.Since(began)))
	}
	return nil
}

// HTTPURL is the address of the JSON-RPC server.
func (n *Node) HTTPURL() string { return n.stack.HTTPEndpoint() }

// WSURL is the address of the JSON-RPC server with subscriptions.
func (n *Node) WSURL() string { return n.stack.WSEndpoint() }

// ChainID is the chain's id as eth_chainId gives it.
func (n *Node) ChainID() uint64 { return n.cfg.ChainID }

// Genesis is the hash of block 0, other for every chain that started anew.
func (n *Node) Genesis() common.Hash { return n.genesis.Hash() }

// Client talks to the node without a socket. It is closed by Stop.
func (n *Node) Client() *ethclient.Client { return n.client }

// produce makes a block each period until ctx ends.
func (n *Node) produce(ctx context.Context) {
	ticker := time.NewTicker(n.cfg.Period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if _, err := n.Commit(); err != nil {
				n.log.Error("block was not made", zap.Error(err))
			}
		}
	}
}

// Stop ends the node: its servers first, then the chain. A second call does
// nothing and gives the first one's answer.
func (n *Node) Stop() error {
	n.stopped.Do(func() {
		if n.cancel != nil {
			n.cancel()
		}
		n.loop.Wait()
		n.mu.Lock()
		defer n.mu.Unlock()
		n.stopErr = n.close()
	})
	return n.stopErr
}

func (n *Node) close() error {
	var errs []error
	if n.client != nil {
		n.client.Close()
	}
	if n.stack != nil {
		errs = append(errs, n.stack.Close())
	}
	if n.journal != nil {
		errs = append(errs, n.journal.close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	return errors.Join(errs...)
}
