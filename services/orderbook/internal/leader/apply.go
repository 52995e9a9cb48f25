package leader

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/orderbook/core"
	"fondaco.dev/services/orderbook/internal/intake"
)

// applier owns the engine.
type applier struct {
	*reign
	engine *core.Engine
	reply  core.Reply
	setup  setup

	batch      *core.Batch // events that no output holds yet
	spare      *core.Batch // nil while an output is in flight
	packs      int         // packs in batch
	firstIn    uint64
	firstEvent uint64
	ids        []string

	sinceSave int       // packs since the last snapshot
	savedAt   time.Time // when the last snapshot was taken
	savedSeq  uint64    // its input sequence
}

// apply is the main loop of a reign.
func (r *reign) apply(work context.Context, e *core.Engine) error {
	a := &applier{reign: r, engine: e, batch: &core.Batch{}, spare: &core.Batch{}, savedAt: time.Now(), savedSeq: e.LastInSeq()}
	a.setup.init(a)
	defer close(r.jobs)
	defer close(r.orders)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var queue []bus.Message
	if err := a.setup.step(); err != nil {
		return err
	}
	for {
		for len(queue) > 0 && !a.full() {
			if err := a.one(&queue[0]); err != nil {
				return err
			}
			queue = queue[1:]
		}
		a.handOver()
		in := r.in
		if a.full() || len(queue) > 0 {
			in = nil
		}
		select {
		case <-work.Done():
			return work.Err()
		case <-r.soft.Done():
			return a.drain(work)
		case queue = <-in:
		case a.spare = <-r.idle:
		case <-tick.C:
			if err := a.periodic(); err != nil {
				return err
			}
		}
	}
}

func (a *applier) full() bool { return a.packs >= maxPacks || a.batch.Size() >= maxBatchBytes }

// one applies a pack and answers it.
func (a *applier) one(m *bus.Message) error {
	if m.Seq <= a.engine.LastInSeq() {
		return fmt.Errorf("pack %d came after %d", m.Seq, a.engine.LastInSeq())
	}
	in := intake.Input(a.Venue, m)
	if a.packs == 0 {
		a.firstIn, a.firstEvent = m.Seq, a.engine.Events()+1
	}
	events := a.batch.Len()
	res, err := intake.Apply(a.engine, in, a.batch, &a.reply)
	if err != nil {
		return err
	}
	a.packs++
	a.sinceSave++
	a.applied.Store(m.Seq)
	gateway := in.Pack.GetGateway()
	own := a.setup.owns(gateway)
	if !res.Skipped && !own {
		a.Wire.Reply(gateway, a.reply.Bytes())
	}
	a.note(&in, res, a.batch.Len()-events, m.Pending)
	if own {
		if err := a.setup.answered(&in, a.reply.Bytes()); err != nil {
			return err
		}
	}
	return a.setup.step()
}

// note counts a pack and logs what it held.
func (a *applier) note(in *core.Input, res core.Applied, events int, behind uint64) {
	m := a.Metrics
	m.Packs.Inc()
	if res.Skipped {
		m.Skipped.Inc()
	}
	if res.Bad {
		m.Undecodable.Inc()
		a.Log.Warn("pack could not be read and is skipped", zap.Uint64("in_seq", in.Seq), zap.String("from", in.From))
	}
	m.Commands.Add(float64(res.Commands))
	m.Rejected.Add(float64(res.Rejected))
	m.Events.Add(float64(events))
	m.Behind.Set(float64(behind))
	debugging := a.Log.Core().Enabled(zap.DebugLevel)
	for _, c := range in.Pack.GetCommands() {
		if c.RequestId == "" {
			continue
		}
		if len(a.ids) < maxRequestIDs {
			a.ids = append(a.ids, c.RequestId)
		}
		if debugging {
			a.Log.Debug("command applied", zlog.Session(in.Pack.Gateway), zlog.Request(c.RequestId), zap.Uint64("in_seq", in.Seq), zap.Bool("skipped", res.Skipped))
		}
	}
}

// handOver gives the batch to the publisher, if that is idle.
func (a *applier) handOver() {
	if a.packs == 0 || a.spare == nil {
		return
	}
	j := job{
		batch: a.batch, packs: a.packs, firstIn: a.firstIn, lastIn: a.engine.LastInSeq(), firstEvent: a.firstEvent,
		digest: a.engine.Digest(), ids: a.ids,
	}
	if a.sinceSave >= a.SnapshotPacks && !a.saving.Load() {
		j.snapshot = a.snapshot()
	}
	a.jobs <- j // never blocks: the publisher is idle
	a.batch, a.spare, a.packs, a.ids = a.spare, nil, 0, nil
	a.batch.Reset()
	a.gauges()
}

// snapshot encodes the state as it is now.
func (a *applier) snapshot() *save {
	a.sinceSave, a.savedAt, a.savedSeq = 0, time.Now(), a.engine.LastInSeq()
	return &save{inSeq: a.savedSeq, data: a.engine.AppendSnapshot(nil)}
}

// periodic does what is due by the clock on the wall: none of it changes state.
func (a *applier) periodic() error {
	idle := a.packs == 0 && a.spare != nil
	if idle && a.engine.LastInSeq() > a.savedSeq && time.Since(a.savedAt) >= a.SnapshotEvery && a.saving.CompareAndSwap(false, true) {
		a.saves <- *a.snapshot() // never blocks: saving was false
	}
	a.gauges()
	return a.setup.periodic()
}

func (a *applier) gauges() {
	m, s := a.Metrics, a.engine.Size()
	m.Orders.Set(float64(s.LiveOrders))
	m.Remembered.Set(float64(s.DeadOrders))
	m.Accounts.Set(float64(s.Accounts))
	m.InSeq.Set(float64(a.engine.LastInSeq()))
	m.EventSeq.Set(float64(a.engine.Events()))
	m.Halted.Set(0)
	if a.engine.Halted() {
		m.Halted.Set(1)
	}
}

// drain publishes what is applied and leaves a snapshot behind.
func (a *applier) drain(work context.Context) error {
	for a.packs > 0 || a.spare == nil {
		a.handOver()
		select {
		case <-work.Done():
			return nil // the rest is regenerated by the next recovery
		case a.spare = <-a.idle:
		}
	}
	if a.engine.LastInSeq() > a.savedSeq && a.saving.CompareAndSwap(false, true) {
		a.saves <- *a.snapshot()
	}
	return nil
}
