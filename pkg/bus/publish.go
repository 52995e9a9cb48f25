package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

// ErrFenced says that somebody else wrote to the subject: this writer's view of
// it is old.
var ErrFenced = errors.New("fenced: the subject's last message is not the one expected")

// ackTimeout bounds the wait for one ack; afterwards the outcome is looked up.
const ackTimeout = 5 * time.Second

// PublishFenced stores data as the message after stream sequence expected of
// its subject (0 = as the first) and returns its sequence. Every unknown
// outcome is resolved by reading the subject's tail and comparing bytes; while
// the server does not answer it goes on until ctx ends. ErrFenced = another
// message stands there.
func (b *Bus) PublishFenced(ctx context.Context, stream, subject string, expected uint64, data []byte, h nats.Header) (uint64, error) {
	msg := &nats.Msg{Subject: subject, Data: data, Header: cloneHeader(h)}
	// Never a content id: chains go A -> B -> A, and the last A must not be
	// taken for the first.
	msg.Header.Set(jetstream.MsgIDHeader, subject+":"+strconv.FormatUint(expected, 10))
	backoff := run.Backoff{Max: 2 * time.Second}
	for {
		ack, err := b.publish(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expected), jetstream.WithExpectStream(stream))
		if err == nil && !ack.Duplicate {
			return ack.Sequence, nil
		}
		if err != nil && permanent(err) {
			return 0, fmt.Errorf("publishing to %s: %w", subject, err)
		}
		// A stale expectation answers 10071 on one replica and duplicate:true on
		// three; a timeout says nothing. The tail decides.
		tail, readErr := b.Last(ctx, stream, subject)
		switch {
		case readErr != nil:
		case tail != nil && tail.Seq > expected && bytes.Equal(tail.Data, data):
			return tail.Seq, nil
		case tail != nil && tail.Seq != expected, tail == nil && expected != 0:
			return 0, fmt.Errorf("publishing to %s after %d: %w", subject, expected, ErrFenced)
		case err == nil:
			// A duplicate of a message that is no longer the tail's: the stream was
			// cut. Wait out the server's duplicate window.
			readErr = errors.New("the server took it for a duplicate of a message that is gone")
		}
		if ctx.Err() == nil {
			b.log.Warn("publish has no known outcome yet", zap.String("subject", subject), zap.Uint64("after", expected), zap.Error(errors.Join(err, readErr)))
		}
		if backoff.Wait(ctx) != nil {
			return 0, fmt.Errorf("publishing to %s after %d: outcome unknown: %w", subject, expected, errors.Join(err, readErr))
		}
	}
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

func (b *Bus) publish(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	opts = append(opts, jetstream.WithRetryAttempts(0))
	return b.js.PublishMsg(ctx, msg, opts...)
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
