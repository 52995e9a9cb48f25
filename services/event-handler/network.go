package eventhandler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/run"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/core"
)

// network follows one network: it holds the lease of its subject, opens the
// subject, and runs a source and a publisher until something ends the session;
// then it begins again from the subject's tail.
type network struct {
	svc     *service
	cfg     *config.Network
	subject string
	log     *zap.Logger
	health  *health
	stored  *subjectLog
	// standing outlives sessions: each of them begins where the last one stood.
	standing standing
}

func newNetwork(s *service, n *config.Network, ready *admin.Status) *network {
	return &network{
		svc: s, cfg: n, subject: n.Subject(), log: s.log.With(zap.String("network", n.Name)),
		health: newHealth(ready, s.cfg.HungAfter),
	}
}

// source is what a session reads from.
type source interface {
	Run(ctx context.Context) error
	progress() progress
	told() topology.EndpointsStatus
}

// sourceFor restores the source of the network's kind behind the tail. genesis
// is what another subject of the same network is bound to; nil when there is none.
func (n *network) sourceFor(ctx context.Context, tail core.Tail, genesis []byte, emit emitFunc) (source, error) {
	if n.cfg.Kind == config.KindCasper {
		return n.casperSource(ctx, tail, genesis, emit)
	}
	return n.evmSource(ctx, tail, genesis, emit)
}

type emitFunc = func(ctx context.Context, items ...core.Item) error

var errLeaseLost = errors.New("the lease was lost")

// run holds sessions until ctx ends. No error of a node or of the bus ends it.
func (n *network) run(ctx context.Context) error {
	n.stored = n.newStored()
	n.stored.pace = n.unhurried
	n.health.inFlight(n.stored.inFlight)
	backoff := run.Backoff{Min: 100 * time.Millisecond, Max: 15 * time.Second}
	for {
		start := time.Now()
		err := n.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		reason := "error"
		switch {
		case errors.Is(err, core.ErrFenced):
			reason = "fenced"
		case errors.Is(err, errLeaseLost):
			reason = "lease_lost"
		}
		n.svc.metrics.sessions.WithLabelValues(n.cfg.Name, reason).Inc()
		n.health.failed(err)
		n.log.Warn("session ended; going on from the subject's tail", zap.String("reason", reason), zap.Error(err))
		if time.Since(start) > time.Minute {
			backoff.Reset()
		}
		if backoff.Wait(ctx) != nil {
			return nil
		}
	}
}

// session publishes for as long as this instance holds the lease and nobody
// else publishes. Its error is never nil while ctx lives.
func (n *network) session(ctx context.Context) error {
	lease, err := n.lease(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	leader := n.svc.metrics.leader.WithLabelValues(n.cfg.Name)
	leader.Set(1)
	defer leader.Set(0)
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		select {
		case <-lease.Done():
			cancel(errLeaseLost)
		case <-ctx.Done():
		}
	})

	n.health.waiting(errors.New("reading the subject's tail"))
	n.stored.open()
	tail, err := core.Open(ctx, n.stored)
	if err != nil {
		return lost(ctx, err)
	}
	genesis, err := n.elsewhere(ctx, tail)
	if err != nil {
		return lost(ctx, err)
	}
	pub := core.NewPublisher(n.stored, tail, core.Limits{}, nil)
	src, err := n.sourceFor(ctx, tail, genesis, n.emitter(pub))
	if err != nil {
		return lost(ctx, err)
	}
	n.log.Info("publishing", zap.String("subject", n.subject), zap.Uint64("after_seq", tail.Seq), zap.Uint64("head", tail.Resume.GetHead()))
	n.health.began(src)
	defer n.health.ended()
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return pub.Run(gctx) })
	group.Go(func() error {
		err := src.Run(gctx)
		if errors.Is(err, core.ErrStopped) {
			return nil // the publisher says why
		}
		return err
	})
	err = group.Wait()
	if err == nil {
		err = errors.New("the session ended by itself")
	}
	return lost(ctx, err)
}

// lost prefers the reason for which the session was ended.
func lost(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errLeaseLost) {
		return cause
	}
	return err
}

// lease waits until this instance is the one that publishes. Waiting for
// another instance is a ready state: it is how an update rolls.
func (n *network) lease(ctx context.Context) (interface {
	Done() <-chan struct{}
	Release()
}, error) {
	n.health.waiting(errors.New("waiting for the lease"))
	standby := time.AfterFunc(2*time.Second, n.health.standby)
	defer standby.Stop()
	return n.svc.bus.Lease(ctx, "event-handler."+n.subject)
}

// elsewhere looks, when the subject is empty, for the genesis that other
// subjects of this network (older filters) are bound to.
func (n *network) elsewhere(ctx context.Context, tail core.Tail) ([]byte, error) {
	if tail.Seq > 0 {
		return nil, nil
	}
	m, err := n.svc.bus.Last(ctx, chainv1.Stream, chainv1.Subject(n.cfg.Name, "*"))
	if err != nil || m == nil {
		return nil, err
	}
	p, err := core.Decode(&core.Message{Seq: m.Seq, Data: m.Data})
	if err != nil {
		return nil, err
	}
	return p.GetResume().GetGenesis(), nil
}

// emitter counts what a source hands out, pauses while the stream's disk
// budget is used up, and queues.
func (n *network) emitter(pub *core.Publisher) emitFunc {
	return func(ctx context.Context, items ...core.Item) error {
		for n.svc.full.Load() {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(watchEvery):
			}
		}
		for _, it := range items {
			n.svc.metrics.units.WithLabelValues(n.cfg.Name, unitName(it.Unit)).Inc()
			if b := it.Unit.GetBlock(); b != nil {
				n.svc.metrics.logs.WithLabelValues(n.cfg.Name).Add(float64(len(b.GetLogs())))
			}
		}
		return pub.Put(ctx, items...)
	}
}

func unitName(u *chainv1.Unit) string {
	switch u.GetKind().(type) {
	case *chainv1.Unit_Block:
		return "block"
	case *chainv1.Unit_Range:
		return "range"
	case *chainv1.Unit_Reverted:
		return "reverted"
	case *chainv1.Unit_Finalized:
		return "finalized"
	case *chainv1.Unit_Fact:
		return "fact"
	case *chainv1.Unit_Repair:
		return "repair"
	case *chainv1.Unit_Checked:
		return "checked"
	case *chainv1.Unit_Part:
		return "part"
	case *chainv1.Unit_Abandon:
		return "abandon"
	}
	return fmt.Sprintf("%T", u.GetKind())
}
