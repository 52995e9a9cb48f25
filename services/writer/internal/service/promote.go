package service

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/schema"
)

const (
	promoteEvery = time.Second
	// abandoned is for how long nobody must have written the live build before one
	// that was live earlier takes its place. Longer than a writer that was killed
	// takes to come back (5 s under `fondaco up`).
	abandoned = 10 * time.Second
)

// promotion makes the build live when it may be. A build that never was live
// takes over as soon as it holds what the live one holds, whose writer may run on
// meanwhile. One that was live before takes over only when nobody writes the
// live one any more: then the configuration was taken back. Else the writers
// of two configurations would take the place from each other at every restart.
type promotion struct {
	*service
	written time.Time // when the live build was last seen to have a writer, or to be this one
}

func (p *promotion) run(ctx context.Context) error {
	p.written = time.Now()
	tick := time.NewTicker(promoteEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if p.cfg.Promote != PromoteAuto {
			continue
		}
		if err := p.try(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("promoting", zap.Error(fmt.Errorf("build %s: %w", p.build, err)))
		}
	}
}

func (p *promotion) try(ctx context.Context) error {
	s, err := schema.Stand(ctx, p.pool, p.build)
	if err != nil {
		return err
	}
	if s.Live == p.build {
		p.written = time.Now()
		return nil
	}
	if s.Retired {
		names, err := schema.Partitions(ctx, p.pool, s.Live)
		if err != nil {
			return err
		}
		held, err := partition.Written(ctx, p.pool, s.Live, names)
		if err != nil {
			return err
		}
		if held {
			p.written = time.Now()
		}
		if time.Since(p.written) < abandoned {
			return nil
		}
	}
	if !s.CaughtUp {
		return nil
	}
	if err := schema.Promote(ctx, p.pool, p.build); err != nil {
		return err
	}
	p.log.Info("build promoted", zap.String("build", p.build), zap.String("before", s.Live))
	return nil
}
