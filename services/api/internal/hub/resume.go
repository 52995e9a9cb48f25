package hub

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/store"
)

// pageRows is how many rows one page of a replay reads a table.
const pageRows = 5000

// unknownWait is how long a position that nothing here has may still turn up:
// another replica may have told it before the writer wrote it.
const unknownWait = 3 * time.Second

// Page is a stretch of a feed as the durable side has it: every message in
// (after, UpTo], ascending.
type Page struct {
	Epoch    string
	Messages []*feed.Message
	UpTo     uint64
}

// Source reads the page behind after. When the database is below atLeast the
// error is store.ErrBehind.
type Source func(ctx context.Context, after, atLeast uint64) (Page, error)

// Pusher is a client's socket: Push waits for room; Say takes the few frames
// that are not of a feed.
type Pusher interface {
	feed.Sink
	Push(ctx context.Context, frame []byte) error
	Say(frame []byte)
}

// Resume is where a subscription wants to begin.
type Resume struct {
	Since *uint64 // nil = now
	Epoch string  // of Since; "" = not told, the present one is assumed
	Quiet bool    // no notice of the subscription: a bare socket, or a fall back
}

// ChainSource reads a network's feed for one channel.
func (h *Hub) ChainSource(network, channel string) Source {
	kinds := store.Kinds{Blocks: channel == feed.Blocks, Events: channel == feed.Events}
	c := h.networks[network]
	return func(ctx context.Context, after, atLeast uint64) (Page, error) {
		page, err := h.reader.FeedRows(ctx, network, kinds, after, atLeast, pageRows)
		if err != nil {
			return Page{}, err
		}
		// The partition as the database has it: it names the epoch together with
		// the cursor's own.
		out := Page{Epoch: Epoch(page.Partition, page.Cursor.Epoch), UpTo: page.UpTo}
		for _, r := range page.Rows {
			for _, m := range feed.OfRow(network, out.Epoch, r, c.finalized.Load) {
				if m.Channel == channel {
					out.Messages = append(out.Messages, m)
				}
			}
		}
		return out, nil
	}
}

// FollowNow makes a subscription a member that begins now; false when the feed
// has no position yet and it would have to wait.
func (h *Hub) FollowNow(f *feed.Feed, s *feed.Sub, to Pusher, at Resume) bool {
	select {
	case <-f.Ready():
		join(f, s, to, at)
		return true
	default:
		return false
	}
}

func join(f *feed.Feed, s *feed.Sub, to Pusher, at Resume) {
	f.JoinNow(s, func(epoch string, seq uint64) {
		if !at.Quiet {
			to.Say(feed.Notice("subscribed", s.ID, s.Channel, s.Scope, epoch, seq))
		}
	})
}

// Follow brings a subscription level with its feed and makes it a member. It
// returns nil once it is one, or ctx's error: the client left first.
//
// Pages are read from the durable side until the feed's memory reaches back to
// where the last page ended; then the rest of that memory and the membership
// come in one step, so that there is neither a hole nor a double.
func (h *Hub) Follow(ctx context.Context, f *feed.Feed, s *feed.Sub, to Pusher, src Source, at Resume) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.Ready():
	}
	if at.Since == nil {
		join(f, s, to, at)
		return nil
	}
	epoch, _ := f.Position()
	after := *at.Since
	if at.Epoch != "" && at.Epoch != epoch {
		return h.reset(f, s, to)
	}
	if !at.Quiet {
		if err := to.Push(ctx, feed.Notice("subscribed", s.ID, s.Channel, s.Scope, epoch, after)); err != nil {
			return err
		}
	}
	backoff := run.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	began, said := time.Now(), time.Now()
	for verified := false; ; {
		joined, msgs, upTo := f.Join(s, epoch, after, verified)
		switch joined {
		case feed.Member:
			return nil
		case feed.Anew:
			return h.reset(f, s, to)
		case feed.Behind:
			for _, m := range msgs {
				if err := to.Push(ctx, m.Frame(s.ID)); err != nil {
					return err
				}
				said = time.Now()
			}
			after, verified = upTo, true
			continue
		}
		page, err := h.page(ctx, src, after)
		switch {
		case errors.Is(err, store.ErrBehind) && joined == feed.Unknown && time.Since(began) > unknownWait:
			// Nothing has that position: it is of another life.
			return h.reset(f, s, to)
		case err != nil || page.Epoch != epoch:
			if ctx.Err() == nil && err != nil {
				h.log.Debug("a replay waits", zap.Error(err))
			}
			// An epoch that the feed does not know yet comes with its next poll.
			if err := backoff.Wait(ctx); err != nil {
				return err
			}
			continue
		}
		backoff.Reset()
		for _, m := range page.Messages {
			if s.Wants(m) {
				if err := to.Push(ctx, m.Frame(s.ID)); err != nil {
					return err
				}
				said = time.Now()
			}
		}
		if page.UpTo == after && joined == feed.TooOld {
			// The database is at the same place and the feed is further: wait for it.
			if err := backoff.Wait(ctx); err != nil {
				return err
			}
		}
		after, verified = page.UpTo, true
		if s.ID != "" && time.Since(said) > positionEvery {
			if err := to.Push(ctx, feed.Notice("position", s.ID, s.Channel, s.Scope, epoch, after)); err != nil {
				return err
			}
			said = time.Now()
		}
	}
}

// page reads one page; few at a time, so that a crowd that resumes does not
// take every connection.
func (h *Hub) page(ctx context.Context, src Source, after uint64) (Page, error) {
	select {
	case <-ctx.Done():
		return Page{}, ctx.Err()
	case h.pages <- struct{}{}:
	}
	defer func() { <-h.pages }()
	return src(ctx, after, after)
}

// reset tells the client that what it holds is of another life, and goes on
// from now.
func (h *Hub) reset(f *feed.Feed, s *feed.Sub, to Pusher) error {
	f.JoinNow(s, func(epoch string, seq uint64) {
		if s.ID != "" {
			to.Say(feed.Notice("reset", s.ID, s.Channel, s.Scope, epoch, seq))
		}
	})
	return nil
}
