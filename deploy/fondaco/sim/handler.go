package sim

import (
	"context"
	"errors"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/config"
	handler "fondaco.dev/services/event-handler/core"
)

// instance is one event-handler; evm is nil while it is down.
type instance struct {
	world *World
	evm   *handler.EVM
}

// subjectLog is the subject as one session of the event-handler has it: publishes
// are fenced by the code that fences them in production.
type subjectLog struct {
	world *World
	life  int // of the stream, when the tail was last read
}

// errGone ends an instance whose publish has no outcome yet, as a kill in that
// moment would.
var errGone = errors.New("killed while a publish had no outcome")

func (l *subjectLog) Last(context.Context) (*handler.Message, error) {
	return handlerMessage(l.world.Stream.Last(subject)), nil
}

func (l *subjectLog) Get(_ context.Context, seq uint64) (*handler.Message, error) {
	return handlerMessage(l.world.Stream.Get(seq)), nil
}

func (l *subjectLog) Next(_ context.Context, seq uint64) (*handler.Message, error) {
	return handlerMessage(l.world.Stream.Next(subject, seq)), nil
}

func handlerMessage(m *bus.Message) *handler.Message {
	if m == nil {
		return nil
	}
	return &handler.Message{Seq: m.Seq, Data: m.Data}
}

func (l *subjectLog) Publish(ctx context.Context, expected uint64, behind, data []byte) (uint64, error) {
	w := l.world
	f := bus.Fence{Subject: subject, Digest: behind, Tail: w.Stream.Tail(subject), Unknown: func(error) { w.count("outcome unknown") }, Pause: func(context.Context) error {
		switch w.rng.IntN(12) {
		case 0:
			return errGone
		case 1:
			w.Stream.Forget()
		}
		return nil
	}}
	if l.life != w.Stream.Life {
		// The connection was made anew: the tail may be another message's now.
		if m := w.Stream.Last(subject); m == nil && expected != 0 || m != nil && (m.Seq != expected || !f.Is(m)) {
			return 0, handler.ErrFenced
		}
		l.life = w.Stream.Life
	}
	seq, err := f.Publish(ctx, expected, data)
	if errors.Is(err, bus.ErrFenced) {
		return 0, handler.ErrFenced
	}
	return seq, err
}

// step does something that an event-handler does; an error of the subject ends
// the instance, as its session would end.
func (i *instance) step(ctx context.Context) error {
	w := i.world
	if i.evm == nil {
		endpoints := make([]handler.Endpoint, len(w.boards))
		for k, b := range w.boards {
			endpoints[k] = endpoint(b)
		}
		var err error
		i.evm, err = handler.Open(ctx, &subjectLog{world: w, life: w.Stream.Life}, w.net, endpoints, w.limits)
		if errors.Is(err, errTimeout) || errors.Is(err, handler.ErrFenced) {
			return nil // it abandoned an open block, and is opened again
		}
		return err
	}
	first := w.rng.IntN(len(w.boards))
	second := (first + 1 + w.rng.IntN(max(1, len(w.boards)-1))) % len(w.boards)
	var err error
	switch r := w.rng.IntN(10); {
	case r < 5:
		err = i.evm.Step(ctx, first, second)
	case r < 6:
		_, err = i.evm.Rescan(ctx, first, second)
	default:
		if _, err = i.evm.Send(ctx); err != nil {
			i.evm = nil
		}
		if errors.Is(err, handler.ErrFenced) {
			w.count("fenced")
		}
		return nil
	}
	if err != nil && !errors.Is(err, handler.ErrNothingNew) {
		w.count("endpoint at fault") // it is thrown away and done again
	}
	return nil
}

// quiet works until there is nothing to do any more, and says whether it came so far.
func (i *instance) quiet(ctx context.Context, steps int) error {
	idle := 0
	for range steps {
		if i.evm == nil {
			if err := i.step(ctx); err != nil {
				return err
			}
			continue
		}
		first := i.world.rng.IntN(len(i.world.boards))
		second := (first + 1) % len(i.world.boards)
		sent, err := i.evm.Send(ctx)
		if err != nil {
			i.evm = nil
			continue
		}
		err = i.evm.Step(ctx, first, second)
		did, again := i.evm.Rescan(ctx, first, second)
		if errors.Is(err, handler.ErrNothingNew) && !did && again == nil && !sent {
			if idle++; idle > 3*len(i.world.boards) {
				return nil
			}
			continue
		}
		idle = 0
		i.world.last = errors.Join(err, again)
	}
	return i.world.last
}

// network is what is followed: transfers of one token, every header.
func network(id uint64, contract config.Contract) *config.Network {
	return &config.Network{Name: "sim", Kind: config.KindEVM, ChainID: id, Finality: config.Finality{Tag: true}, Contracts: []config.Contract{contract}}
}
