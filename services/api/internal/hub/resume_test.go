package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/store"
)

const partition = "chain.v1.dev.0011223344556677"

// fakeStore is a database of rows whose replica lags: a read sees rows up to a
// random earlier commit.
type fakeStore struct {
	mu      sync.Mutex
	rows    []*feedv1.Row
	commits []uint64 // positions at which transactions ended
	rand    *rand.Rand
	fail    bool
	reads   int
}

func (s *fakeStore) FeedRows(_ context.Context, _ string, kinds store.Kinds, after, atLeast uint64, limit int) (store.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail {
		return store.Page{}, fmt.Errorf("the database is away")
	}
	at := s.commits[len(s.commits)-1-s.rand.IntN(min(3, len(s.commits)))]
	if at < atLeast {
		at = s.commits[len(s.commits)-1] // the primary
	}
	p := store.Page{Partition: partition, Cursor: store.Cursor{Epoch: "e", Pos: at}, UpTo: max(at, after), Complete: true}
	if at < atLeast {
		return p, store.ErrBehind
	}
	for _, r := range s.rows {
		if r.GetPos() <= after || r.GetPos() > at {
			continue
		}
		if len(p.Rows) == limit {
			p.UpTo, p.Complete = p.Rows[limit-1].GetPos(), false
			break
		}
		p.Rows = append(p.Rows, r)
	}
	return p, nil
}

// slowClient takes frames at its own pace and has little room.
type slowClient struct {
	room int

	mu    sync.Mutex
	queue [][]byte
	seen  []uint64
	other []string
}

func (c *slowClient) Offer(frame []byte) feed.Offered {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) >= c.room {
		return feed.Full
	}
	c.queue = append(c.queue, frame)
	return feed.Taken
}
func (c *slowClient) Hint([]byte) {}
func (c *slowClient) Say(frame []byte) {
	c.mu.Lock()
	c.other = append(c.other, op(frame).Op)
	c.mu.Unlock()
}
func (c *slowClient) Push(ctx context.Context, frame []byte) error {
	for c.Offer(frame) != feed.Taken {
		c.drain(1 + c.room/2)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (c *slowClient) drain(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.queue[:min(n, len(c.queue))] {
		if h := op(f); h.Op == "event" {
			c.seen = append(c.seen, h.Seq)
		}
	}
	c.queue = c.queue[min(n, len(c.queue)):]
}

type head struct {
	Op  string
	Seq uint64
}

func op(frame []byte) (h head) {
	_ = json.Unmarshal(frame[bytes.IndexByte(frame, '{'):], &h)
	return h
}

// TestFollowRandomly: rows arrive by hints that get lost, by polls, in jumps;
// clients of all speeds come, fall behind and resume. Each must see every row
// behind its start once and in order.
func TestFollowRandomly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			db := &fakeStore{rand: rand.New(rand.NewPCG(seed, 8)), commits: []uint64{1}}
			h := New([]string{"dev"}, db, nil, prometheus.NewRegistry(), zap.NewNop())
			h.limit = 40
			c := h.networks["dev"]
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			c.build, c.channel = "b", "x"
			c.restart(partition, store.Cursor{Epoch: "e", Pos: 1})
			var clients []*client
			pos := uint64(1)
			commit := func(n int) *feedv1.Hint {
				hint := &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: pos}
				db.mu.Lock()
				for range n {
					pos += 1 + r.Uint64N(3)
					row := &feedv1.Row{Pos: pos, Kind: &feedv1.Row_EvmBlock{EvmBlock: &feedv1.EvmBlock{Number: pos}}}
					db.rows = append(db.rows, row)
					hint.Rows = append(hint.Rows, row)
				}
				db.commits = append(db.commits, pos)
				db.mu.Unlock()
				hint.Pos = pos
				return hint
			}
			for step := range 400 {
				n := r.IntN(8)
				if step%50 == 20 {
					n = 120 // above the repair's bound
				}
				hint := commit(n)
				db.mu.Lock()
				db.fail = r.IntN(20) == 0
				db.mu.Unlock()
				switch r.IntN(6) {
				case 0: // lost
				case 1:
					hint.Rows, hint.RowsLeftOut = nil, true
					c.onHint(ctx, hint)
				case 2: // heartbeat
					c.onHint(ctx, &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: pos, Pos: pos})
				default:
					c.onHint(ctx, hint)
				}
				if step%20 == 3 && step < 300 {
					clients = append(clients, newClient(ctx, h, c.feed, r, pos))
				}
				for _, cl := range clients {
					cl.drain(r.IntN(cl.speed))
				}
			}
			db.mu.Lock()
			db.fail = false
			db.mu.Unlock()
			c.onHint(ctx, &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: pos, Pos: pos})
			for i, cl := range clients {
				var want []uint64
				for _, row := range db.rows {
					if row.GetPos() > cl.since {
						want = append(want, row.GetPos())
					}
				}
				for len(cl.got()) < len(want) && ctx.Err() == nil {
					cl.drain(1000)
					c.onHint(ctx, &feedv1.Hint{Build: "b", Partition: partition, Epoch: "e", PrevPos: pos, Pos: pos})
					time.Sleep(time.Millisecond)
				}
				if fmt.Sprint(cl.got()) != fmt.Sprint(want) {
					t.Errorf("client %d from %d saw %d rows, want %d:\n%v\n%v", i, cl.since, len(cl.got()), len(want), cl.got(), want)
				}
				if len(cl.other) != 1 || cl.other[0] != "subscribed" {
					if len(cl.other) != 0 { // resumed ones are greeted by Push
						t.Errorf("client %d was told %v", i, cl.other)
					}
				}
			}
			cancel()
			for _, cl := range clients {
				cl.wg.Wait()
			}
		})
	}
}

type client struct {
	*slowClient
	since uint64
	speed int
	wg    sync.WaitGroup
}

func (c *client) got() []uint64 { c.mu.Lock(); defer c.mu.Unlock(); return c.seen }

func newClient(ctx context.Context, h *Hub, f *feed.Feed, r *rand.Rand, pos uint64) *client {
	c := &client{slowClient: &slowClient{room: 2 + r.IntN(60)}, speed: 1 + r.IntN(20)}
	src := h.ChainSource("dev", feed.Blocks)
	sub := &feed.Sub{ID: "1", Channel: feed.Blocks, Scope: feed.Scope{Key: "network", Value: "dev"}, Match: func(*feed.Message) bool { return true }, Sink: c}
	follow := func(at Resume) {
		c.wg.Go(func() { _ = h.Follow(ctx, f, sub, c, src, at) })
	}
	sub.Reset = func(string, uint64) {}
	sub.Lagging = func(epoch string, after uint64, _ bool) { follow(Resume{Since: &after, Epoch: epoch, Quiet: true}) }
	if _, held := f.Position(); r.IntN(3) == 0 {
		c.since = held
		_ = h.Follow(ctx, f, sub, c, src, Resume{})
		return c
	}
	c.since = r.Uint64N(pos + 1)
	follow(Resume{Since: &c.since})
	return c
}
