package venue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/core"
)

// instance is one process that runs the venue: down, standing by, or leading.
type instance struct {
	world  *World
	number int
	killed bool // while it was in the middle of a publish
	life   int  // of TRADES, when its tail was seen to be the expected one
	orders int  // life of ORDERS, likewise
	paused int  // acts that it does not take part in

	follower *core.Follower // standing by

	desk       *core.Desk // leading
	press      *core.Press
	in         core.Reader
	queue      []bus.Message
	publishing bool
	spare      *core.Batch
	save       *core.Save
	keeper     *core.Keeper
	ticker     ticker
	told       []byte // the answer before, when that is what is wrong
}

// ticker is the leader's own gateway.
type ticker struct {
	gateway string
	no      uint64
	sent    *sent // not known to be stored
	waits   bool  // for its own tick to come back
}

// die forgets everything that is not stored.
func (i *instance) die() {
	if i.publishing {
		i.killed = true
	}
	i.follower, i.desk, i.press, i.in, i.queue, i.save = nil, nil, nil, nil, nil, nil
	i.publishing = false
	if i.world.lease == i && i.world.rng.IntN(2) == 0 {
		i.world.lease = nil // else it has to run out
	}
}

// fail is the end of a stretch of standing by or leading: the process goes on
// anew. Only what may be the matter with the streams in this world is allowed.
func (i *instance) fail(err error) error {
	w := i.world
	i.die()
	i.killed = false
	switch {
	case errors.Is(err, errCrashed):
		w.count("crashed")
	case errors.Is(err, bus.ErrFenced):
		w.count("fenced")
	case errors.Is(err, core.ErrRegressed):
		w.count("refused: regressed")
		if w.cuts == 0 {
			return fmt.Errorf("instance %d: nothing was cut: %w", i.number, err)
		}
		w.refusal = err
	case errors.Is(err, core.ErrDiverged):
		w.count("refused: diverged")
		if w.cuts == 0 {
			return fmt.Errorf("instance %d: nothing was cut: %w", i.number, err)
		}
		w.refusal = err
	default:
		return fmt.Errorf("instance %d: %w", i.number, err)
	}
	return nil
}

// step does something that an instance does.
func (i *instance) step(ctx context.Context) error {
	var err error
	switch {
	case i.killed: // until its publish under way has seen that
		return nil
	case i.publishing:
		err = i.take() // the engine goes on while an output is in flight
		if errors.Is(err, errIdle) {
			return nil
		}
		if err != nil {
			i.killed = true // the publish under way is its end, too
			if errors.Is(err, core.ErrRegressed) {
				return nil
			}
			return err
		}
		return nil
	case i.desk != nil:
		err = i.lead(ctx)
	case i.follower != nil:
		err = i.standBy(ctx)
	default:
		err = i.recover(ctx)
	}
	if err == nil || errors.Is(err, errIdle) {
		return nil
	}
	return i.fail(err)
}

func (i *instance) recover(ctx context.Context) error {
	w := i.world
	i.life, i.orders = w.Trades.Life, w.Orders.Life
	source := w.source()
	st, err := source.Run(ctx)
	if err != nil {
		return err
	}
	if st.Snapshot > 0 {
		w.count("recovered from a snapshot")
	}
	w.count("recovered")
	i.follower, err = source.Follow(ctx, st)
	return err
}

func (i *instance) standBy(ctx context.Context) error {
	w := i.world
	switch r := w.rng.IntN(10); {
	case r == 0:
		return i.follower.Check(ctx)
	case r < 7:
		whole, err := i.follower.Next(ctx)
		if whole && err == nil {
			w.count("compared")
			if w.chance(8) {
				e := i.follower.Engine
				return w.keep(ctx, core.NewKeeper(w.source()), core.Save{Engine: e.Clone(), Digest: e.Digest(), TradesSeq: i.follower.Tail, Compared: true})
			}
		}
		return err
	case w.lease == nil || w.chance(12):
		if w.lease != nil {
			w.count("lease taken from a living leader")
		}
		w.lease = i
		return i.begin(ctx)
	}
	return nil
}

// begin leads, from the end of TRADES on.
func (i *instance) begin(ctx context.Context) error {
	w := i.world
	i.publishing = true
	f := i.follower
	err := f.Finish(ctx, i)
	i.publishing = false
	if err == nil && i.killed {
		err = errCrashed
	}
	if err != nil {
		return err
	}
	i.follower = nil
	st := f.State
	w.count("reigns")
	if w.bug != noLook {
		if err := core.Held(ctx, streams{w}, w.born, st.Last); err != nil {
			return err
		}
	}
	i.orders = w.Orders.Life
	i.desk = core.NewDesk(name, st)
	i.press = &core.Press{To: i, PartBytes: w.partBytes, Tail: st.Tail, Sum: st.TailDigest, Before: func(_ context.Context, last core.Last) error { return i.held(last) }}
	i.in = streams{w}.Follow(ctx, ordersv1.Stream, nil, st.Engine.LastInSeq()+1)
	i.spare, i.keeper = &core.Batch{}, core.NewKeeper(w.source())
	w.reigns++
	i.ticker = ticker{gateway: fmt.Sprintf("orderbook-%d-tick", w.reigns)}
	return nil
}

