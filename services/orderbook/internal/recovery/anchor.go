package recovery

import (
	"context"
	"fmt"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Anchor is what the streams must keep of a venue: everything from these
// sequences on.
type Anchor struct {
	Snapshot string // its name
	// Orders is the last pack in the snapshot. It is kept so that a start can see
	// that ORDERS still has the pack that the snapshot ends with.
	Orders uint64
	// Trades is the first message of the output that ends with that pack.
	Trades uint64
}

// Anchor finds the oldest confirmed snapshot that is kept, and makes sure that
// it is whole and that TRADES says the same of it: what is trimmed below cannot
// be made again. ok is false when no snapshot is confirmed.
func (s *Source) Anchor(ctx context.Context) (a Anchor, ok bool, err error) {
	refs, err := s.Store.List(ctx)
	if err != nil {
		return a, false, err
	}
	for i := len(refs) - 1; i >= 0; i-- {
		r := refs[i]
		if !r.Verified {
			continue
		}
		e, err := s.Load(ctx, r)
		if err != nil {
			return a, false, fmt.Errorf("loading the oldest confirmed snapshot: %w", err)
		}
		d := e.Digest()
		first, err := s.ends(ctx, r.TradesSeq, r.InSeq, d[:])
		if err != nil {
			return a, false, fmt.Errorf("comparing snapshot %s with TRADES: %w", r.Name, err)
		}
		return Anchor{Snapshot: r.Name, Orders: r.InSeq, Trades: first}, true, nil
	}
	return a, false, nil
}

// ends makes sure that an output ends at a message of TRADES, with a pack and a
// state's digest, and returns its first message.
func (s *Source) ends(ctx context.Context, seq, inSeq uint64, digest []byte) (first uint64, err error) {
	want := uint64(0) // number of the part; 0 = the last one, whichever
	for at := seq; ; {
		m, err := s.Bus.Get(ctx, tradesv1.Stream, at)
		if err != nil {
			return 0, err
		}
		if m == nil || m.Subject != tradesv1.Subject(s.Venue) {
			return 0, fmt.Errorf("%w: TRADES has no message %d of the venue", ErrRegressed, at)
		}
		p, err := readPart(m)
		if err != nil {
			return 0, fmt.Errorf("message %d: %w", at, err)
		}
		if want == 0 && (!p.last || p.lastIn != inSeq || string(p.digest) != string(digest)) {
			return 0, fmt.Errorf("%w: message %d of TRADES does not end with pack %d and the snapshot's state", ErrDiverged, at, inSeq)
		}
		if want != 0 && p.number != want {
			return 0, fmt.Errorf("%w: message %d of TRADES is part %d, not %d", ErrDiverged, at, p.number, want)
		}
		if p.number == 1 {
			return at, nil
		}
		want, at = p.number-1, p.prevSeq
	}
}
