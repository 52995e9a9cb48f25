// Package recovery brings a venue's state back and keeps it at the end of what
// was published: the newest usable snapshot, a replay of ORDERS up to the last
// output in TRADES ([Source.Run]), and from there on one output after the other
// as they come ([Follower]). What is regenerated of an output must be what was
// published, byte for byte; else the state is not the one that the world was
// told of, and nobody may go on from it.
package recovery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/hugepage"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Errors that an operator must act on; the text says how.
var (
	// ErrRegressed: ORDERS does not hold what was already applied.
	ErrRegressed = errors.New("ORDERS is behind what was applied")
	// ErrDiverged: the replay does not give what was published.
	ErrDiverged = errors.New("the replay differs from what was published")
	// ErrSemantics: the log says to behave in a way that this program does not know.
	ErrSemantics = intake.ErrSemantics
)

// advice is the way out of the first two.
const advice = "nothing is served, so that no order is taken twice or lost: restore ORDERS, TRADES and the object store snapshots " +
	"from the same backup, or from one that is younger than the last message named here, and this service goes on by itself"

// State is a venue that stands at the end of an output.
type State struct {
	Engine     *engine.Engine
	Tail       uint64 // stream sequence of the output's last message; 0 = none
	TailDigest []byte // SHA-256 of its data; nil = none
	Replayed   int    // packs replayed
	Last       Last   // the pack that it ends with
	Snapshot   uint64 // input sequence of the snapshot that it began with; 0 = none
}

// Publisher stores the next message of a subject behind the one at expected,
// whose SHA-256 is sum (0 and nil: there is none); see bus.PublishBehind.
type Publisher interface {
	Publish(ctx context.Context, expected uint64, sum, data []byte, requestIDs []string) (seq uint64, err error)
}

// Source is where a recovery reads.
type Source struct {
	Bus   Streams
	Store *snapshot.Store
	Venue string
	Log   *zap.Logger
	// PartBytes: see leader.Options.
	PartBytes int
}

func (s *Source) partBytes() int {
	if s.PartBytes == 0 {
		return tradesv1.MaxMessage
	}
	return s.PartBytes
}

// Run brings the state to the end of the last output that is whole, without
// publishing anything. Parts that follow it are the [Follower]'s.
func (s *Source) Run(ctx context.Context) (*State, error) {
	last, any, err := s.lastOutput(ctx)
	if err != nil {
		return nil, err
	}
	orders, err := s.Bus.Stream(ctx, ordersv1.Stream)
	if err != nil {
		return nil, err
	}
	if err := s.checkInput(ctx, orders, last); err != nil {
		return nil, err
	}
	refs, err := s.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	if !any && len(refs) > 0 {
		return nil, fmt.Errorf("%w: there are snapshots up to pack %d, but TRADES has no message of the venue; %s", ErrRegressed, refs[0].InSeq, advice)
	}
	// Trimming leaves each subject's last message, so that the stream's beginning
	// does not show it; only a venue with a confirmed snapshot is ever trimmed.
	trimmed := orders.Deleted > 0 && slices.ContainsFunc(refs, func(r snapshot.Ref) bool { return r.Verified })
	// A snapshot that does not lead to what was published is as bad as one that
	// is torn: the one before it is tried, and at last none.
	var doubt error
	for {
		var st *State
		st, refs, err = s.restore(ctx, refs, last)
		if err != nil {
			return nil, errors.Join(doubt, err)
		}
		if st.Snapshot == 0 && trimmed {
			return nil, errors.Join(doubt, fmt.Errorf("%w: it was trimmed, and no snapshot is usable; %s", ErrRegressed, advice))
		}
		err = s.advance(ctx, st, orders, last)
		if err == nil {
			if doubt != nil {
				s.Log.Error("a snapshot did not lead to what was published; an older one did", zap.Uint64("snapshot", st.Snapshot), zap.Error(doubt))
			}
			return st, nil
		}
		if st.Snapshot == 0 || !errors.Is(err, ErrDiverged) {
			return nil, errors.Join(doubt, err)
		}
		doubt = err
	}
}

