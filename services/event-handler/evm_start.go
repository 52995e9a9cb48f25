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
			if c.StartBlock, err = evm.FindStart(ctx, c.Name, c.Origin(), cfg.ChainID, endpoints); err != nil {
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
	m, err := n.stored.Next(ctx, 1)
	if err != nil {
		return 0, false, fmt.Errorf("reading the subject's first message: %w", err)
	}
	if m == nil {
		return 0, false, errors.New("the subject's first message is gone")
	}
	p, err := core.Decode(m)
	if err != nil {
		return 0, false, err
	}
	for _, u := range p.GetUnits() {
		switch {
		case u.GetBlock() != nil:
			return u.GetBlock().GetNumber(), true, nil
		case u.GetRange() != nil:
			return u.GetRange().GetFrom(), true, nil
		}
	}
	// A block in parts, or the rest of a purged subject: what is above was begun.
	return p.GetResume().GetHead(), true, nil
}
