package recovery

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Follower keeps a state at the end of what is published: for each output it
// applies the packs that the output says it covers and compares every byte. It
// publishes nothing until Finish.
type Follower struct {
	// State stands at the end of an output unless one is under way.
	*State
	source  *Source
	packs   *packs
	trades  Reader
	queue   []bus.Message // of TRADES
	batch   engine.Batch  // events of the output under way
	under   *output       // the parts of it that were read; nil = none is under way
	started bool          // the packs of the output under way were begun with
	event   uint64        // its first
	tail    uint64        // last message of TRADES that was taken
	sum     []byte
	orders  time.Time // when the streams were made, as of the beginning
	outputs time.Time
	buf     []byte
}

// Follow goes on from st. Close it before the state is used otherwise.
func (s *Source) Follow(ctx context.Context, st *State) (*Follower, error) {
	orders, err := s.Bus.Stream(ctx, ordersv1.Stream)
	if err != nil {
		return nil, err
	}
	trades, err := s.Bus.Stream(ctx, tradesv1.Stream)
	if err != nil {
		return nil, err
	}
	return &Follower{
		State: st, source: s, packs: s.packs(ctx, st.Engine.LastInSeq()+1),
		trades: s.Bus.Follow(ctx, tradesv1.Stream, []string{tradesv1.Subject(s.Venue)}, st.Tail+1),
		tail:   st.Tail, sum: st.TailDigest, orders: orders.Created, outputs: trades.Created,
	}, nil
}

// Close ends the reading.
func (f *Follower) Close() {
	f.packs.Close()
	f.trades.Close()
}

// Next takes the next message of TRADES and brings the state to its end; whole
// tells that an output ended with it. It blocks until there is one. After an
// error of ctx it may be called again.
func (f *Follower) Next(ctx context.Context) (whole bool, err error) {
	if len(f.queue) == 0 {
		if f.queue, err = f.trades.Next(ctx, replayBytes); err != nil {
			return false, err
		}
	}
	m := &f.queue[0]
	p, err := readPart(m)
	if err != nil {
		return false, fmt.Errorf("%w: TRADES message %d: %w; %s", ErrDiverged, m.Seq, err, advice)
	}
	if err := f.fits(p); err != nil {
		return false, err
	}
	if err := f.reach(ctx, p); err != nil {
		return false, err
	}
	if f.under == nil {
		f.under = &output{}
	}
	f.under.parts = append(f.under.parts, p)
	if err := f.compareLast(p); err != nil {
		return false, err
	}
	f.queue = f.queue[1:]
	f.tail, f.sum = p.seq, p.sum[:]
	if p.last {
		f.close(p.seq, p.sum[:])
	}
	return p.last, nil
}

// close ends the output under way.
func (f *Follower) close(seq uint64, sum []byte) {
	f.Tail, f.TailDigest = seq, sum
	f.tail, f.sum = seq, sum
	f.under, f.started = nil, false
}

// fits refuses a message that does not follow what was taken before.
func (f *Follower) fits(p *part) error {
	if err := p.known(); err != nil {
		return err
	}
	if p.prevSeq != f.tail || !bytes.Equal(p.prevDigest, f.sum) {
		return fmt.Errorf("%w: TRADES message %d follows %d, the state is at %d; %s", ErrDiverged, p.seq, p.prevSeq, f.tail, advice)
	}
	if f.under == nil && p.number != 1 || f.under != nil && (p.firstIn != f.under.first().firstIn || p.lastIn != f.under.first().lastIn) {
		return fmt.Errorf("%w: TRADES message %d is part %d of packs %d to %d, another was awaited; %s", ErrDiverged, p.seq, p.number, p.firstIn, p.lastIn, advice)
	}
	return nil
}

// reach applies the packs of the output that p is of, once for all its parts.
func (f *Follower) reach(ctx context.Context, p *part) error {
	if !f.started {
		f.batch.Reset()
		f.event, f.started = f.Engine.Events()+1, true
	}
	if f.under != nil {
		return nil
	}
	n, err := f.packs.apply(ctx, f.Engine, p.lastIn, &f.batch, false)
	f.Replayed += n
	if n > 0 {
		f.Last = f.packs.last
	}
	if err != nil {
		return err
	}
	if f.Engine.LastInSeq() != p.lastIn {
		return fmt.Errorf("%w: ORDERS has no message %d, whose events are in TRADES; %s", ErrRegressed, p.lastIn, advice)
	}
	return nil
}

// compareLast compares the newest part of the output under way.
func (f *Follower) compareLast(p *part) error {
	out := f.source.regenerate(f.Engine, &f.batch, f.event, f.under)
	k := len(f.under.parts) - 1
	if k < out.Parts() {
		f.buf = out.AppendPart(f.buf[:0], k, p.prevSeq, p.prevDigest)
	}
	if k >= out.Parts() || !bytes.Equal(f.buf, p.data) {
		return fmt.Errorf("%w: packs %d to %d do not give the bytes of TRADES message %d (part %d); %s",
			ErrDiverged, p.firstIn, p.lastIn, p.seq, k+1, advice)
	}
	return nil
}

// Finish brings the state to the end of TRADES as it is now and completes,
// through pub, an output that a crash cut short. Nobody else may be leading;
// one who does is fenced off, or fences this publish.
func (f *Follower) Finish(ctx context.Context, pub Publisher) error {
	last, err := f.source.Bus.Last(ctx, tradesv1.Stream, tradesv1.Subject(f.source.Venue))
	if err != nil {
		return err
	}
	end := uint64(0)
	if last != nil {
		end = last.Seq
	}
	if end < f.tail {
		return fmt.Errorf("%w: TRADES ends at message %d, the state is at %d; %s", ErrRegressed, end, f.tail, advice)
	}
	for f.tail < end {
		if _, err := f.Next(ctx); err != nil {
			return err
		}
	}
	if f.under == nil {
		return nil
	}
	out := f.source.regenerate(f.Engine, &f.batch, f.event, f.under)
	tail, sum := f.tail, f.sum
	for k := len(f.under.parts); k < out.Parts(); k++ {
		data := out.AppendPart(nil, k, tail, sum)
		seq, err := pub.Publish(ctx, tail, sum, data, nil)
		if err != nil {
			return fmt.Errorf("publishing part %d of %d of the last output: %w", k+1, out.Parts(), err)
		}
		tail, sum = seq, digest(data)
		f.source.Log.Info("published a part that a crash had left out", zap.Int("part", k+1), zap.Int("parts", out.Parts()), zap.Uint64("seq", seq))
	}
	f.close(tail, sum)
	return nil
}

// Check looks whether the streams still hold what the state is made of.
func (f *Follower) Check(ctx context.Context) error {
	for _, s := range []struct {
		name    string
		created time.Time
		at      uint64
	}{{ordersv1.Stream, f.orders, f.Engine.LastInSeq()}, {tradesv1.Stream, f.outputs, f.tail}} {
		now, err := f.source.Bus.Stream(ctx, s.name)
		switch {
		case err != nil:
			return nil // that is the bus's trouble, and shows elsewhere
		case now.LastSeq < s.at:
			return fmt.Errorf("%w: %s ends at %d, %d was applied; %s", ErrRegressed, s.name, now.LastSeq, s.at, advice)
		case !now.Created.Equal(s.created):
			return fmt.Errorf("%w: %s was made anew at %s; %s", ErrRegressed, s.name, now.Created.UTC().Format(time.RFC3339), advice)
		}
	}
	return nil
}
