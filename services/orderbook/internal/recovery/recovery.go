// Package recovery brings a venue's state back: the newest usable snapshot and
// a replay of ORDERS up to the last output in TRADES. What it regenerates of
// that output must be what was published, byte for byte; else the state is not
// the one that the world was told of, and nobody may go on from it.
package recovery

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/core"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

// Errors that an operator must act on; the text says how.
var (
	// ErrRegressed: ORDERS does not hold what was already applied.
	ErrRegressed = errors.New("ORDERS is behind what was applied")
	// ErrDiverged: the replay does not give what was published.
	ErrDiverged = errors.New("the replay differs from what was published")
)

// advice is the way out of both.
const advice = "nothing is served, so that no order is taken twice or lost: restore ORDERS, TRADES and the object store snapshots " +
	"from the same backup, or from one that is younger than the last message named here, and this service goes on by itself"

// State is a venue that stands at the end of its TRADES subject.
type State struct {
	Engine     *core.Engine
	Tail       uint64 // stream sequence of the subject's last message; 0 = none
	TailDigest []byte // SHA-256 of its data; nil = none
	Replayed   int    // packs replayed
	Snapshot   uint64 // input sequence of the snapshot that it began with; 0 = none
}

// Publisher stores the next message of a subject; see bus.PublishFenced.
type Publisher interface {
	Publish(ctx context.Context, expected uint64, data []byte, requestIDs []string) (seq uint64, err error)
}

// Source is where a recovery reads.
type Source struct {
	Bus   *bus.Bus
	Store *snapshot.Store
	Venue string
	Log   *zap.Logger
	// PartBytes: see leader.Options.
	PartBytes int
}

// published is the last output in TRADES, as far as it was published.
type published struct {
	parts    []*bus.Message // in order
	outputs  []*tradesv1.Output
	durable  uint64 // last input sequence whose events are all in TRADES
	events   uint64 // events up to there
	complete bool
}

func (p *published) first() *tradesv1.Output { return p.outputs[0] }
func (p *published) last() *tradesv1.Output  { return p.outputs[len(p.outputs)-1] }
func (p *published) tail() *bus.Message      { return p.parts[len(p.parts)-1] }

// Run recovers the venue. A last output that was cut short by a crash is
// completed through pub.
func (s *Source) Run(ctx context.Context, pub Publisher) (*State, error) {
	last, err := s.lastOutput(ctx)
	if err != nil {
		return nil, err
	}
	orders, err := s.Bus.Stream(ctx, ordersv1.Stream)
	if err != nil {
		return nil, err
	}
	if last != nil {
		if err := s.checkInput(ctx, orders, last); err != nil {
			return nil, err
		}
	}
	st, err := s.restore(ctx, last)
	if err != nil {
		return nil, err
	}
	at := st.Engine.LastInSeq()
	if orders.LastSeq < at {
		return nil, fmt.Errorf("%w: ORDERS ends at %d, the snapshot holds packs up to %d; %s", ErrRegressed, orders.LastSeq, at, advice)
	}
	if orders.FirstSeq > at+1 && (last != nil || at > 0) {
		return nil, fmt.Errorf("%w: ORDERS begins at %d, the newest usable snapshot ends at %d; %s", ErrRegressed, orders.FirstSeq, at, advice)
	}
	if last == nil {
		return st, nil
	}
	st.Tail = last.tail().Seq
	sum := sha256.Sum256(last.tail().Data)
	st.TailDigest = sum[:]
	if at == last.last().LastInSeq {
		return st, s.compareDigest(st.Engine, last)
	}
	return st, s.replay(ctx, st, last, pub)
}

