package venue

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"fondaco.dev/deploy/fondaco/sim"
	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/core"
)

// errIdle: there is nothing to read, and nobody to wait on one goroutine.
var errIdle = errors.New("nothing to read")

// errCrashed: the process died here.
var errCrashed = errors.New("crashed here")

// streams are the two streams as an instance reads them.
type streams struct{ world *World }

func (s streams) of(name string) *sim.Stream {
	if name == ordersv1.Stream {
		return s.world.Orders
	}
	return s.world.Trades
}

func (s streams) Stream(_ context.Context, name string) (bus.StreamState, error) {
	st := s.of(name)
	out := bus.StreamState{Created: s.world.born, FirstSeq: 1, LastSeq: st.LastSeq()}
	if m := st.Messages(); len(m) > 0 {
		out.FirstSeq = m[0].Seq
	}
	return out, nil
}

func (s streams) Last(_ context.Context, stream, subject string) (*bus.Message, error) {
	return s.of(stream).Last(subject), nil
}

func (s streams) Get(_ context.Context, stream string, seq uint64) (*bus.Message, error) {
	return s.of(stream).Get(seq), nil
}

// Follow reads a whole stream: there is one venue on it.
func (s streams) Follow(_ context.Context, stream string, _ []string, from uint64) core.Reader {
	return &reader{stream: s.of(stream), next: max(from, 1)}
}

// reader hands out messages in order, a few at a time. Like the real one it goes
// on where it was when the stream was restored from an older copy.
type reader struct {
	stream *sim.Stream
	next   uint64
}

func (r *reader) Next(_ context.Context, maxBytes int) ([]bus.Message, error) {
	all := r.stream.Messages()
	i, _ := slices.BinarySearchFunc(all, r.next, func(m bus.Message, seq uint64) int { return int(m.Seq) - int(seq) })
	var out []bus.Message
	for size := 0; i < len(all) && len(out) < 3 && (size == 0 || size+len(all[i].Data) <= maxBytes); i++ {
		out, size = append(out, all[i]), size+len(all[i].Data)
		r.next = all[i].Seq + 1
	}
	if len(out) == 0 {
		return nil, errIdle
	}
	return out, nil
}

func (r *reader) Close() {}

// Publish is how an instance stores a message of TRADES: fenced, and patient
// while the outcome is unknown. Whatever the others do may happen before, between
// two tries and after; so may a crash.
func (i *instance) Publish(ctx context.Context, expected uint64, sum, data []byte, _ []string) (uint64, error) {
	w, subject := i.world, tradesv1.Subject(name)
	if err := i.elsewhere(ctx); err != nil {
		return 0, err
	}
	if w.bug == noFence {
		seq, _, err := w.Trades.Put(subject, fmt.Sprint(w.reigns, w.now, expected), data)
		if err != nil {
			return 0, errCrashed
		}
		return seq, nil
	}
	if i.life != w.Trades.Life && w.bug != noLook {
		// What the real one does once its connection was made anew.
		if m := w.Trades.Last(subject); m == nil && expected != 0 || m != nil && (m.Seq != expected || sha256.Sum256(m.Data) != [sha256.Size]byte(sum)) {
			return 0, bus.ErrFenced
		}
		i.life = w.Trades.Life
	}
	var paused error
	f := bus.Fence{Subject: subject, Digest: sum, Tail: w.Trades.Tail(subject), Unknown: func(error) { w.count("outcome unknown") },
		Pause: func(ctx context.Context) error { paused = i.elsewhere(ctx); return paused }}
	seq, err := f.Publish(ctx, expected, data)
	if paused != nil {
		return 0, paused
	}
	if err != nil {
		return 0, err
	}
	if w.chance(40) {
		w.count("crashed after a part")
		return 0, errCrashed
	}
	return seq, nil
}

// elsewhere lets other things happen in the middle of a publish.
func (i *instance) elsewhere(ctx context.Context) error {
	w := i.world
	if w.depth < 3 {
		w.depth++
		defer func() { w.depth-- }()
		for range w.rng.IntN(3) {
			if err := w.act(ctx, i); err != nil {
				return err
			}
		}
	}
	switch {
	case i.killed:
		return errCrashed
	case w.chance(60):
		w.count("crashed in a publish")
		return errCrashed
	}
	return nil
}

// objects is the bucket of snapshots.
type objects struct {
	world *World
	held  map[string]object
}

type object struct {
	data   []byte
	trades uint64
}

func (o *objects) List(context.Context) ([]core.Object, error) {
	var out []core.Object
	for name, v := range o.held {
		out = append(out, core.Object{Name: name, Size: uint64(len(v.data)), TradesSeq: v.trades})
	}
	slices.SortFunc(out, func(a, b core.Object) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, nil
}

func (o *objects) Load(_ context.Context, name string, _ uint64) ([]byte, error) {
	v, ok := o.held[name]
	if !ok {
		return nil, errors.New("no such object")
	}
	return slices.Clone(v.data), nil
}

// Save may be cut short: then nothing, or less than all of it, is there.
func (o *objects) Save(_ context.Context, name string, data []byte) error {
	w := o.world
	if w.chance(6) {
		if w.chance(2) {
			o.held[name] = object{data: slices.Clone(data[:w.rng.IntN(len(data))])}
			w.count("snapshot torn")
		}
		return fmt.Errorf("storing %s: %w", name, errCrashed)
	}
	o.held[name] = object{data: slices.Clone(data)}
	w.count("snapshot stored")
	return nil
}

func (o *objects) Verify(_ context.Context, name string, trades uint64) error {
	v, ok := o.held[name]
	if !ok {
		return errors.New("no such object")
	}
	v.trades = trades
	o.held[name] = v
	o.world.count("snapshot verified")
	return nil
}

func (o *objects) Remove(_ context.Context, name string) error {
	delete(o.held, name)
	return nil
}

// damage tears or loses one stored snapshot.
func (o *objects) damage() {
	list, _ := o.List(context.Background())
	if len(list) == 0 {
		return
	}
	name := list[o.world.rng.IntN(len(list))].Name
	v := o.held[name]
	switch o.world.rng.IntN(3) {
	case 0:
		delete(o.held, name)
		o.world.count("snapshot lost")
	case 1:
		v.data = v.data[:o.world.rng.IntN(len(v.data)+1)]
		o.held[name] = v
		o.world.count("snapshot torn")
	default:
		if len(v.data) > 0 {
			v.data = slices.Clone(v.data)
			v.data[o.world.rng.IntN(len(v.data))] ^= 1 << o.world.rng.IntN(8)
			o.held[name] = v
			o.world.count("snapshot damaged")
		}
	}
}
