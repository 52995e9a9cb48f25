package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/venue"
)

// subscription is one subscription of one connection: level with its feed, or
// on its way there in a goroutine of its own.
type subscription struct {
	server *Server
	conn   *conn
	feed   *feed.Feed
	sub    *feed.Sub
	source hub.Source
	log    *zap.Logger

	// Of a subscription to a state, such as a book; the last two belong to the
	// feed's lock.
	state          venue.Hello
	greeted, stale bool

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	ended  bool
	wg     sync.WaitGroup
}

// start brings the subscription level in the background.
func (s *subscription) start(ctx context.Context, at hub.Resume) {
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.catchUp(at)
}

func (s *subscription) catchUp(at hub.Resume) { s.catchUpWithin(s.ctx, func() {}, at) }

func (s *subscription) catchUpWithin(ctx context.Context, done func(), at hub.Resume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		done()
		return
	}
	s.wg.Go(func() {
		defer done()
		defer s.server.recover(s.conn, s.log)
		if s.state != nil {
			s.joinState()
			return
		}
		err := s.server.hub.Follow(ctx, s.feed, s.sub, s.conn, s.source, at)
		switch {
		case err == nil:
			s.log.Debug("subscription is level", zap.String("channel", s.sub.Channel), zap.String("id", s.sub.ID))
		case s.ctx.Err() != nil, errors.Is(err, errClosed):
		case errors.Is(err, context.DeadlineExceeded):
			s.conn.Close(CodeSlow, tooSlow)
		default:
			s.log.Warn("a subscription ended", zap.Error(err))
			s.conn.Close(ws.StatusInternalServerError, "internal error; resume with since")
		}
	})
}

// lagging goes on from the subscription's own position; the feed calls it
// under its lock. A client that was slow has to be level again soon.
func (s *subscription) lagging(epoch string, after uint64, slow bool) {
	at := hub.Resume{Since: &after, Epoch: epoch, Quiet: true}
	if !slow {
		s.catchUp(at)
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.server.cfg.Behind)
	s.catchUpWithin(ctx, cancel, at)
}

// reset tells the client that everything it holds is of an older life.
func (s *subscription) reset(epoch string, seq uint64) {
	s.conn.Say(feed.Notice("reset", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq))
	if s.state != nil {
		s.catchUp(hub.Resume{})
	}
}

// end leaves the feed; nothing is sent afterwards.
func (s *subscription) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.feed.Leave(s.sub)
}

// roomForState passes updates on while the client keeps up. States may be
// conflated: a client that lags is sent none until there is room, and then the
// whole.
func (s *subscription) roomForState(*feed.Message) bool {
	if s.stale {
		return false
	}
	s.stale = s.conn.pressed(func() { s.catchUp(hub.Resume{}) })
	return !s.stale
}

// joinState begins, or goes on, with the whole state.
func (s *subscription) joinState() {
	backoff := run.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	for {
		err := s.server.venue.Join(s.sub, s.state, func(epoch string, seq uint64, data []byte) {
			if s.stale = false; !s.greeted {
				s.greeted = true
				s.conn.Say(feed.Notice("subscribed", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq))
			}
			s.conn.Say(feed.Snapshot("snapshot", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq, data))
		})
		if err == nil || backoff.Wait(s.ctx) != nil {
			return
		}
	}
}
