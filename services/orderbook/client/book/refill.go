package book

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

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
	o.lastIn = m.GetLastInSeq()
	return nil
}

func (o *output) first() uint64 { return o.seqs[0] }

// lost is how two streams stand to a journal's last output.
type lost struct {
	orders, trades jetstream.Stream
	has            int  // messages of the output, from its first on, that TRADES holds
	ready          bool // ORDERS goes on behind its last pack
}

// look compares the streams with the output, of which closed messages are only
// now made. A stream that holds anything else is ErrOtherLife, unless discard
// says to throw that away.
func (o *output) look(ctx context.Context, b *bus.Bus, closed int, discard bool) (l lost, err error) {
	if l.orders, err = b.JetStream().Stream(ctx, ordersv1.Stream); err != nil {
		return l, fmt.Errorf("looking at ORDERS, which the provisioner makes: %w", err)
	}
	if l.trades, err = b.JetStream().Stream(ctx, tradesv1.Stream); err != nil {
		return l, fmt.Errorf("looking at TRADES, which the provisioner makes: %w", err)
	}
	if l.has, err = o.held(ctx, b, l.trades); err != nil {
		return l, err
	}
	in, out := l.orders.CachedInfo().State, l.trades.CachedInfo().State
	l.ready = in.LastSeq == o.lastIn && in.Msgs == 0 || in.LastSeq >= o.lastIn && l.has > 0
	switch {
	case closed > 0 && l.has > 0 && l.has <= len(o.seqs)-closed && in.Msgs > 0 && in.FirstSeq <= o.lastIn:
		return l, fmt.Errorf("the journal ends with message %d, inside an output whose packs ORDERS still holds: an order book completes it", o.seqs[len(o.seqs)-closed-1])
	case discard:
		return l, o.alone(ctx, l.orders, l.trades)
	case !l.ready && in.Msgs > 0:
		return l, fmt.Errorf("%w: ORDERS holds messages up to %d and not pack %d, with which the journal ends; where they are not wanted, throw them away with --discard", ErrOtherLife, in.LastSeq, o.lastIn)
	case l.has == 0 && out.Msgs > 0:
		return l, fmt.Errorf("%w: TRADES holds messages up to %d and not %d, with which the journal ends; where they are not wanted, throw them away with --discard", ErrOtherLife, out.LastSeq, o.seqs[len(o.seqs)-1])
	}
	return l, nil
}

// putBack lets TRADES hold the output's messages at their old sequences and go on
// behind them. Those that are there already are left alone, so that what was cut
// short can be done again. An order book that leads another life is fenced from then
// on, and must have learned that before ORDERS has a pack for this one: it would
// answer it.
func (o *output) putBack(ctx context.Context, b *bus.Bus, l lost) (done bool, err error) {
	if l.has == 0 {
		if err := b.Begin(ctx, tradesv1.Stream, o.first()); err != nil {
			return false, err
		}
	}
	for i := l.has; i < len(o.seqs); i++ {
		m := &nats.Msg{Subject: tradesv1.Subject(o.venue), Data: o.data[i]}
		if _, err := b.JetStream().PublishMsg(ctx, m, jetstream.WithExpectLastSequence(o.seqs[i]-1)); err != nil {
			return done, fmt.Errorf("putting message %d back into TRADES: %w", o.seqs[i], err)
		}
		done = true
	}
	return done, nil
}

// Bounds of depose.
const (
	deposeLimit = 30 * time.Second
	// A leader answers within milliseconds, seldom later on a busy machine; a standby never.
	deposeSilence = 2 * time.Second
)

// depose gives an order book that leads another life something to publish, so that
// it learns that it is fenced, and waits until nobody answers as the leader.
func (o *output) depose(ctx context.Context, b *bus.Bus) error {
	gateway, until := rand.Text(), time.Now().Add(deposeLimit)
	answers, err := b.Conn().SubscribeSync(ordersv1.ReplySubject(gateway))
	if err != nil {
		return fmt.Errorf("listening for the order book of venue %s: %w", o.venue, err)
	}
	defer func() { _ = answers.Unsubscribe() }()
	if err := b.Conn().FlushTimeout(deposeLimit); err != nil {
		return fmt.Errorf("listening for the order book of venue %s: %w", o.venue, err)
	}
	for no := uint64(1); time.Now().Before(until); no++ {
		tick, err := proto.Marshal(&ordersv1.Pack{Gateway: gateway, PackNo: no, SentAtMs: time.Now().UnixMilli(),
			Commands: []*ordersv1.Command{{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}}}})
		if err != nil {
			return err
		}
		if _, err := b.JetStream().Publish(ctx, ordersv1.Subject(o.venue, ordersv1.FromTick), tick); err != nil {
			return fmt.Errorf("telling the order book of venue %s that its life is over: %w", o.venue, err)
		}
		silent, cancel := context.WithTimeout(ctx, deposeSilence)
		_, err = answers.NextMsgWithContext(silent)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("listening for the order book of venue %s: %w", o.venue, err)
		}
	}
	return fmt.Errorf("the order book of venue %s goes on in another life: stop it, and do this again", o.venue)
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
