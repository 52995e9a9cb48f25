package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
)

// Bounds of what one Follower holds. A pull asks for bytes, since the default
// of 500 messages of up to 8 MiB each would fill the memory. Both hold the next
// transaction of a writer while one is under way.
const (
	pullMaxBytes   = 12 << 20 // above the server's max_payload of 8 MiB
	followMessages = 4096
	followBytes    = 16 << 20
)

// Follower reads a stream in order from a sequence on, without acks: its
// position is the reader's own. It outlives reconnects and restarts of the
// server, and never skips or repeats a message.
type Follower struct {
	bus      *Bus
	stream   string
	subjects []string
	cancel   context.CancelFunc
	done     chan struct{}

	mu      sync.Mutex
	queue   []Message
	bytes   int
	err     error
	next    uint64        // lowest stream sequence not yet queued
	arrived chan struct{} // buffered: queue or err changed
	room    chan struct{} // buffered: the queue became shorter
}

// Follow starts reading the subjects of a stream; from is the first stream
// sequence wanted (0 or 1 = all). Close it when done.
func (b *Bus) Follow(ctx context.Context, stream string, subjects []string, from uint64) *Follower {
	ctx, cancel := context.WithCancel(ctx)
	f := &Follower{bus: b, stream: stream, subjects: subjects, cancel: cancel, done: make(chan struct{}),
		arrived: make(chan struct{}, 1), room: make(chan struct{}, 1), next: max(from, 1)}
	go f.loop(ctx)
	return f
}

// Close stops reading and waits for it.
func (f *Follower) Close() {
	f.cancel()
	<-f.done
}

// Next blocks for the first message and returns it with all that is already
// here, bounded by maxBytes of data (but at least one message). One goroutine at
// a time reads a Follower.
func (f *Follower) Next(ctx context.Context, maxBytes int) ([]Message, error) {
	for {
		f.mu.Lock()
		if len(f.queue) > 0 {
			n, size := 0, 0
			for n < len(f.queue) && (n == 0 || size+len(f.queue[n].Data) <= maxBytes) {
				size += len(f.queue[n].Data)
				n++
			}
			out := append([]Message(nil), f.queue[:n]...)
			f.queue = f.queue[n:]
			f.bytes -= size
			f.mu.Unlock()
			signal(f.room)
			return out, nil
		}
		err := f.err
		f.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-f.arrived:
		}
	}
}

// signal wakes the one that waits on ch, or the next that would.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

func (f *Follower) loop(ctx context.Context) {
	defer close(f.done)
	backoff := run.Backoff{Max: time.Second}
	for ctx.Err() == nil {
		before := f.next
		err := f.consume(ctx)
		if ctx.Err() != nil {
			break
		}
		if f.next != before {
			backoff.Reset()
		}
		f.bus.log.Warn("reading a stream was interrupted", zap.String("stream", f.stream), zap.Uint64("next", f.next), zap.Error(err))
		if backoff.Wait(ctx) != nil {
			break
		}
	}
	f.mu.Lock()
	f.err = fmt.Errorf("reading %s: %w", f.stream, context.Canceled)
	f.mu.Unlock()
	signal(f.arrived)
}

// consume reads with one ordered consumer until it breaks.
func (f *Follower) consume(ctx context.Context) error {
	cons, err := f.bus.js.OrderedConsumer(ctx, f.stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: f.subjects,
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    f.next,
		// The pauses between more tries, up to 10 s, would not heed ctx; the loop
		// around this one's do.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return fmt.Errorf("opening a consumer: %w", err)
	}
	msgs, err := cons.Messages(jetstream.PullMaxBytes(pullMaxBytes), jetstream.PullHeartbeat(2*time.Second), jetstream.PullExpiry(10*time.Second))
	if err != nil {
		return fmt.Errorf("pulling: %w", err)
	}
	defer msgs.Stop()
	for {
		// Ended by ctx and not by Stop: a Stop that comes while the consumer is
		// being made anew ends the old one, and the wait goes on with the new one,
		// on a quiet stream for ever.
		m, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("pulling: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("reading a message's metadata: %w", err)
		}
		if meta.Sequence.Stream < f.next {
			continue
		}
		msg := Message{Subject: m.Subject(), Seq: meta.Sequence.Stream, Time: meta.Timestamp, Header: m.Headers(), Data: m.Data(), Pending: meta.NumPending}
		if err := f.push(ctx, msg); err != nil {
			return err
		}
	}
}

// push queues a message, waiting while the queue is full.
func (f *Follower) push(ctx context.Context, m Message) error {
	for {
		f.mu.Lock()
		if len(f.queue) == 0 || (len(f.queue) < followMessages && f.bytes+len(m.Data) <= followBytes) {
			f.queue = append(f.queue, m)
			f.bytes += len(m.Data)
			f.next = m.Seq + 1
			f.mu.Unlock()
			signal(f.arrived)
			return nil
		}
		f.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.room:
		}
	}
}
