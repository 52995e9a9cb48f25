package leader

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/step"
)

// applier owns the engine.
type applier struct {
	*reign
	*step.Desk
	engine *engine.Engine // the desk's
	setup  setup
	alarm  *time.Timer // when a tick may be due

	spare *engine.Batch // nil while an output is in flight
	begun time.Time     // of the last output
	pause *time.Timer   // ends the rest before the next one
	rests bool          // the timer is set
	ids   []string
	seen  uint64 // see held

	several several

	sinceSave int       // packs since the last snapshot
	savedAt   time.Time // when the last snapshot was taken
	savedSeq  uint64    // its input sequence
}

// apply is the main loop of a reign.
func (r *reign) apply(work context.Context, st *recovery.State) error {
	e := st.Engine
	a := &applier{reign: r, Desk: step.NewDesk(r.Venue, st), engine: e, spare: &engine.Batch{}, alarm: time.NewTimer(time.Hour),
		pause: time.NewTimer(time.Hour), savedAt: time.Now(), savedSeq: e.LastInSeq()}
	a.seen = r.reconnects
	a.setup.init(a)
	defer close(r.jobs)
	defer close(r.orders)
	defer a.alarm.Stop()
	defer a.pause.Stop()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	var queue []bus.Message
	var came time.Time
	if err := a.setup.step(); err != nil {
		return err
	}
	for {
		for len(queue) > 0 && !a.full() {
			if err := a.one(&queue[0], came); err != nil {
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
		case next := <-in:
			queue, came = next.msgs, next.at
			if err := r.held(work, &a.seen, a.Applied()); err != nil {
				return err
			}
		case a.spare = <-r.idle:
		case <-a.pause.C:
			a.rests = false
		case ask := <-r.Asks:
			ask(e)
		case <-a.alarm.C:
			if err := a.setup.step(); err != nil {
				return err
			}
		case <-tick.C:
			if err := a.periodic(); err != nil {
				return err
			}
		}
	}
}

func (a *applier) full() bool { return a.Packs() >= maxPacks || a.Size() >= maxBatchBytes }

// one applies a message and answers its packs.
func (a *applier) one(m *bus.Message, came time.Time) error {
	spans := ""
	if a.Trace != nil {
		end, own := a.Trace.Follow("apply pack", m.Header.Get(bus.HeaderTrace))
		if spans = own; end != nil {
			defer end()
		}
	}
	a.gather.stored(m.Header.Get(nats.MsgIdHdr))
	var failed error
	err := a.Take(m, func(t *step.Taken) {
		own := a.setup.owns(t.Gateway)
		if !t.Skipped && !own {
			a.Wire.Reply(t.Gateway, t.Reply, spans, a.several.now)
		}
		a.note(t, m.Pending)
		if own {
			failed = a.setup.answered(t.Input.From, t.Reply)
		} else if t.Input.From == ordersv1.FromAPI {
			a.several.heard(t.Gateway)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	a.Metrics.Storing.Observe(max(0, came.Sub(m.Time).Seconds()))
	a.Metrics.Applying.Observe(time.Since(came).Seconds())
	a.sinceSave++
	a.applied.Store(m.Seq)
	return a.setup.step()
}

// note counts a pack and logs what it held.
func (a *applier) note(t *step.Taken, behind uint64) {
	m, in := a.Metrics, &t.Input
	m.Packs.Inc()
	if t.Skipped {
		m.Skipped.Inc()
	}
	if t.Bad {
		m.Undecodable.Inc()
		a.Log.Warn("pack could not be read and is skipped", zap.Uint64("in_seq", in.Seq), zap.String("from", in.From))
	}
	m.Commands.Add(float64(t.Commands))
	m.Rejected.Add(float64(t.Rejected))
	m.Events.Add(float64(t.Events))
	m.Behind.Set(float64(behind))
	before := len(a.ids)
	a.ids = intake.RequestIDs(a.ids, in.Data, maxRequestIDs)
	if a.Log.Core().Enabled(zap.DebugLevel) {
		for _, id := range a.ids[before:] {
			a.Log.Debug("command applied", zlog.Session(string(t.Gateway)), zlog.Request(id), zap.Uint64("in_seq", in.Seq), zap.Bool("skipped", t.Skipped))
		}
	}
}

// rest says whether an output is too small to begin already. An output is an
// fsync, and each reader of TRADES takes it apart: at one for each pack that a
// handful of gateways sends they had no time for anything else. A publish that
// is slow says that the machine is short of time, and the next one rests for
// longer. No answer waits for it. The first output after a quiet time is never
// held back.
func (a *applier) rest() bool {
	if a.full() || a.Size() >= smallOutput {
		return false
	}
	every := min(max(a.OutputEvery, slowRest*time.Duration(a.took.Load())), maxRest*a.OutputEvery)
	left := every - time.Since(a.begun)
	if left <= 0 {
		return false
	}
	if !a.rests {
		a.rests = true
		a.pause.Reset(left)
	}
	return true
}

// handOver gives the batch to the publisher, if that is idle.
func (a *applier) handOver() {
	if a.Packs() == 0 || a.spare == nil || a.rest() {
		return
	}
	a.begun = time.Now()
	j := job{Output: a.Seal(a.spare), ids: a.ids}
	a.spare, a.ids = nil, nil
	if a.sinceSave >= a.SnapshotPacks*a.patience() && a.Keeper.Free() {
		a.snapshot(&j, false)
	}
	a.jobs <- j // never blocks: the publisher is idle
	a.gauges()
}

// patience is how many times longer than usual a snapshot may wait: while a
// standby takes them, the leader only makes up for one that does not.
func (a *applier) patience() int {
	if a.relieved.Load() {
		return 10
	}
	return 1
}

// snapshot has a copy of the state stored once the job is done. The copy is
// what the leader pauses for; it is encoded elsewhere.
func (a *applier) snapshot(j *job, hasty bool) {
	started := time.Now()
	a.sinceSave, a.savedAt, a.savedSeq = 0, time.Now(), a.engine.LastInSeq()
	j.state, j.hasty = a.engine.Clone(), hasty
	a.Metrics.CloneTime.Observe(time.Since(started).Seconds())
}

// snapshotOnly is a job without an output, of a state that is all published.
func (a *applier) snapshotOnly(hasty bool) {
	j := job{Output: step.Output{Batch: a.spare, Digest: a.engine.Digest(), LastIn: a.engine.LastInSeq()}}
	a.snapshot(&j, hasty)
	a.spare = nil
	a.jobs <- j // never blocks: the publisher is idle
}

// periodic does what is due by the clock on the wall: none of it changes state.
func (a *applier) periodic() error {
	idle := a.Packs() == 0 && a.spare != nil
	every := a.SnapshotEvery * time.Duration(a.patience())
	if a.engine.LastInSeq() > a.savedSeq && a.Keeper.Free() &&
		(time.Since(a.savedAt) >= every*7/8 || a.sinceSave >= a.SnapshotPacks*a.patience()*7/8) {
		a.engine.ReadyClone()
	}
	if idle && a.engine.LastInSeq() > a.savedSeq && time.Since(a.savedAt) >= every && a.Keeper.Free() {
		a.snapshotOnly(false)
	}
	a.several.count(a.engine.Semantics() >= engine.GatheredPacks)
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
	last := false
	a.OutputEvery = 0 // nothing comes that is worth waiting for
	for a.Packs() > 0 || a.spare == nil || !last {
		if a.handOver(); a.Packs() == 0 && a.spare != nil && !last {
			last = true
			if a.engine.LastInSeq() > a.savedSeq && !a.relieved.Load() {
				a.snapshotOnly(true)
			}
			continue
		}
		select {
		case <-work.Done():
			return nil // the rest is regenerated by the next recovery
		case a.spare = <-a.idle:
		}
	}
	return nil
}
