package book

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// ErrOtherLife: a stream holds messages that the journal knows nothing of.
var ErrOtherLife = errors.New("the stream has begun another life")

// output is the last output of a journal, message by message.
type output struct {
	venue  string
	lastIn uint64 // its last pack
	seqs   []uint64
	data   [][]byte
	whole  bool
}

// take takes the journal's next message.
func (o *output) take(seq uint64, data []byte) error {
	var m tradesv1.Output
	if err := proto.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("message %d cannot be decoded: %w", seq, err)
	}
	if m.GetPart() == 1 {
		o.seqs, o.data = o.seqs[:0], o.data[:0]
	}
	o.seqs, o.data = append(o.seqs, seq), append(o.data, bytes.Clone(data))
	o.lastIn, o.whole = m.GetLastInSeq(), m.GetLast()
	return nil
}

func (o *output) first() uint64 { return o.seqs[0] }

// refill makes two lost streams such that an order book goes on from a snapshot
// of the output's end: ORDERS goes on behind its last pack, and TRADES holds its
// messages at their old sequences and goes on behind them. What is so already is
// left alone, so that a refill that was cut short can be done again. A stream
// that holds anything else is ErrOtherLife, unless discard says to throw that
// away: a leader that runs meanwhile can add nothing, since its outputs are
// fenced by the tail that is gone, and recovers.
func (o *output) refill(ctx context.Context, b *bus.Bus, discard bool) (done bool, err error) {
	orders, err := b.JetStream().Stream(ctx, ordersv1.Stream)
	if err != nil {
		return false, fmt.Errorf("looking at ORDERS, which the provisioner makes: %w", err)
	}
	trades, err := b.JetStream().Stream(ctx, tradesv1.Stream)
	if err != nil {
		return false, fmt.Errorf("looking at TRADES, which the provisioner makes: %w", err)
	}
	has, err := o.held(ctx, b, trades)
	if err != nil {
		return false, err
	}
	in, out := orders.CachedInfo().State, trades.CachedInfo().State
	ready := in.LastSeq >= o.lastIn && (in.Msgs == 0 || has > 0)
	switch {
	case discard:
		if err := o.alone(ctx, orders, trades); err != nil {
			return false, err
		}
	case !ready && in.Msgs > 0:
		return false, fmt.Errorf("%w: ORDERS holds messages up to %d and not pack %d, with which the journal ends; where they are not wanted, throw them away with --discard", ErrOtherLife, in.LastSeq, o.lastIn)
	case has == 0 && out.Msgs > 0:
		return false, fmt.Errorf("%w: TRADES holds messages up to %d and not %d, with which the journal ends; where they are not wanted, throw them away with --discard", ErrOtherLife, out.LastSeq, o.seqs[len(o.seqs)-1])
	}
	if !ready {
		if err := orders.Purge(ctx, jetstream.WithPurgeSequence(o.lastIn+1)); err != nil {
			return false, fmt.Errorf("letting ORDERS go on at %d: %w", o.lastIn+1, err)
		}
		done = true
	}
	if has == 0 {
		if err := trades.Purge(ctx, jetstream.WithPurgeSequence(o.first())); err != nil {
			return done, fmt.Errorf("letting TRADES go on at %d: %w", o.first(), err)
		}
	}
	for i := has; i < len(o.seqs); i++ {
		m := &nats.Msg{Subject: tradesv1.Subject(o.venue), Data: o.data[i]}
		if _, err := b.JetStream().PublishMsg(ctx, m, jetstream.WithExpectLastSequence(o.seqs[i]-1)); err != nil {
			return done, fmt.Errorf("putting message %d back into TRADES: %w", o.seqs[i], err)
		}
		done = true
	}
	return done, nil
}

// alone refuses streams that hold another venue's messages: a purge by sequence
// would take them too.
func (o *output) alone(ctx context.Context, streams ...jetstream.Stream) error {
	for _, s := range streams {
		info, err := s.Info(ctx, jetstream.WithSubjectFilter(">"))
		if err != nil {
			return fmt.Errorf("looking whose messages a stream holds: %w", err)
		}
		for subject := range info.State.Subjects {
			if subject != tradesv1.Subject(o.venue) && !strings.HasPrefix(subject, ordersv1.SubjectPrefix+o.venue+".") {
				return fmt.Errorf("%w: %s holds messages of %s, which would be lost: purge the venue's own by hand", ErrOtherLife, info.Config.Name, subject)
			}
		}
	}
	return nil
}

// held counts the output's messages that TRADES has, from the first on.
func (o *output) held(ctx context.Context, b *bus.Bus, trades jetstream.Stream) (n int, err error) {
	for i, seq := range o.seqs {
		if i > 0 && seq != o.seqs[i-1]+1 {
			return 0, fmt.Errorf("messages of another venue lie between %d and %d, which belong together: put them back by hand", o.seqs[i-1], seq)
		}
	}
	for _, seq := range o.seqs {
		if seq > trades.CachedInfo().State.LastSeq {
			return n, nil
		}
		m, err := b.Get(ctx, tradesv1.Stream, seq)
		if err != nil {
			return n, err
		}
		if m == nil || m.Subject != tradesv1.Subject(o.venue) || !bytes.Equal(m.Data, o.data[n]) {
			return 0, nil
		}
		n++
	}
	return n, nil
}
