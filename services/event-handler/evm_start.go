package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"go.uber.org/zap"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
)

// started is the network's configuration with the first block of each contract
// filled in. Where none is configured it is the one in which the contract got its
// code; that is asked for while the subject is empty. Afterwards the subject's own
// first height does, whatever the nodes still remember: a contract has no logs
// before its code.
func (n *network) started(ctx context.Context, tail core.Tail, endpoints []evm.Endpoint) (*config.Network, error) {
	auto := func(c config.Contract) bool { return c.AutoStart }
	if !slices.ContainsFunc(n.cfg.Contracts, auto) {
		return n.cfg, nil
	}
	cfg := *n.cfg
	cfg.Contracts = slices.Clone(n.cfg.Contracts)
	first, begun, err := n.first(ctx, tail)
	if err != nil {
		return nil, err
	}
	cfg.StartBlock = math.MaxUint64
	for i := range cfg.Contracts {
		c := &cfg.Contracts[i]
		switch {
		case !c.AutoStart:
		case begun:
			c.StartBlock = first
		default:
			n.health.waiting(fmt.Errorf("looking for the first block of contract %s", c.Name))
			if c.StartBlock, err = evm.FindStart(ctx, c.Name, c.Origin(), cfg.ChainID, endpoints, n.svc.cfg.RestMin); err != nil {
				return nil, err
			}
			n.log.Info("first block of a contract found", zap.String("contract", c.Name), zap.Uint64("block", c.StartBlock))
		}
		cfg.StartBlock = min(cfg.StartBlock, c.StartBlock)
	}
	return &cfg, nil
}

// first is the lowest height in the subject; begun is false while it holds none.
func (n *network) first(ctx context.Context, tail core.Tail) (height uint64, begun bool, err error) {
	if !tail.Resume.GetStarted() {
		return 0, false, nil
	}
	height, err = firstHeight(ctx, n.stored)
	return height, true, err
}

// firstHeight is the lowest height that a subject covers, in which something is
// published. Messages before the first whole block (parts of it, or what is left of
// a purged subject) say nothing about it.
func firstHeight(ctx context.Context, log core.Log) (uint64, error) {
	for seq := uint64(1); ; {
		m, err := log.Next(ctx, seq)
		if err != nil {
			return 0, fmt.Errorf("reading the subject's first message: %w", err)
		}
		if m == nil {
			return 0, errors.New("the subject's first message is gone")
		}
		p, err := core.Decode(m)
		if err != nil {
			return 0, err
		}
		r := p.GetResume()
		if seq = m.Seq + 1; !r.GetStarted() {
			continue
		}
		lowest := uint64(math.MaxUint64)
		for _, u := range p.GetUnits() {
			switch {
			case u.GetBlock() != nil:
				lowest = min(lowest, u.GetBlock().GetNumber())
			case u.GetRange() != nil:
				lowest = min(lowest, u.GetRange().GetFrom())
			}
		}
		if from := r.GetBackfillHeight(); from > 0 {
			lowest = min(lowest, from) // the Range that covers these blocks comes in a later message
		}
		if lowest == math.MaxUint64 {
			lowest = r.GetHead() // the last part of a block, or the rest of a purged subject
		}
		return lowest, nil
	}
}
