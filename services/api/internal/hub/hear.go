package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/run"
)

// deaf is how long a channel may be silent before it is subscribed to anew: a
// writer speaks every second.
const deaf = 5 * time.Second

// want makes a chain listen to another Redis channel. A channel is subscribed
// to once, while anybody wants it.
func (h *Hub) want(c *chain, old, channel string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if rest := slices.DeleteFunc(h.wanted[old], func(o *chain) bool { return o == c }); len(rest) > 0 {
		h.wanted[old] = rest
	} else {
		delete(h.wanted, old)
	}
	h.wanted[channel] = append(h.wanted[channel], c)
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// listen keeps one subscription for each channel that is wanted.
func (h *Hub) listen(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	open := map[string]context.CancelFunc{}
	for {
		h.mu.Lock()
		for channel := range h.wanted {
			if open[channel] == nil {
				hearing, stop := context.WithCancel(ctx)
				open[channel] = stop
				wg.Go(func() { h.hear(hearing, channel) })
			}
		}
		for channel, stop := range open {
			if h.wanted[channel] == nil {
				stop()
				delete(open, channel)
			}
		}
		h.mu.Unlock()
		select {
		case <-ctx.Done():
			for _, stop := range open {
				stop()
			}
			return nil
		case <-h.changed:
		}
	}
}

// hear passes a channel's hints on until ctx ends. Redis may be gone: polls go
// on meanwhile.
func (h *Hub) hear(ctx context.Context, channel string) {
	backoff := run.Backoff{Max: time.Second}
	for ctx.Err() == nil {
		ps := rds.Subscribe(ctx, h.redis, channel)
		stop := context.AfterFunc(ctx, func() { _ = ps.Close() })
		for {
			got, err := ps.ReceiveTimeout(ctx, deaf)
			if err != nil {
				if ctx.Err() == nil {
					h.log.Debug("waiting for hints", zap.String("channel", channel), zap.Error(err))
				}
				break
			}
			backoff.Reset()
			if m, ok := got.(*redis.Message); ok {
				h.dispatch(m)
			}
		}
		stop()
		_ = ps.Close()
		if backoff.Wait(ctx) != nil {
			return
		}
	}
}

func (h *Hub) dispatch(m *redis.Message) {
	hint, err := parseHint(m.Payload)
	if err != nil {
		h.log.Warn("a hint could not be read", zap.String("channel", m.Channel), zap.Error(err))
		return
	}
	h.mu.Lock()
	chains := slices.Clone(h.wanted[m.Channel])
	h.mu.Unlock()
	for _, c := range chains {
		h.hints.Inc()
		select {
		case c.hints <- hint:
		default:
			h.dropped.Inc()
		}
	}
}
