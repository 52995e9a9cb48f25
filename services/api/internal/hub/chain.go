package hub

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/store"
)

// hintQueue is how many hints of one network wait; beyond it they are dropped,
// which is what the repair is for.
const hintQueue = 256

// chain keeps one network's feed level.
type chain struct {
	name      string
	hub       *Hub
	feed      *feed.Feed
	polls     chan *store.Snapshot // newest only
	hints     chan *feedv1.Hint
	finalized atomic.Int64

	heading sync.Mutex  // taken before the feed's own lock
	head    *shape.Head // nil before it is known

	// Owned by run.
	build, partition, channel string
	epoch                     string // the partition's own
	held                      uint64
	started                   bool
}

func newChain(name string, h *Hub, f *feed.Feed) *chain {
	c := &chain{name: name, hub: h, feed: f, polls: make(chan *store.Snapshot, 1), hints: make(chan *feedv1.Hint, hintQueue)}
	c.finalized.Store(-1)
	return c
}

// Epoch is what clients see: the partition's epoch and which subject it is,
// since a new filter fills a new subject of the same stream.
func Epoch(partition, epoch string) string { return position.ChainEpoch(partition, epoch) }

func parseHint(payload string) (*feedv1.Hint, error) {
	h := &feedv1.Hint{}
	return h, proto.Unmarshal([]byte(payload), h)
}

func (c *chain) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case snap := <-c.polls:
			c.onPoll(ctx, snap)
		case hint := <-c.hints:
			c.onHint(ctx, hint)
		}
	}
}

// onPoll notices another live build, another epoch, and hints that never came.
func (c *chain) onPoll(ctx context.Context, snap *store.Snapshot) {
	n, ok := snap.Networks[c.name]
	if !ok {
		return
	}
	cur, ok := snap.Cursor(n.Partition)
	if !ok {
		return
	}
	if snap.Build != c.build || n.Partition != c.partition {
		old := c.channel
		c.build, c.channel = snap.Build, feedv1.HintChannel(snap.Build, n.Partition)
		c.hub.want(c, old, c.channel)
	}
	if cur.Epoch != c.epoch || cur.Pos >= c.held {
		// A deep revert takes it down; only a poll that is older than a hint is not
		// asked.
		c.finalized.Store(cur.Finalized)
	}
	if !c.started || n.Partition != c.partition || cur.Epoch != c.epoch {
		c.restart(n.Partition, cur)
		c.onCursor(cur)
		return
	}
	if cur.Pos > c.held {
		c.repair(ctx, cur.Pos)
	}
	if cur.Pos >= c.held {
		c.onCursor(cur)
	}
}

// restart begins at the cursor: there is nothing before it that a subscription
// could have been told.
func (c *chain) restart(partition string, cur store.Cursor) {
	if c.started {
		c.hub.log.Info("a feed begins anew", zap.String("network", c.name), zap.String("epoch", cur.Epoch))
	}
	c.started, c.partition, c.epoch, c.held = true, partition, cur.Epoch, cur.Pos
	c.finalized.Store(cur.Finalized)
	c.feed.Start(Epoch(partition, cur.Epoch), cur.Pos)
}

func (c *chain) onHint(ctx context.Context, h *feedv1.Hint) {
	if !c.started || h.GetBuild() != c.build || h.GetPartition() != c.partition {
		return
	}
	for _, fn := range c.hub.told {
		fn(c.name, h)
	}
	if h.GetEpoch() != c.epoch {
		// The next poll restarts the feed from the cursor itself.
		return
	}
	if (h.GetFinalized() > 0 || h.GetHead() > 0) && h.GetPos() >= c.held {
		c.finalized.Store(int64(h.GetFinalized()))
	}
	switch {
	case h.GetPos() <= c.held:
		c.tellFinal()
	case h.GetPrevPos() <= c.held && !h.GetRowsLeftOut() && h.GetPrevPos() != h.GetPos():
		c.publish(h.GetRows(), h.GetPos())
	default:
		c.repair(ctx, h.GetPos())
	}
}

// repair reads what lies between held and at least pos. While nobody is level
// with the feed it is not read at all: a backfill, whose hints carry no rows,
// would be read back whole for no one. Who joins meanwhile begins behind it or
// pages by itself.
func (c *chain) repair(ctx context.Context, pos uint64) {
	if c.feed.Members() == 0 {
		c.held = pos
		c.feed.Skip(pos)
		return
	}
	c.hub.repairs.Inc()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	page, err := c.hub.reader.FeedRows(ctx, c.name, store.Kinds{Blocks: true, Events: true}, c.held, pos, c.hub.limit)
	switch {
	case errors.Is(err, store.ErrBehind):
		// The hint overtook the commit's visibility: what is there is complete up
		// to its own cursor, the rest comes with the next hint or poll.
		if page.Cursor.Epoch != c.epoch || page.UpTo <= c.held {
			return
		}
	case err != nil:
		if ctx.Err() == nil {
			c.hub.log.Warn("repairing a feed", zap.String("network", c.name), zap.Error(err))
		}
		return
	case page.Cursor.Epoch != c.epoch:
		return
	}
	if !page.Complete {
		c.hub.log.Info("a feed jumps; subscriptions page by themselves", zap.String("network", c.name), zap.Uint64("from", c.held), zap.Uint64("to", page.Cursor.Pos))
		c.held = page.Cursor.Pos
		c.feed.Skip(c.held)
		return
	}
	c.publish(page.Rows, page.UpTo)
}

func (c *chain) publish(rows []*feedv1.Row, pos uint64) {
	epoch := Epoch(c.partition, c.epoch)
	msgs := make([]*feed.Message, 0, len(rows))
	for _, r := range rows {
		if r.GetPos() > c.held && r.GetPos() <= pos {
			msgs = append(msgs, feed.OfRow(c.name, epoch, r, c.finalized.Load)...)
		}
	}
	c.feed.Publish(msgs, pos)
	c.held = pos
	if head, known := headOf(rows); known {
		c.tellHead(head)
	} else {
		c.tellFinal()
	}
	c.hub.tellReorgs(rows)
}
