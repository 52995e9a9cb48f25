package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/once"
)

// once publishes one range of one network and returns. It takes the network's
// lease as a serving instance does, so nobody else publishes meanwhile.
func (s *service) once(ctx context.Context, opts *once.Options) error {
	n, err := s.onceNetwork(opts)
	if err != nil {
		return err
	}
	b, err := bus.Connect(ctx, s.cfg.Bus, s.log)
	if err != nil {
		return err
	}
	defer b.Close()
	s.bus = b
	if err := b.CheckDurable(ctx); err != nil {
		return err
	}
	if _, err := b.WaitStream(ctx, chainv1.Stream); err != nil {
		return err
	}
	if err := s.budget(ctx); err != nil {
		return err
	}
	n.stored = n.newStored()
	n.stored.quiet = opts.StoreOnly
	waiting, cancel := context.WithTimeout(ctx, max(opts.Wait, onceLease))
	lease, err := n.lease(waiting)
	cancel()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return n.taken(ctx, opts)
	}
	defer lease.Release()
	done, err := n.onceSession(ctx, opts, lease.Done())
	if opts.Out != nil && (err == nil || done != evm.Done{}) {
		_, _ = fmt.Fprintf(opts.Out, "network %s, heights %d..%d: %d compared (%d logs), %d differed, %d repaired, %d published\n",
			n.cfg.Name, opts.From, opts.To, done.Compared, done.Logs, done.Differences, done.Repairs, done.Published)
	}
	s.log.Info("one-shot run", zap.String("network", n.cfg.Name), zap.Uint64("from", opts.From), zap.Uint64("to", opts.To),
		zap.Uint64("compared", done.Compared), zap.Int("repairs", done.Repairs), zap.Uint64("published", done.Published), zap.Error(err))
	return err
}

// onceLease is how long a free lease may take to be had.
const onceLease = 3 * time.Second

// taken says that another instance serves the network, what of the range stands in
// the subject already, and what to do.
func (n *network) taken(ctx context.Context, opts *once.Options) error {
	covered := "the subject is empty"
	m, err := n.stored.Last(ctx)
	if err == nil && m != nil {
		p, decodeErr := core.Decode(m)
		err = decodeErr
		switch r := p.GetResume(); {
		case !r.GetStarted():
		case opts.To <= r.GetHead():
			covered = fmt.Sprintf("the subject covers the whole range already, since its head is %d, and that instance reads final heights a second time by itself: up to %d so far",
				r.GetHead(), r.GetChecked())
		default:
			covered = fmt.Sprintf("the subject's head is %d, and that instance publishes what lies above it by itself", r.GetHead())
		}
	}
	if err != nil {
		covered = fmt.Sprintf("what the subject covers could not be read: %v", err)
	}
	return fmt.Errorf("another instance publishes network %s; %s. To run this all the same, stop that event-handler for the time of this command; "+
		"the lease of one that crashed ends after 10 s, and --wait waits for it", n.cfg.Name, covered)
}

// onceNetwork finds what the arguments name.
func (s *service) onceNetwork(opts *once.Options) (*network, error) {
	var names []string
	for i := range s.cfg.File.Networks {
		cfg := &s.cfg.File.Networks[i]
		if names = append(names, cfg.Name); cfg.Name != opts.Network {
			continue
		}
		if cfg.Kind != config.KindEVM {
			return nil, fmt.Errorf("network %s is of kind %s: --once is for evm networks", cfg.Name, cfg.Kind)
		}
		return newNetwork(s, cfg, new(admin.Status)), nil
	}
	return nil, fmt.Errorf("the configuration has no network %q, only %q", opts.Network, names)
}

// onceSession does the work while the lease is held.
func (n *network) onceSession(ctx context.Context, opts *once.Options, lost <-chan struct{}) (evm.Done, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n.stored.open()
	tail, err := core.Open(ctx, n.stored)
	if err != nil {
		return evm.Done{}, err
	}
	genesis, err := n.elsewhere(ctx, tail)
	if err != nil {
		return evm.Done{}, err
	}
	pub := core.NewPublisher(n.stored, tail, core.Limits{}, nil)
	src, err := n.evmSource(ctx, tail, genesis, n.emitter(pub))
	if err != nil {
		return evm.Done{}, err
	}
	s := src.(*evmSource)
	defer s.close()
	r := evm.Range{From: opts.From, To: opts.To}
	if opts.Contract != "" {
		if r.Keep, err = n.onlyContract(opts.Contract, s.contracts); err != nil {
			return evm.Done{}, err
		}
	}
	var done evm.Done
	finished := errors.New("finished")
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return pub.Run(gctx) })
	group.Go(func() error {
		select {
		case <-lost:
			return errLeaseLost
		case <-gctx.Done():
			return nil
		}
	})
	group.Go(func() error {
		var err error
		if done, err = s.Once(gctx, r); err == nil {
			err = pub.Flush(gctx)
		}
		if errors.Is(err, core.ErrStopped) || gctx.Err() != nil && ctx.Err() == nil {
			return nil // another part says why
		}
		if err == nil {
			err = finished // ends the others
		}
		return err
	})
	if err := group.Wait(); !errors.Is(err, finished) {
		if err == nil {
			err = context.Cause(ctx)
		}
		return done, err
	}
	return done, nil
}

// onlyContract is the filter of one contract, whose first block is known.
func (n *network) onlyContract(name string, contracts []config.Contract) (*evm.Filter, error) {
	i := slices.IndexFunc(contracts, func(c config.Contract) bool { return c.Name == name })
	if i < 0 {
		var names []string
		for _, c := range contracts {
			names = append(names, c.Name)
		}
		return nil, fmt.Errorf("network %s has no contract %q, only %q", n.cfg.Name, name, names)
	}
	one := *n.cfg
	one.StartBlock, one.Contracts = contracts[i].StartBlock, contracts[i:i+1]
	return evm.FilterOf(&one), nil
}

// newStored is the network's subject, with its metrics.
func (n *network) newStored() *subjectLog {
	return &subjectLog{bus: n.svc.bus, subject: n.subject, pace: func() pace { return pace{} }, took: func(bytes int, d time.Duration) {
		n.svc.metrics.messages.WithLabelValues(n.cfg.Name).Inc()
		n.svc.metrics.bytes.WithLabelValues(n.cfg.Name).Add(float64(bytes))
		n.svc.metrics.publish.WithLabelValues(n.cfg.Name).Observe(d.Seconds())
	}}
}
