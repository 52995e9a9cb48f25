package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
)

// subscription is one subscription of one connection: level with its feed, or
// on its way there in a goroutine of its own.
type subscription struct {
	server *Server
	conn   *conn
	feed   *feed.Feed
	sub    *feed.Sub

	join   joiner // of a subscription to a state
	*state        // likewise

	mu     sync.Mutex
	ctx    context.Context // made when the subscription first runs by itself
	cancel context.CancelFunc
	ended  bool
	wg     sync.WaitGroup
}

// joiner makes a subscription a member that begins with the whole state as of
// now; hello is called with it before anything else is told. An error says that
// there is no state yet.
type joiner func(s *feed.Sub, hello func(epoch string, seq uint64, data []byte)) error

// state is what a subscription to a state remembers. greeted and stale belong to
// the feed's lock.
type state struct {
	greeted bool
	stale   bool   // told nothing until there is room, and then the whole
	newest  newest // of one whose last frame is the whole state
	// Of one that is told by its changes: those that were left out, as one. It
	// belongs to the connection's lock.
	behind *feed.Message
}

// start brings the subscription level: at once where nothing has to be read.
func (s *subscription) start(at hub.Resume) {
	switch {
	case s.join != nil:
		if s.join(s.sub, s.hello) == nil {
			return
		}
	case at.Since == nil && s.server.hub.FollowNow(s.feed, s.sub, s.conn, at):
		s.level()
		return
	}
	s.catchUp(at)
}

func (s *subscription) catchUp(at hub.Resume) { s.catchUpWithin(0, at) }

// catchUpWithin goes on in the background, for as long at most as a slow client
// may be behind; 0 = as long as it takes.
func (s *subscription) catchUpWithin(limit time.Duration, at hub.Resume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancel(s.conn.context())
	}
	s.wg.Go(func() {
		defer s.server.recover(s.conn)
		if s.join != nil {
			s.joinState()
			return
		}
		ctx, done := s.ctx, func() {}
		if limit > 0 {
			ctx, done = context.WithTimeout(ctx, limit)
		}
		defer done()
		s.follow(ctx, at)
	})
}

func (s *subscription) follow(ctx context.Context, at hub.Resume) {
	err := s.server.hub.Follow(ctx, s.feed, s.sub, s.conn, s.source(), at)
	switch {
	case err == nil:
		s.level()
	case s.ctx.Err() != nil, errors.Is(err, errClosed):
	case errors.Is(err, context.DeadlineExceeded):
		s.conn.Close(CodeSlow, tooSlow)
	default:
		s.server.log.Warn("a subscription ended", zlog.Session(s.conn.id), zap.Error(err))
		s.conn.Close(ws.StatusInternalServerError, "internal error; resume with since")
	}
}

// source is where a subscription to facts finds what its feed no longer holds.
func (s *subscription) source() hub.Source {
	if s.server.venue != nil && s.feed == s.server.venue.Feed() {
		return s.server.venue.Source(s.sub.Channel, s.sub.Owner)
	}
	return s.server.hub.ChainSource(s.sub.Scope.Value, s.sub.Channel)
}

func (s *subscription) level() {
	s.server.log.Debug("subscription is level", zlog.Session(s.conn.id), zap.String("channel", s.sub.Channel), zap.String("id", s.sub.ID))
}

// lagging goes on from the subscription's own position; the feed calls it
// under its lock. A client that was slow has to be level again soon.
func (s *subscription) lagging(epoch string, after uint64, slow bool) {
	limit := time.Duration(0)
	if slow {
		limit = s.server.cfg.Behind
	}
	s.catchUpWithin(limit, hub.Resume{Since: &after, Epoch: epoch, Quiet: true})
}

// reset tells the client that everything it holds is of an older life.
func (s *subscription) reset(epoch string, seq uint64) {
	s.whole(feed.Notice("reset", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq))
	if s.join != nil {
		s.catchUp(hub.Resume{})
	}
}

// end leaves the feed; nothing is sent afterwards.
func (s *subscription) end() {
	s.mu.Lock()
	s.ended = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.feed.Leave(s.sub)
}

// joinState begins, or goes on, with the whole state.
func (s *subscription) joinState() {
	backoff := run.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	for s.join(s.sub, s.hello) != nil {
		if backoff.Wait(s.ctx) != nil {
			return
		}
	}
}

// hello sends the whole state; the feed's lock is held.
func (s *subscription) hello(epoch string, seq uint64, data []byte) {
	if s.stale = false; !s.greeted {
		s.greeted = true
		s.conn.Say(feed.Notice("subscribed", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq))
	}
	s.whole(feed.Snapshot("snapshot", s.sub.ID, s.sub.Channel, s.sub.Scope, epoch, seq, data))
}

// whole queues a frame that makes what still waits of a state void.
func (s *subscription) whole(frame []byte) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.state != nil {
		c.forget(&s.newest)
		s.behind = nil
	}
	c.say(frame, true)
}

// latest is the sink of a state whose last frame is all of it.
type latest struct{ *subscription }

// Offer queues a frame in the place of one that waits.
func (l latest) Offer(m *feed.Message, frame []byte) feed.Offered {
	if l.stale {
		return feed.Taken // there will be room, and then the whole
	}
	c := l.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.replace(&l.newest, m.State, frame)
	if got != feed.Full {
		return got
	}
	// Other subscriptions of the client fill its queue.
	l.stale = true
	c.onRoom = append(c.onRoom, func() { l.catchUp(hub.Resume{}) })
	return feed.Taken
}

// Waits says whether a frame does.
func (l latest) Waits() bool {
	l.conn.mu.Lock()
	defer l.conn.mu.Unlock()
	return l.stale || l.conn.waits(&l.newest)
}

// maxBehind is how much may be left out as one, in bytes of memory: some 500
// levels of a book. Beyond it the whole is less to read.
const maxBehind = 64 << 10

// changes is the sink of a state that is told by what changes in it.
type changes struct{ *subscription }

// Offer queues a change while the client keeps up. What one that lags misses is
// folded into one change, which it gets when there is room; where that cannot be
// or is too much it gets the whole then.
func (ch changes) Offer(m *feed.Message, frame []byte) feed.Offered {
	if ch.stale {
		return feed.Taken
	}
	c := ch.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch.behind == nil && c.queued <= c.loop.cfg.QueueBytes/2 {
		if got := c.offer(frame); got != feed.Full {
			return got
		}
	}
	all := m
	if ch.behind != nil {
		all = m.Fold(ch.behind.Row)
	}
	if m.Fold != nil && all.Size() <= maxBehind {
		if ch.behind == nil {
			c.onRoom = append(c.onRoom, ch.catchUpByChanges)
		}
		ch.behind = all
		return feed.Taken
	}
	ch.stale, ch.behind = true, nil
	c.onRoom = append(c.onRoom, func() { ch.catchUp(hub.Resume{}) })
	return feed.Taken
}

// catchUpByChanges queues what was left out, as one frame. It is made outside the
// lock, for which the feed would have to wait; until it is queued everything new
// is folded in as well.
func (ch changes) catchUpByChanges() {
	c := ch.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch.behind != nil {
		m := ch.behind
		c.mu.Unlock()
		frame := m.Frame(ch.sub.ID)
		c.mu.Lock()
		if ch.behind == m {
			ch.behind = nil
			c.say(frame, true)
		}
	}
}

// Waits says whether something was left out that was not made up for yet.
func (ch changes) Waits() bool {
	ch.conn.mu.Lock()
	defer ch.conn.mu.Unlock()
	return ch.stale || ch.behind != nil
}
