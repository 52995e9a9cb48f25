package venue

import (
	"context"

	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/shape"
)

// Rough sizes of messages in the feed's memory, in bytes.
const (
	tradeSize = 800
	orderSize = 1600
	levelSize = 120
	placeSize = 300
)

// Messages makes the messages of one change that are kept and replayed: trades
// and orders. Live frames and replays are the same.
func Messages(c *market.Change, epoch string, dir *market.Directory) []*feed.Message {
	var out []*feed.Message
	if t := c.Trade; t != nil {
		if m := dir.ByID(t.Market); m != nil {
			out = append(out, feed.NewMessage(c.Seq, "event", feed.Trades, feed.Scope{Key: "symbol", Value: m.Symbol}, epoch, t, tradeSize,
				func() []byte { return shape.Encode(shape.OfTrade(t, m)) }))
		}
	}
	for i := range c.Orders {
		o := &c.Orders[i]
		m := dir.ByID(o.Market)
		msg := feed.NewMessage(c.Seq, "event", feed.Orders, feed.Scope{}, epoch, o, orderSize,
			func() []byte { return shape.AppendOrder(nil, o, m) })
		msg.Owner = o.Account
		if i == 0 && len(c.Orders) == 2 && c.Orders[1].Account == o.Account {
			// An account that traded with itself gets two messages of one event. Who
			// saw only the first has to get the second when it resumes.
			msg.Told = c.Seq - 1
		}
		out = append(out, msg)
	}
	return out
}

// passing makes the messages of one change that are not replayed.
func (w *watched) passing(c *market.Change, epoch string, dir *market.Directory) []*feed.Message {
	m := dir.ByID(c.Market)
	if m == nil || (!w.queue && !c.Phase) {
		return nil
	}
	var out []*feed.Message
	scope := feed.Scope{Key: "symbol", Value: m.Symbol}
	if w.queue && len(c.Places) > 0 {
		seq, places := c.Seq, c.Places
		out = append(out, feed.NewMessage(c.Seq, "event", feed.Queue, scope, epoch, nil, placeSize*len(places),
			func() []byte { return shape.Encode(shape.OfQueue(seq, places, m)) }))
	}
	if c.Phase {
		out = append(out, feed.NewMessage(c.Seq, "event", feed.Markets, scope, epoch, nil, orderSize,
			func() []byte { return shape.Encode(shape.OfMarket(m)) }))
	}
	for _, msg := range out {
		msg.Passing = true
	}
	return out
}

// watched says which channels of passing states have members.
type watched struct{ depth, top, ticker, candles, queue bool }

func (v *Venue) watched() *watched {
	return &watched{depth: v.feed.Watched(feed.Depth), top: v.feed.Watched(feed.Top), ticker: v.feed.Watched(feed.Ticker),
		candles: v.feed.Watched(feed.Candles), queue: v.feed.Watched(feed.Queue)}
}

// update makes the messages of what one output changed in a market.
func (w *watched) update(u *market.Updates, seq uint64, epoch string, dir *market.Directory) []*feed.Message {
	m := dir.ByID(u.Market)
	if m == nil {
		return nil
	}
	var out []*feed.Message
	scope := feed.Scope{Key: "symbol", Value: m.Symbol}
	add := func(channel string, row any, size int, encode func() any) {
		msg := feed.NewMessage(seq, "event", channel, scope, epoch, row, size, func() []byte { return shape.Encode(encode()) })
		msg.Passing = true
		out = append(out, msg)
	}
	if d := u.Depth; d != nil && w.depth {
		out = append(out, depth(d, m, scope, epoch))
	}
	if t := u.Top; t != nil && w.top {
		add(feed.Top, nil, tradeSize, func() any { return shape.OfTop(t, m) })
	}
	if t := u.Ticker; t != nil && w.ticker {
		add(feed.Ticker, nil, tradeSize, func() any { return shape.OfTicker(t, m) })
	}
	for i := range u.Candles {
		if !w.candles {
			break
		}
		c := &u.Candles[i]
		add(feed.Candles, c, tradeSize, func() any { return shape.OfCandle(c, m) })
		out[len(out)-1].State = uint64(c.OpenMS)
	}
	return out
}

// depth makes the message of the levels of a book that changed.
func depth(d *market.Depth, m *market.Market, scope feed.Scope, epoch string) *feed.Message {
	msg := feed.NewMessage(d.Seq, "event", feed.Depth, scope, epoch, d, 300+levelSize*(len(d.Bids)+len(d.Asks)), func() []byte { return shape.Encode(shape.OfDepth(d, m)) })
	msg.Passing = true
	msg.Fold = func(earlier any) *feed.Message { return depth(d.Over(earlier.(*market.Depth)), m, scope, epoch) }
	return msg
}

// Source replays trades (account 0) or an account's orders.
func (v *Venue) Source(channel string, account uint64) hub.Source {
	return func(ctx context.Context, after, atLeast uint64) (hub.Page, error) {
		r, err := v.loader.Journal(ctx, v.name, account, after, atLeast)
		if err != nil {
			return hub.Page{}, err
		}
		out := hub.Page{Epoch: Epoch(r.Cursor.Created), UpTo: r.UpTo}
		for i := range r.Changes {
			for _, m := range Messages(&r.Changes[i], out.Epoch, r.Markets.Directory()) {
				if m.Channel == channel {
					out.Messages = append(out.Messages, m)
				}
			}
		}
		return out, nil
	}
}

// Hello gives what a subscription to a channel of a market's present state
// begins with.
type Hello func(st *market.State, m *market.Market) any

// Join makes s a member that begins with the present state: the hello frames
// and the membership belong to one state of the projection.
func (v *Venue) Join(s *feed.Sub, state Hello, hello func(epoch string, seq uint64, data []byte)) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.state == nil {
		return ErrLoading
	}
	data := shape.Encode(state(v.state, v.state.Market(s.Scope.Value)))
	v.feed.JoinAt(s, v.state.Seq, func(epoch string, seq uint64) { hello(epoch, seq, data) })
	return nil
}