// restore loads the newest of the snapshots that is whole and whose events are
// all in TRADES, and returns those that are older; without one it starts from
// nothing.
func (s *Source) restore(ctx context.Context, refs []snapshot.Ref, last *output) (*State, []snapshot.Ref, error) {
	for i, r := range refs {
		if r.InSeq > last.lastIn() {
			s.Log.Warn("snapshot is ahead of its events and not used", zap.String("snapshot", r.Name), zap.Uint64("durable", last.lastIn()))
			continue
		}
		e, err := s.Load(ctx, r)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			s.Log.Error("snapshot is not usable, trying an older one", zap.String("snapshot", r.Name), zap.Error(err))
			continue
		}
		return &State{Engine: e, Snapshot: r.InSeq}, refs[i+1:], nil
	}
	return &State{Engine: engine.New(hugepage.Options())}, nil, nil
}

// Load reads one snapshot into an engine of its own.
func (s *Source) Load(ctx context.Context, r snapshot.Ref) (*engine.Engine, error) {
	data, err := s.Store.Load(ctx, r)
	if err != nil {
		return nil, err
	}
	e, err := engine.RestoreWith(hugepage.Options(), data)
	if err != nil {
		return nil, err
	}
	if e.LastInSeq() != r.InSeq {
		return nil, fmt.Errorf("it holds packs up to %d", e.LastInSeq())
	}
	return e, nil
}

// advance brings a restored state to the end of the last whole output.
func (s *Source) advance(ctx context.Context, st *State, orders bus.StreamState, last *output) error {
	at := st.Engine.LastInSeq()
	if orders.LastSeq < at {
		return fmt.Errorf("%w: ORDERS ends at %d, the snapshot holds packs up to %d; %s", ErrRegressed, orders.LastSeq, at, advice)
	}
	if orders.FirstSeq > at+1 && (last != nil || at > 0) {
		return fmt.Errorf("%w: ORDERS begins at %d, the newest usable snapshot ends at %d; %s", ErrRegressed, orders.FirstSeq, at, advice)
	}
	if orders.Deleted > 0 && orders.FirstSeq <= at {
		// A trim keeps the last pack of the snapshot that it goes by.
		if m, err := s.Bus.Get(ctx, ordersv1.Stream, at); err != nil {
			return err
		} else if m == nil {
			return fmt.Errorf("%w: it was trimmed above the newest usable snapshot, which ends at %d; %s", ErrRegressed, at, advice)
		}
	}
	if last == nil {
		return nil
	}
	tail := last.tail()
	st.Tail, st.TailDigest = tail.seq, tail.sum[:]
	if at == last.lastIn() {
		return s.compareState(ctx, st, last)
	}
	return s.replay(ctx, st, last)
}

// compareState is for a snapshot that stands at the end of TRADES: there is
// nothing to replay, but the state must be the published one, and ORDERS must
// hold its last pack as it was applied: a gateway that had no answer sends the
// same pack again into a stream that was cut, and it gets another time there.
func (s *Source) compareState(ctx context.Context, st *State, last *output) error {
	e := st.Engine
	if d := e.Digest(); string(d[:]) != string(last.tail().digest) || e.Events() != last.lastEvent() {
		return fmt.Errorf("%w: the snapshot at pack %d has another digest or event count than TRADES message %d; %s",
			ErrDiverged, e.LastInSeq(), last.tail().seq, advice)
	}
	m, err := s.Bus.Get(ctx, ordersv1.Stream, e.LastInSeq())
	if err != nil || m == nil {
		return err // purged, or checkInput would have said so
	}
	// A time that is believed is at most the stream's.
	if m.Time.UnixMilli() > e.NowMs() && !e.Halted() && !e.WantsTick() {
		return fmt.Errorf("%w: message %d of ORDERS is younger than its events in TRADES: the stream was cut and filled anew; %s",
			ErrRegressed, m.Seq, advice)
	}
	st.Last = Last{m.Seq, m.Data}
	return nil
}
