package devnet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/zlog"

	"fondaco.dev/services/devnet/casper"
	"fondaco.dev/services/devnet/driver"
	"fondaco.dev/services/devnet/evm"
)

// Devnet is the two running nodes. They make blocks only while Drive runs.
type Devnet struct {
	EVM    *evm.Node
	Casper *casper.Node

	cfg     Config
	control control
	log     *zlog.Logger
	report  func(chain string, err error)
}

// Start starts both nodes and returns when they serve.
func Start(ctx context.Context, cfg Config, log *zlog.Logger) (*Devnet, error) {
	cfg.fill()
	d := &Devnet{cfg: cfg, log: log, report: func(string, error) {}}
	under := func(name string) string {
		if cfg.DataDir == "" {
			return ""
		}
		return filepath.Join(cfg.DataDir, name)
	}
	var err error
	if d.EVM, err = evm.Start(ctx, evm.Config{
		DataDir: under("evm"), HTTPAddr: cfg.EVMHTTP, WSAddr: cfg.EVMWS, ChainID: uint64(cfg.ChainID), Log: log.Logger,
	}); err != nil {
		return nil, fmt.Errorf("starting the EVM node: %w", err)
	}
	if d.Casper, err = casper.Start(ctx, casper.Config{
		DataDir: under("casper"), SSEAddr: cfg.CasperSSE, RPCAddr: cfg.CasperRPC, Protocol: cfg.CasperProtocol, Log: log.Logger,
	}); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the Casper node: %w", err), d.EVM.Stop())
	}
	if err := d.startControl(); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	e := d.Endpoints()
	height, _ := d.Casper.Head()
	for i, s := range d.control.faulty {
		log.Info("an endpoint waits to be told to misbehave", zap.Int("name", i+1), zap.String("evm", s.URL()), zap.String("control", d.ControlURL()))
	}
	log.Info("development chains serve",
		zap.String("evm", e.EVMHTTP), zap.String("evm_ws", e.EVMWS), zap.Uint64("evm_head", d.EVM.Head().Number.Uint64()),
		zap.String("casper_sse", e.CasperSSE), zap.String("casper_rpc", e.CasperRPC), zap.Uint64("casper_head", height))
	return d, nil
}

// Endpoints say where the nodes serve, with the ports that they got.
func (d *Devnet) Endpoints() Endpoints {
	return Endpoints{
		CasperSSE: d.Casper.SSEURL(),
		CasperRPC: d.Casper.RPCURL(),
		EVMHTTP:   d.EVM.HTTPURL(),
		EVMWS:     d.EVM.WSURL(),
		ChainID:   d.EVM.ChainID(),
	}
}

// Drive makes blocks on both chains until ctx ends, full or empty as the
// settings say.
func (d *Devnet) Drive(ctx context.Context) error {
	cfg := driver.Config{
		EVM: d.EVM, Casper: d.Casper, Seed: d.cfg.Seed, Empty: d.cfg.Idle,
		EVMPeriod: d.cfg.EVMPeriod, CasperPeriod: d.cfg.CasperPeriod,
		Transactions: d.cfg.Transactions, Report: d.report, Log: d.log.Logger,
	}
	return driver.New(cfg).Run(ctx)
}

// Stop ends both nodes; the Casper node says Shutdown to its subscribers.
func (d *Devnet) Stop() error {
	return errors.Join(d.control.close(), d.Casper.Stop(), d.EVM.Stop())
}

// Run serves both chains and moves them until ctx ends, and returns nil after a
// clean stop. Within one process, go-ethereum's log is that of the latest Run.
func Run(ctx context.Context, cfg Config, log *zlog.Logger) error {
	defer evm.RouteLogs(log.Logger)()
	server := admin.New(cfg.AdminAddr, log)
	chains := map[string]*admin.Status{"evm": server.Status("evm"), "casper": server.Status("casper")}
	serve := func(ctx context.Context) (err error) {
		d, err := Start(ctx, cfg, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.Stop()) }()
		if cfg.ConfigDir != "" {
			if _, err := WriteConfig(cfg.ConfigDir, d.Endpoints()); err != nil {
				return err
			}
		}
		for _, s := range chains {
			s.Set(nil)
		}
		d.report = func(chain string, err error) { chains[chain].Set(err) }
		return d.Drive(ctx)
	}
	return run.All(ctx, log.Logger, run.Part{Name: "admin", Run: server.Run}, run.Part{Name: "chains", Run: serve})
}