// lastOutput reads the parts of the last output and what was before it; nil
// when the subject is empty.
func (s *Source) lastOutput(ctx context.Context) (*published, error) {
	subject := tradesv1.Subject(s.Venue)
	m, err := s.Bus.Last(ctx, tradesv1.Stream, subject)
	if m == nil || err != nil {
		return nil, err
	}
	p := &published{}
	for {
		out := &tradesv1.Output{}
		if err := proto.Unmarshal(m.Data, out); err != nil {
			return nil, fmt.Errorf("%w: TRADES message %d cannot be decoded: %w; %s", ErrDiverged, m.Seq, err, advice)
		}
		if len(p.outputs) > 0 && p.outputs[0].Part == 1 { // this is the one before
			p.durable, p.events = out.LastInSeq, out.FirstEventSeq+uint64(len(out.Events))-1
			break
		}
		p.parts = append([]*bus.Message{m}, p.parts...)
		p.outputs = append([]*tradesv1.Output{out}, p.outputs...)
		if out.PrevSeq == 0 {
			break
		}
		prev, err := s.Bus.Get(ctx, tradesv1.Stream, out.PrevSeq)
		if err != nil {
			return nil, err
		}
		if prev == nil && out.Part == 1 {
			// Purged below: the numbers of the one before follow from this one.
			p.durable, p.events = out.FirstInSeq-1, out.FirstEventSeq-1
			break
		}
		if prev == nil || prev.Subject != subject {
			return nil, fmt.Errorf("%w: TRADES message %d, part of the output that ends at %d, is gone; %s", ErrDiverged, out.PrevSeq, m.Seq, advice)
		}
		if sum := sha256.Sum256(prev.Data); string(sum[:]) != string(out.PrevDigest) {
			return nil, fmt.Errorf("%w: TRADES message %d is not the one that %d follows; %s", ErrDiverged, prev.Seq, m.Seq, advice)
		}
		m = prev
	}
	if p.complete = p.last().Last; p.complete {
		p.durable, p.events = p.last().LastInSeq, p.last().FirstEventSeq+uint64(len(p.last().Events))-1
	}
	return p, nil
}

// checkInput makes sure that ORDERS still holds the last pack of the last
// output, and that it is that pack.
func (s *Source) checkInput(ctx context.Context, orders bus.StreamState, last *published) error {
	seq := last.last().LastInSeq
	if orders.LastSeq < seq {
		return fmt.Errorf("%w: ORDERS ends at %d, TRADES holds the events of packs up to %d; %s", ErrRegressed, orders.LastSeq, seq, advice)
	}
	m, err := s.Bus.Get(ctx, ordersv1.Stream, seq)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("%w: ORDERS has no message %d, whose events are in TRADES; %s", ErrRegressed, seq, advice)
	}
	// The last PackApplied that was published names the pack by its gateway's
	// number: a stream that was cut and filled anew has another one there.
	for i := len(last.outputs) - 1; i >= 0; i-- {
		events := last.outputs[i].Events
		for k := len(events) - 1; k >= 0; k-- {
			a := events[k].GetPackApplied()
			if a == nil || a.Gateway == "" {
				continue
			}
			if a.InSeq == seq {
				if p := intake.Decode(m.Data); p == nil || p.Gateway != a.Gateway || p.PackNo != a.PackNo {
					return fmt.Errorf("%w: message %d of ORDERS is not pack %d of gateway %s, whose events are in TRADES: the stream was cut and filled anew; %s",
						ErrRegressed, seq, a.PackNo, a.Gateway, advice)
				}
			}
			return nil
		}
	}
	return nil
}

// restore loads the newest snapshot that is whole and whose events are all in
// TRADES; without one it starts from nothing.
func (s *Source) restore(ctx context.Context, last *published) (*State, error) {
	refs, err := s.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil && len(refs) > 0 {
		return nil, fmt.Errorf("%w: there are snapshots up to pack %d, but TRADES has no message of the venue; %s", ErrRegressed, refs[0].InSeq, advice)
	}
	for _, r := range refs {
		if r.InSeq > last.durable {
			s.Log.Warn("snapshot is ahead of its events and not used", zap.String("snapshot", r.Name), zap.Uint64("durable", last.durable))
			continue
		}
		data, err := s.Store.Load(ctx, r)
		if ctx.Err() != nil {
			return nil, err
		}
		var e *core.Engine
		if err == nil {
			e, err = core.Restore(data)
		}
		if err == nil && e.LastInSeq() != r.InSeq {
			err = fmt.Errorf("it holds packs up to %d", e.LastInSeq())
		}
		if err != nil {
			s.Log.Error("snapshot is not usable, trying an older one", zap.String("snapshot", r.Name), zap.Error(err))
			continue
		}
		return &State{Engine: e, Snapshot: r.InSeq}, nil
	}
	return &State{Engine: core.New()}, nil
}

// compareDigest is for a snapshot that stands at the end of TRADES: there is
// nothing to replay, but the state must be the published one.
func (s *Source) compareDigest(e *core.Engine, last *published) error {
	if d := e.Digest(); string(d[:]) != string(last.last().Digest) || e.Events() != last.events {
		return fmt.Errorf("%w: the snapshot at pack %d has another digest or event count than TRADES message %d; %s",
			ErrDiverged, e.LastInSeq(), last.tail().Seq, advice)
	}
	return nil
}
