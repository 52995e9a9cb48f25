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
)

// Messages makes the messages of one change, for live frames and replays.
func Messages(c *market.Change, epoch string, st *market.State) []*feed.Message {
	var out []*feed.Message
	if c.Trade != nil {
		t, m := c.Trade, st.Market(c.Trade.Symbol)
		if m != nil {
			out = append(out, feed.NewMessage(c.Seq, "event", feed.Trades, feed.Scope{Key: "symbol", Value: t.Symbol}, epoch, t, tradeSize,
				func() []byte { return shape.Encode(shape.OfTrade(t, m)) }))
		}
	}
	for i := range c.Orders {
		o := &c.Orders[i]
		m := st.Market(o.Symbol)
		out = append(out, feed.NewMessage(c.Seq, "event", feed.Orders, feed.Scope{}, epoch, o, orderSize,
			func() []byte { return shape.Encode(shape.OfOrder(o, m)) }))
	}
	return out
}

func depthMessage(d market.Depth, epoch string, st *market.State) *feed.Message {
	m := st.Market(d.Symbol)
	return feed.NewMessage(d.Seq, "event", feed.Depth, feed.Scope{Key: "symbol", Value: d.Symbol}, epoch, &d, 300+levelSize*(len(d.Bids)+len(d.Asks)),
		func() []byte { return shape.Encode(shape.OfDepth(&d, m)) })
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
			for _, m := range Messages(&r.Changes[i], out.Epoch, r.Markets) {
				if m.Channel == channel {
					out.Messages = append(out.Messages, m)
				}
			}
		}
		return out, nil
	}
}

// JoinDepth makes s a member that begins with the whole book: the hello frames
// and the membership belong to one state of the projection.
func (v *Venue) JoinDepth(s *feed.Sub, hello func(epoch string, seq uint64, book []byte)) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.state == nil {
		return ErrLoading
	}
	d := v.state.Depth(s.Scope.Value, 0)
	book := shape.Encode(shape.OfDepth(&d, v.state.Market(s.Scope.Value)))
	v.feed.JoinAt(s, v.state.Seq, func(epoch string, seq uint64) { hello(epoch, seq, book) })
	return nil
}
