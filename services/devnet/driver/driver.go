// Package driver keeps the two development chains busy: token transfers, wine
// that is minted, moved, listed and sold on the EVM chain; deploys, transfers
// and now and then something unusual on Casper.
//
// What it does in a block depends on its seed and the block's height alone, and
// on what the accounts hold there: it keeps no state of its own, so it goes on
// after a restart or a reorganisation as if nothing had been.
package driver

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"go.uber.org/zap"

	"fondaco.dev/services/devnet/casper"
	"fondaco.dev/services/devnet/evm"
)

// Config says what to drive and how fast. The nodes must not make blocks of
// their own (Period 0).
type Config struct {
	// EVM and Casper are the nodes; either may be nil.
	EVM    *evm.Node
	Casper *casper.Node
	// Seed chooses what happens.
	Seed string
	// EVMPeriod and CasperPeriod are the times between blocks, default 1 s
	// and 2 s.
	EVMPeriod    time.Duration
	CasperPeriod time.Duration
	// Transactions in an EVM block, default 4.
	Transactions int
	// Deploys is the most contract calls, and the most transfers, in a Casper
	// block, default 3.
	Deploys int
	// Empty makes blocks with nothing in them.
	Empty bool
	// Report gets the outcome of each step under the chain's name; nil = it is
	// logged only.
	Report func(chain string, err error)
	// Log defaults to none.
	Log *zap.Logger
}

// Driver makes blocks with something in them.
type Driver struct {
	cfg      Config
	accounts []evm.Account // those that trade: all but the contracts' owner
}

// New makes a driver; nothing moves before Run or a step.
func New(cfg Config) *Driver {
	if cfg.EVMPeriod == 0 {
		cfg.EVMPeriod = time.Second
	}
	if cfg.CasperPeriod == 0 {
		cfg.CasperPeriod = 2 * time.Second
	}
	if cfg.Transactions == 0 {
		cfg.Transactions = 4
	}
	if cfg.Deploys == 0 {
		cfg.Deploys = 3
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Driver{cfg: cfg, accounts: evm.Accounts()[1:]}
}

// Run makes blocks on both chains at their periods until ctx ends. A step that
// fails is reported and tried again at the next tick.
func (d *Driver) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if d.cfg.EVM != nil {
		wg.Go(func() {
			d.tick(ctx, "evm", d.cfg.EVMPeriod, func() error {
				_, err := d.StepEVM(ctx)
				return err
			})
		})
	}
	if d.cfg.Casper != nil {
		wg.Go(func() {
			d.tick(ctx, "casper", d.cfg.CasperPeriod, func() error {
				_, err := d.StepCasper()
				return err
			})
		})
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

func (d *Driver) tick(ctx context.Context, chain string, period time.Duration, step func() error) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := step()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			d.cfg.Log.Error("block was not made", zap.String("chain", chain), zap.Error(err))
		}
		if d.cfg.Report != nil {
			d.cfg.Report(chain, err)
		}
	}
}

// StepEVM sends the transactions of the next block and makes it.
func (d *Driver) StepEVM(ctx context.Context) (*types.Block, error) {
	height := d.cfg.EVM.Head().Number.Uint64() + 1
	b := &block{Driver: d, r: d.source("evm", height), busy: map[int]bool{}}
	if d.cfg.Empty {
		return d.cfg.EVM.Commit()
	}
	for range d.cfg.Transactions {
		if err := b.act(ctx); err != nil {
			return nil, fmt.Errorf("sending for block %d: %w", height, err)
		}
	}
	return d.cfg.EVM.Commit()
}

// StepCasper makes the next Casper block and returns its hash. One block in
// fifteen comes with a deploy that expires, one in a hundred with a fault.
func (d *Driver) StepCasper() (hash string, err error) {
	height, _ := d.cfg.Casper.Head()
	r := d.source("casper", height+1)
	if d.cfg.Empty {
		return d.cfg.Casper.MakeBlock(0, 0)
	}
	if r.IntN(15) == 0 {
		if _, err := d.cfg.Casper.ExpireDeploy(); err != nil {
			return "", err
		}
	}
	if r.IntN(100) == 0 {
		if err := d.cfg.Casper.Fault(); err != nil {
			return "", err
		}
	}
	return d.cfg.Casper.MakeBlock(r.IntN(d.cfg.Deploys+1), r.IntN(d.cfg.Deploys+1))
}

func (d *Driver) source(chain string, height uint64) *rand.Rand {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", d.cfg.Seed, chain, height))
	return rand.New(rand.NewChaCha8(sum))
}
