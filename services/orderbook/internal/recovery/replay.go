package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
)

// replayBytes is how much of ORDERS is taken at once.
const replayBytes = 16 << 20

func digest(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

// replay applies ORDERS, muted, up to the last pack of the last whole output,
// and compares that output with what was published. Its bounds and the borders
// of its parts are taken from TRADES, so that the bytes can be equal.
func (s *Source) replay(ctx context.Context, st *State, last *output) error {
	first, end := last.first().firstIn, last.lastIn()
	if at := st.Engine.LastInSeq(); at >= first {
		return fmt.Errorf("%w: the snapshot at pack %d is inside the output of packs %d to %d; %s", ErrDiverged, at, first, end, advice)
	}
	packs := s.packs(ctx, st.Engine.LastInSeq()+1)
	defer packs.Close()
	var batch engine.Batch
	n, err := packs.apply(ctx, st.Engine, first-1, &batch, true)
	st.Replayed += n
	if err != nil {
		return err
	}
	batch.Reset()
	firstEvent := st.Engine.Events() + 1
	n, err = packs.apply(ctx, st.Engine, end, &batch, false)
	st.Replayed += n
	if err != nil {
		return err
	}
	st.Last = packs.last
	if st.Engine.LastInSeq() != end {
		return fmt.Errorf("%w: ORDERS has no message %d, whose events are in TRADES; %s", ErrRegressed, end, advice)
	}
	return s.compare(st.Engine, &batch, firstEvent, last)
}

// compare regenerates the messages of an output, of which the state is the end,
// and compares them with the published ones, of which the last may be missing.
func (s *Source) compare(e *engine.Engine, batch *engine.Batch, firstEvent uint64, o *output) error {
	out := s.regenerate(e, batch, firstEvent, o)
	var buf []byte
	for k, p := range o.parts {
		if k >= out.Parts() {
			return fmt.Errorf("%w: the output of packs %d to %d has %d parts, %d are published; %s",
				ErrDiverged, out.FirstInSeq, out.LastInSeq, out.Parts(), len(o.parts), advice)
		}
		buf = out.AppendPart(buf[:0], k, p.prevSeq, p.prevDigest)
		if !bytes.Equal(buf, p.data) {
			return fmt.Errorf("%w: packs %d to %d do not give the bytes of TRADES message %d (part %d); %s",
				ErrDiverged, out.FirstInSeq, out.LastInSeq, p.seq, k+1, advice)
		}
	}
	return nil
}

// regenerate makes an output whose first parts are cut as the published ones.
func (s *Source) regenerate(e *engine.Engine, batch *engine.Batch, firstEvent uint64, o *output) *engine.Output {
	counts := make([]int, len(o.parts))
	for i, p := range o.parts {
		counts[i] = p.events
	}
	out := engine.NewOutput(batch, s.partBytes(), counts...)
	out.FirstInSeq, out.LastInSeq, out.FirstEvent = o.first().firstIn, o.first().lastIn, firstEvent
	out.Digest, out.Semantics = e.Digest(), e.Semantics()
	return out
}

// Replay applies the packs after the engine's position up to end, muted. After
// each stretch pause is told how long it took.
func (s *Source) Replay(ctx context.Context, e *engine.Engine, end uint64, pause func(context.Context, time.Duration) error) error {
	packs := s.packs(ctx, e.LastInSeq()+1)
	defer packs.Close()
	var batch engine.Batch
	for e.LastInSeq() < end {
		if len(packs.queue) == 0 {
			if err := packs.read(ctx); err != nil {
				return err
			}
		}
		if packs.queue[0].Seq > end {
			return fmt.Errorf("%w: ORDERS has no message %d; %s", ErrRegressed, end, advice)
		}
		started := time.Now()
		if _, err := packs.apply(ctx, e, min(end, packs.queue[len(packs.queue)-1].Seq), &batch, true); err != nil {
			return err
		}
		if err := pause(ctx, time.Since(started)); err != nil {
			return err
		}
	}
	return nil
}

// packs reads the venue's packs in order.
type packs struct {
	follow Reader
	venue  string
	queue  []bus.Message
	last   Last // applied last
}

func (s *Source) packs(ctx context.Context, from uint64) *packs {
	return &packs{follow: s.Bus.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects(s.Venue)}, from), venue: s.Venue}
}

func (p *packs) Close() { p.follow.Close() }

func (p *packs) read(ctx context.Context) (err error) {
	p.queue, err = p.follow.Next(ctx, replayBytes)
	return err
}

// apply applies the packs up to and including the sequence end, and reports how
// many there were. It waits for packs until one at or above end is there; the
// first above stays for the next call. With drop, events are not kept.
func (p *packs) apply(ctx context.Context, e *engine.Engine, end uint64, batch *engine.Batch, drop bool) (n int, err error) {
	for e.LastInSeq() < end {
		if len(p.queue) == 0 {
			if err := p.read(ctx); err != nil {
				return n, err
			}
		}
		m := &p.queue[0]
		if m.Seq > end {
			return n, nil
		}
		if drop {
			batch.Reset()
		}
		if err := intake.Apply(e, intake.Input(p.venue, m), batch, nil, nil); err != nil {
			return n, err
		}
		n++
		p.last = Last{m.Seq, m.Data}
		p.queue = p.queue[1:]
	}
	return n, nil
}
