package recovery

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
)

// output is what TRADES holds of the events of some consecutive packs.
type output struct{ parts []*part }

func (o *output) first() *part { return o.parts[0] }
func (o *output) tail() *part  { return o.parts[len(o.parts)-1] }

// lastIn is the input sequence up to which all events are durable; 0 for none.
func (o *output) lastIn() uint64 {
	if o == nil {
		return 0
	}
	return o.tail().lastIn
}

func (o *output) lastEvent() uint64 { return o.tail().firstEvent + uint64(o.tail().events) - 1 }

// known refuses an output of a behaviour that this program does not have.
func (p *part) known() error {
	if p.semantics > engine.NewestSemantics {
		return fmt.Errorf("%w: TRADES message %d was made by behaviour version %d, this program knows up to %d: run a newer one",
			ErrSemantics, p.seq, p.semantics, engine.NewestSemantics)
	}
	return nil
}

// lastOutput reads the last output that is whole; nil when there is none. any
// tells whether the subject has messages at all.
func (s *Source) lastOutput(ctx context.Context) (last *output, any bool, err error) {
	subject := tradesv1.Subject(s.Venue)
	m, err := s.Bus.Last(ctx, tradesv1.Stream, subject)
	if m == nil || err != nil {
		return nil, false, err
	}
	for {
		p, err := readPart(m)
		if err != nil {
			return nil, true, fmt.Errorf("%w: TRADES message %d: %w; %s", ErrDiverged, m.Seq, err, advice)
		}
		if err := p.known(); err != nil {
			return nil, true, err
		}
		switch {
		case p.last:
			last = &output{parts: []*part{p}}
		case last != nil:
			last.parts = slices.Insert(last.parts, 0, p)
		}
		if p.number == 1 && last != nil {
			return last, true, nil
		}
		if p.prevSeq == 0 {
			return nil, true, nil // the first output is not whole yet
		}
		prev, err := s.Bus.Get(ctx, tradesv1.Stream, p.prevSeq)
		if err != nil {
			return nil, true, err
		}
		if prev == nil || prev.Subject != subject {
			return nil, true, fmt.Errorf("%w: TRADES message %d, which %d follows, is gone; %s", ErrDiverged, p.prevSeq, m.Seq, advice)
		}
		if sum := digest(prev.Data); !bytes.Equal(sum, p.prevDigest) {
			return nil, true, fmt.Errorf("%w: TRADES message %d is not the one that %d follows; %s", ErrDiverged, prev.Seq, m.Seq, advice)
		}
		m = prev
	}
}

// checkInput makes sure that ORDERS still holds the last pack of the last
// output, and that it is that pack.
func (s *Source) checkInput(ctx context.Context, orders bus.StreamState, last *output) error {
	if last == nil {
		return nil
	}
	seq := last.lastIn()
	if orders.LastSeq < seq {
		return fmt.Errorf("%w: ORDERS ends at %d, TRADES holds the events of packs up to %d; %s", ErrRegressed, orders.LastSeq, seq, advice)
	}
	m, err := s.Bus.Get(ctx, ordersv1.Stream, seq)
	if err != nil {
		return err
	}
	if m == nil {
		// Purged below a snapshot that stands exactly there, or lost.
		if orders.FirstSeq > seq {
			return nil
		}
		return fmt.Errorf("%w: ORDERS has no message %d, whose events are in TRADES; %s", ErrRegressed, seq, advice)
	}
	// The last PackApplied that was published names the pack by its gateway's
	// number: a stream that was cut and filled anew has another one there.
	for _, p := range slices.Backward(last.parts) {
		if p.pack == nil {
			continue
		}
		inSeq, gateway, no := packApplied(p.pack)
		if inSeq == seq && gateway != "" {
			if g, n := intake.Pack(m.Data); g != gateway || n != no {
				return fmt.Errorf("%w: message %d of ORDERS is not pack %d of gateway %s, whose events are in TRADES: the stream was cut and filled anew; %s",
					ErrRegressed, seq, no, gateway, advice)
			}
		}
		return nil
	}
	return nil
}
