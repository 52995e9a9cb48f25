package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

// ackTimeout bounds the wait for one ack; afterwards the outcome is looked up.
const ackTimeout = 5 * time.Second

// PublishFenced stores data as the message after stream sequence expected of
// its subject; see Fence. It goes on until ctx ends.
func (b *Bus) PublishFenced(ctx context.Context, stream, subject string, expected uint64, data []byte, h nats.Header) (uint64, error) {
	return b.PublishBehind(ctx, stream, subject, expected, nil, data, h)
}

// PublishBehind is PublishFenced for a writer that knows the digest of the
// message that it publishes behind, too.
func (b *Bus) PublishBehind(ctx context.Context, stream, subject string, expected uint64, digest, data []byte, h nats.Header) (uint64, error) {
	backoff := run.Backoff{Max: 2 * time.Second}
	f := Fence{Subject: subject, Digest: digest, Tail: &streamTail{bus: b, stream: stream, subject: subject, header: h}, Pause: backoff.Wait, Unknown: func(err error) {
		if ctx.Err() == nil {
			b.log.Warn("publish has no known outcome yet", zap.String("subject", subject), zap.Uint64("after", expected), zap.Error(err))
		}
	}}
	return f.Publish(ctx, expected, data)
}

// Tail is a subject of a stream as a Fence needs it.
func (b *Bus) Tail(stream, subject string) Tail {
	return &streamTail{bus: b, stream: stream, subject: subject}
}

// streamTail is a subject of a JetStream stream as a Tail.
type streamTail struct {
	bus             *Bus
	stream, subject string
	header          nats.Header
}

func (t *streamTail) Send(ctx context.Context, id string, expected uint64, data []byte) (uint64, bool, error) {
	msg := &nats.Msg{Subject: t.subject, Data: data, Header: cloneHeader(t.header)}
	msg.Header.Set(jetstream.MsgIDHeader, id)
	ack, err := t.bus.publish(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expected), jetstream.WithExpectStream(t.stream))
	if err != nil {
		return 0, false, err
	}
	return ack.Sequence, ack.Duplicate, nil
}

func (t *streamTail) Last(ctx context.Context) (*Message, error) {
	return t.bus.Last(ctx, t.stream, t.subject)
}

// PublishOnce stores data under a message id that no other message has, and
// sends it again unchanged until the server says that it is stored or ctx ends.
func (b *Bus) PublishOnce(ctx context.Context, subject, msgID string, data []byte, h nats.Header) (uint64, error) {
	msg := &nats.Msg{Subject: subject, Data: data, Header: cloneHeader(h)}
	msg.Header.Set(jetstream.MsgIDHeader, msgID)
	backoff := run.Backoff{Max: 2 * time.Second}
	for {
		ack, err := b.publish(ctx, msg)
		if err == nil {
			return ack.Sequence, nil
		}
		if permanent(err) {
			return 0, fmt.Errorf("publishing to %s: %w", subject, err)
		}
		if ctx.Err() == nil {
			b.log.Warn("publish has no known outcome yet", zap.String("subject", subject), zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return 0, fmt.Errorf("publishing to %s: outcome unknown: %w", subject, err)
		}
	}
}

// Post is a PublishOnce that asks for no ack and waits for nothing: for a
// publisher that hears by another way that the message is stored. One that does
// not hear of it goes on with PublishOnce and the same id and data.
func (b *Bus) Post(subject, msgID string, data []byte, h nats.Header) error {
	msg := &nats.Msg{Subject: subject, Data: data, Header: cloneHeader(h)}
	msg.Header.Set(jetstream.MsgIDHeader, msgID)
	if err := b.nc.PublishMsg(msg); err != nil {
		return fmt.Errorf("publishing to %s: %w", subject, err)
	}
	return nil
}

// errLost: no ack can come any more.
var errLost = errors.New("the connection was lost before the ack came")

// publish waits for the ack as long as one can come: not for that of a
// connection that is gone.
func (b *Bus) publish(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	connection := b.connection.Load()
	waiting, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	defer context.AfterFunc(connection, cancel)()
	opts = append(opts, jetstream.WithRetryAttempts(0))
	ack, err := b.js.PublishMsg(waiting, msg, opts...)
	if err != nil && connection.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
		return nil, errLost
	}
	return ack, err
}

// permanent errors mean that no repetition of the same bytes can succeed.
func permanent(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) || errors.Is(err, nats.ErrInvalidMsg) ||
		errors.Is(err, nats.ErrConnectionClosed)
}

func cloneHeader(h nats.Header) nats.Header {
	out := nats.Header{}
	for k, v := range h {
		out[k] = v
	}
	return out
}