// held is what the real one looks after once its connection was made anew.
func (i *instance) held(last core.Last) error {
	w := i.world
	if i.orders == w.Orders.Life || w.bug == noLook {
		return nil
	}
	if err := core.Held(context.Background(), streams{w}, w.born, last); err != nil {
		return err
	}
	i.orders = w.Orders.Life
	return nil
}

// lead does something that a leader does.
func (i *instance) lead(ctx context.Context) error {
	w := i.world
	if w.lease != i && w.chance(4) {
		i.die()
		w.count("lease lost")
		return nil
	}
	switch r := w.rng.IntN(10); {
	case r < 5:
		return i.take()
	case r < 8 && i.desk.Packs() > 0:
		return i.publish(ctx)
	case r == 8 && i.save != nil:
		s := *i.save
		i.save = nil
		return w.keep(ctx, i.keeper, s)
	case r == 9 && len(w.sent) > 0 && i.desk.Engine.Semantics() >= core.GatheredPacks:
		i.gather()
		return nil
	default:
		return i.tick()
	}
}

// gather puts what gateways have sent for it into ORDERS as one message. It may
// be lost, be done by a leader that is none any more, and hold packs that came
// otherwise meanwhile.
func (i *instance) gather() {
	w := i.world
	var data []byte
	for _, pack := range w.sent {
		data = core.AppendGathered(data, pack)
	}
	if w.count("gathered"); len(w.sent) > 1 {
		w.count("gathered several packs")
	}
	if !w.chance(6) {
		w.sent = nil // else again by this one or another: two leaders hear the same
	}
	w.names++
	if !w.chance(6) {
		_, _, _ = w.Orders.Put(ordersv1.Subject(name, ordersv1.FromAPI), fmt.Sprint("gather:", w.names), data)
	}
}

// take applies and answers the next pack.
func (i *instance) take() error {
	if i.desk == nil {
		return nil
	}
	w := i.world
	if len(i.queue) == 0 {
		var err error
		if i.queue, err = i.in.Next(context.Background(), 1<<20); err != nil {
			return err
		}
		if err := i.held(i.desk.Applied()); err != nil {
			return err
		}
	}
	m := i.queue[0]
	i.queue = i.queue[1:]
	var failed error
	at := place{seq: m.Seq}
	err := i.desk.Take(&m, func(t *core.Taken) {
		defer func() { at.index++ }()
		if w.bug == lateTruth && len(t.Reply) > 0 {
			t.Reply, i.told = i.told, slices.Clone(t.Reply)
		}
		if string(t.Gateway) == i.ticker.gateway {
			i.ticker.waits = false
		} else if !t.Skipped {
			failed = errors.Join(failed, w.answered(at, t.Input.Data, t.Reply))
		}
	})
	return errors.Join(err, failed)
}

func (i *instance) publish(ctx context.Context) error {
	w := i.world
	o := i.desk.Seal(i.spare)
	var state *core.Engine
	if i.save == nil && w.chance(6) {
		state = i.desk.Engine.Clone()
	}
	press := i.press
	i.publishing = true
	err := press.Publish(ctx, &o, nil)
	i.publishing = false
	if i.killed {
		err = errCrashed // whatever became of it, nobody is left to know
	}
	if err != nil {
		return err
	}
	w.count("outputs")
	if o.Packs > 1 {
		w.count("outputs of several packs")
	}
	i.spare = o.Batch
	if state != nil {
		i.save = &core.Save{Engine: state, Digest: o.Digest, TradesSeq: press.Tail}
	}
	return nil
}

// tick asks for a tick when the engine wants one. One of unknown outcome is sent
// again unchanged, and never a second one beside it.
func (i *instance) tick() error {
	w, e, t := i.world, i.desk.Engine, &i.ticker
	if t.sent == nil && !t.waits && !e.Halted() {
		deadline, waits := e.NextDeadline()
		if !e.WantsTick() && !e.Pending() && (!waits || deadline > w.now) {
			return nil
		}
		t.no++
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: t.gateway, PackNo: t.no, SentAtMs: w.now, Commands: []*ordersv1.Command{{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}}}})
		if err != nil {
			return err
		}
		t.sent, t.waits = &sent{ordersv1.Subject(name, ordersv1.FromTick), ordersv1.MsgID(t.gateway, t.no), data}, true
		w.count("ticks")
	}
	if t.sent != nil {
		if _, _, err := w.Orders.Put(t.sent.subject, t.sent.id, t.sent.data); err == nil {
			t.sent = nil
		}
	}
	return nil
}
