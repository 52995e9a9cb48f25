package eventhandler

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/run"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/core"
)

// subjectLog is one subject of the CHAIN stream as a core.Log.
type subjectLog struct {
	bus     *bus.Bus
	subject string
	// since is when the publish in flight began, in unix nanoseconds; 0: none.
	since atomic.Int64
	took  func(bytes int, d time.Duration)
	// pace spaces messages out to leave room for ORDERS.
	pace func() pace
	last time.Time // end of the last publish
	// verified is the count of reconnects up to which the tail is what the session
	// read or published; touched by open, and then by Publish only.
	verified uint64
	// quiet: rows of the messages are stored and not announced.
	quiet bool
}

// open begins a session, whose tail is read next.
func (l *subjectLog) open() { l.verified = l.bus.Reconnects() }

func (l *subjectLog) Last(ctx context.Context) (*core.Message, error) {
	return message(l.bus.Last(ctx, chainv1.Stream, l.subject))
}

// verify reads the tail again after the connection was made anew: the server may
// have been restored from a backup, and a sequence be another message's now.
func (l *subjectLog) verify(ctx context.Context, expected uint64, digest []byte) error {
	now := l.bus.Reconnects()
	if now == l.verified {
		return nil
	}
	backoff := run.Backoff{Max: time.Second}
	m, err := l.Last(ctx)
	for ; err != nil; m, err = l.Last(ctx) {
		if backoff.Wait(ctx) != nil {
			return err
		}
	}
	switch {
	case m == nil && expected == 0, m != nil && m.Seq == expected && bytes.Equal(core.Digest(m.Data), digest):
		l.verified = now
		return nil
	}
	return core.ErrFenced
}

func (l *subjectLog) Get(ctx context.Context, seq uint64) (*core.Message, error) {
	return message(l.bus.Get(ctx, chainv1.Stream, seq))
}

func (l *subjectLog) Next(ctx context.Context, seq uint64) (*core.Message, error) {
	return message(l.bus.Next(ctx, chainv1.Stream, l.subject, seq))
}

func (l *subjectLog) Publish(ctx context.Context, expected uint64, digest, data []byte) (uint64, error) {
	if err := l.yield(ctx, len(data)); err != nil {
		return 0, err
	}
	if err := l.verify(ctx, expected, digest); err != nil {
		return 0, err
	}
	start := time.Now()
	defer func() { l.last = time.Now() }()
	l.since.Store(start.UnixNano())
	defer l.since.Store(0)
	var header nats.Header
	if l.quiet {
		header = nats.Header{bus.HeaderQuiet: {"1"}}
	}
	seq, err := l.bus.PublishBehind(ctx, chainv1.Stream, l.subject, expected, digest, data, header)
	if errors.Is(err, bus.ErrFenced) {
		return 0, core.ErrFenced
	}
	if err == nil {
		l.took(len(data), time.Since(start))
	}
	return seq, err
}

// inFlight is how long the current publish has been waiting for its ack.
func (l *subjectLog) inFlight() time.Duration {
	if since := l.since.Load(); since > 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

func message(m *bus.Message, err error) (*core.Message, error) {
	if m == nil || err != nil {
		return nil, err
	}
	return &core.Message{Seq: m.Seq, Data: m.Data}, nil
}
