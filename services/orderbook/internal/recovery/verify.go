package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/hugepage"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Verdict is how far a verification came.
type Verdict struct {
	FromInSeq uint64 // the snapshot that it began with; 0 = the very first pack
	InSeq     uint64 // last pack whose events were compared
	Events    uint64
	Packs     int // replayed
	Outputs   int // compared
	Tail      uint64
	End       uint64 // the last message of TRADES
	Cut       bool   // the last output is not whole: its leader died, the next one completes it
	Digest    [32]byte
}

// Verify replays the venue from its beginning, or from the oldest confirmed
// snapshot when ORDERS was trimmed, and compares every message of TRADES up to
// the one that is the last now, byte for byte. The first that differs is an
// error that wraps [ErrDiverged]. progress is told after every output.
func (s *Source) Verify(ctx context.Context, progress func(Verdict)) (Verdict, error) {
	st, err := s.oldest(ctx)
	if err != nil {
		return Verdict{}, err
	}
	last, err := s.Bus.Last(ctx, tradesv1.Stream, tradesv1.Subject(s.Venue))
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{FromInSeq: st.Snapshot, Tail: st.Tail}
	if last != nil {
		v.End = last.Seq
	}
	f, err := s.Follow(ctx, st)
	if err != nil {
		return v, err
	}
	defer f.Close()
	for f.tail < v.End {
		whole, err := f.Next(ctx)
		if err != nil {
			return v, err
		}
		if whole {
			v.Outputs++
		}
		v.InSeq, v.Events, v.Packs, v.Tail, v.Cut = st.Engine.LastInSeq(), st.Engine.Events(), st.Replayed, f.tail, !whole
		progress(v)
	}
	v.Digest = st.Engine.Digest()
	if err := st.Engine.Audit(); err != nil {
		return v, fmt.Errorf("%w: the state of pack %d does not add up: %w", ErrDiverged, v.InSeq, err)
	}
	return v, nil
}

// oldest is the earliest state from which all packs are there.
func (s *Source) oldest(ctx context.Context) (*State, error) {
	orders, err := s.Bus.Stream(ctx, ordersv1.Stream)
	if err != nil {
		return nil, err
	}
	trades, err := s.Bus.Stream(ctx, tradesv1.Stream)
	if err != nil {
		return nil, err
	}
	if orders.FirstSeq <= 1 && trades.FirstSeq <= 1 && orders.Deleted == 0 && trades.Deleted == 0 {
		return &State{Engine: engine.New(hugepage.Options())}, nil
	}
	refs, err := s.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	if orders.FirstSeq <= 1 && trades.FirstSeq <= 1 && !slices.ContainsFunc(refs, func(r snapshot.Ref) bool { return r.Verified }) {
		// What is missing is another venue's: without a confirmed snapshot this one
		// was never trimmed.
		return &State{Engine: engine.New(hugepage.Options())}, nil
	}
	var errs []error
	for i := len(refs) - 1; i >= 0; i-- {
		r := refs[i]
		if !r.Verified || r.InSeq+1 < orders.FirstSeq || r.TradesSeq < trades.FirstSeq {
			continue
		}
		m, err := s.Bus.Get(ctx, tradesv1.Stream, r.TradesSeq)
		if err == nil && m != nil {
			var e *engine.Engine
			if e, err = s.Load(ctx, r); err == nil {
				return &State{Engine: e, Snapshot: r.InSeq, Tail: m.Seq, TailDigest: digest(m.Data)}, nil
			}
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(append(errs, fmt.Errorf("%w: ORDERS begins at %d, TRADES at %d, and no confirmed snapshot stands there; "+
		"a venue whose packs are gone can be rebuilt with `fondaco book rebuild`, but no more be verified", ErrRegressed, orders.FirstSeq, trades.FirstSeq))...)
}
