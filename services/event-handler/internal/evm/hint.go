package evm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/proto/topology"
)

// Hint is a wake-up that several subscriptions give and one waits for. It knows
// when the last one came, so that the one who waits polls as soon as they fall silent.
type Hint struct {
	once sync.Once
	c    chan struct{}
	last atomic.Int64 // unix nanoseconds of the last hint; 0: none yet
	pace atomic.Int64 // nanoseconds between blocks; 0: not known
}

// C is the channel to wait on.
func (h *Hint) C() chan struct{} {
	h.once.Do(func() { h.c = make(chan struct{}, 1) })
	return h.c
}

// Give wakes the one who waits, now or the next time.
func (h *Hint) Give() {
	h.last.Store(time.Now().UnixNano())
	select {
	case h.C() <- struct{}{}:
	default:
	}
}

const (
	// quietBlocks without a hint, and at least minQuiet, a subscription is silent.
	quietBlocks = 3
	minQuiet    = 3 * time.Second
	// unknownPace is Ethereum's time between blocks, until it was measured.
	unknownPace = 12 * time.Second
)

func (h *Hint) setPace(d time.Duration) { h.pace.Store(int64(d)) }

// quiet is how long there may be no hint before that is a silence.
func (h *Hint) quiet() time.Duration {
	pace := time.Duration(h.pace.Load())
	if pace == 0 {
		pace = unknownPace
	}
	return max(minQuiet, quietBlocks*pace)
}

// flowsFor is for how much longer hints may be relied on; 0: they are silent.
func (h *Hint) flowsFor(now time.Time) time.Duration {
	last := h.last.Load()
	if last == 0 {
		return 0
	}
	return max(0, time.Unix(0, last).Add(h.quiet()).Sub(now))
}

// Socket is a WebSocket endpoint whose newHeads are hints. Status may be called
// from any goroutine.
type Socket struct {
	URL  string
	Name string // without what may be secret
	Hint *Hint

	mu     sync.Mutex
	state  string
	since  time.Time
	err    error // its last one
	lastAt time.Time
}

// Status is what is known of it.
func (s *Socket) Status() topology.StreamStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := topology.StreamStatus{Name: s.Name, Kind: topology.StreamWS, State: cmp.Or(s.state, topology.StreamDown)}
	if !s.since.IsZero() {
		o.Since = s.since.UnixMilli()
	}
	if s.err != nil {
		o.Error, o.ErrorAt = s.err.Error(), s.lastAt.UnixMilli()
	}
	return o
}

func (s *Socket) is(state string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.state != state {
		s.state, s.since = state, now
	}
	if err != nil {
		s.err, s.lastAt = err, now
	}
}

// silentError ends a subscription that stands open and says nothing.
type silentError struct{ after time.Duration }

func (e *silentError) Error() string { return fmt.Sprintf("no head for %v", e.after) }

// Watch subscribes to newHeads and gives a hint for each, until ctx ends. What
// the heads say is not used: a subscription that lies or drops heads costs at most a
// poll interval after the next, and one that falls silent is made anew.
func (s *Socket) Watch(ctx context.Context, log *zap.Logger) {
	hint := s.Hint
	log = log.With(zap.String("endpoint", s.Name))
	s.is(topology.StreamDown, nil)
	backoff := run.Backoff{Min: time.Second, Max: 30 * time.Second}
	said := false
	for {
		err := watch(ctx, s.URL, hint.quiet, func() {
			backoff.Reset()
			s.is(topology.StreamHinting, nil)
			if said {
				said = false
				log.Info("hints of new heads come again")
			}
			hint.Give()
		})
		if ctx.Err() != nil {
			return
		}
		var silent *silentError
		if errors.As(err, &silent) {
			s.is(topology.StreamSilent, err)
		} else {
			s.is(topology.StreamDown, err)
		}
		if !said {
			said = true
			log.Info("no hints of new heads; the node is polled", zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

// subscribed is how long subscribing may take.
const subscribed = 10 * time.Second

// watch holds one subscription until it ends or is silent for longer than quiet
// says; how long that is may change with each head.
func watch(ctx context.Context, url string, quiet func() time.Duration, onHead func()) error {
	dial, cancel := context.WithTimeout(ctx, subscribed)
	defer cancel()
	client, err := rpc.DialOptions(dial, url, rpc.WithWebsocketMessageSizeLimit(1<<20))
	if err != nil {
		return fmt.Errorf("dialing: %T", err) // the error's text may hold the URL
	}
	defer client.Close()
	heads := make(chan json.RawMessage, 16)
	sub, err := client.EthSubscribe(dial, heads, "newHeads")
	if err != nil {
		return fmt.Errorf("subscribing to newHeads: %w", err)
	}
	defer sub.Unsubscribe()
	silence := time.NewTimer(quiet())
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-sub.Err():
			return fmt.Errorf("subscription ended: %w", err)
		case <-silence.C:
			return &silentError{quiet()}
		case <-heads:
			onHead()
			silence.Reset(quiet())
		}
	}
}
