package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

// Bounds of what one Follower holds: the next transaction of a writer while one
// is under way.
const (
	followMessages = 4096
	followBytes    = 20 << 20 // above the server's max_payload of 8 MiB
)

// Follower reads a stream in order from a sequence on, without acks: its
// position is the reader's own. It outlives reconnects and restarts of the
// server, and never skips or repeats a message. No goroutine belongs to it:
// what comes waits in a channel for the next call of Next.
type Follower struct {
	// Rest says how the next messages are asked for; it may be set before the first
	// Next. nil, or an answer below 0: ahead of time, so that each is here as soon
	// as it is stored. Else in bursts: all that is there when the first one comes,
	// and then nothing for as long as it says. A reader that can wait is woken once
	// a burst, not once a message.
	Rest func() time.Duration

	bus      *Bus
	stream   string
	subjects []string
	ctx      context.Context
	cancel   context.CancelFunc
	hurried  chan struct{} // buffered: see Hurry

	mu      sync.Mutex // held by Next and Close
	next    uint64     // lowest stream sequence not yet handed out
	held    *Message   // came and did not fit into the last answer
	pull    *puller    // nil: to be made
	ended   time.Time  // of the last burst
	backoff run.Backoff
}

// Follow starts reading the subjects of a stream; from is the first stream
// sequence wanted (0 or 1 = all). Close it when done.
func (b *Bus) Follow(ctx context.Context, stream string, subjects []string, from uint64) *Follower {
	ctx, cancel := context.WithCancel(ctx)
	return &Follower{bus: b, stream: stream, subjects: subjects, ctx: ctx, cancel: cancel, hurried: make(chan struct{}, 1),
		next: max(from, 1), backoff: run.Backoff{Max: time.Second}}
}

// Close stops reading; a Next that is under way ends.
func (f *Follower) Close() {
	f.cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

// Hurry ends the rest between two bursts, the present one or else the next. It
// does not block.
func (f *Follower) Hurry() {
	select {
	case f.hurried <- struct{}{}:
	default:
	}
}

// Next blocks for the first message and returns it with all that is already
// here, or with its whole burst, bounded by maxBytes of data (but at least one
// message). One goroutine at a time reads a Follower.
func (f *Follower) Next(ctx context.Context, maxBytes int) ([]Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Message
	size := 0
	if f.held != nil {
		out, size, f.held = append(out, *f.held), len(f.held.Data), nil
	}
	for len(out) < followMessages {
		m, err := f.take(ctx, len(out) == 0)
		switch {
		case err != nil:
			return nil, err
		case m == nil:
			return out, nil
		case len(out) > 0 && size+len(m.Data) > maxBytes:
			f.held = m
			return out, nil
		}
		out, size = append(out, *m), size+len(m.Data)
	}
	return out, nil
}

// take gives the next message. It waits for the first one; afterwards only for
// the end of a burst, which is on its way behind its messages, and is nil when
// nothing more is here.
func (f *Follower) take(ctx context.Context, first bool) (*Message, error) {
	for {
		if f.ctx.Err() != nil && !first {
			return nil, nil
		} else if f.ctx.Err() != nil {
			return nil, fmt.Errorf("reading %s: %w", f.stream, context.Canceled)
		}
		if f.pull == nil {
			if !first {
				return nil, nil
			}
			if err := f.open(ctx); err != nil {
				return nil, err
			}
			continue
		}
		var m *nats.Msg
		select {
		case m = <-f.pull.in:
		default:
			if !first && (!f.pull.burst || f.pull.asked == 0) {
				return nil, nil
			}
			var err error
			if m, err = f.wait(ctx); err != nil && first {
				return nil, err
			} else if err != nil {
				return nil, nil // of the next call
			}
			if m == nil {
				continue
			}
		}
		msg, err := f.pull.read(m)
		if err != nil {
			f.interrupted(err)
			continue
		}
		if f.pull.burst && f.pull.asked == 0 {
			f.ended = time.Now()
		}
		if msg == nil || msg.Seq < f.next {
			continue
		}
		f.next = msg.Seq + 1
		f.backoff.Reset()
		return msg, nil
	}
}

// wait asks for messages when it is time to, and waits for the first thing that
// happens; nil when something has to be looked at anew.
func (f *Follower) wait(ctx context.Context) (*nats.Msg, error) {
	p := f.pull
	left := time.Duration(silence)
	switch rest := f.rest(); {
	case rest < 0 && p.asked < followMessages/2:
		p.ask(false)
	case rest >= 0 && p.asked == 0:
		if left = rest - time.Since(f.ended); left <= 0 {
			p.ask(true)
			left = silence
		}
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case m := <-p.in:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.ctx.Done():
	case <-f.hurried:
		f.ended = time.Time{}
	case <-p.connection.Done():
		f.interrupted(errLost)
	case <-timer.C:
		if p.asked > 0 {
			f.interrupted(errSilent)
		}
	}
	return nil, nil
}

func (f *Follower) rest() time.Duration {
	if f.Rest == nil {
		return -1
	}
	return f.Rest()
}

// open makes a consumer at the present position; it goes on until ctx ends.
func (f *Follower) open(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.ctx, cancel)()
	for {
		p, err := f.bus.puller(ctx, f.stream, f.subjects, f.next)
		if err == nil {
			f.pull = p
			return nil
		}
		if ctx.Err() == nil {
			f.bus.log.Warn("reading a stream was interrupted", zap.String("stream", f.stream), zap.Uint64("next", f.next), zap.Error(err))
		}
		if f.backoff.Wait(ctx) != nil {
			if f.ctx.Err() != nil {
				return fmt.Errorf("reading %s: %w", f.stream, context.Canceled)
			}
			return ctx.Err()
		}
	}
}

// interrupted gives the consumer up: the next one begins where this one ended.
func (f *Follower) interrupted(err error) {
	f.bus.log.Warn("reading a stream was interrupted", zap.String("stream", f.stream), zap.Uint64("next", f.next), zap.Error(err))
	f.drop()
}

func (f *Follower) drop() {
	if f.pull != nil {
		_ = f.pull.sub.Unsubscribe() // fails only where nothing comes any more
		f.pull = nil
	}
}
