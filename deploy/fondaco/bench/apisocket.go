package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	fondaco "fondaco.dev/services/api/client/go"
	"fondaco.dev/services/api/client/go/live"
)

const followTrades = `{"op":"subscribe","id":1,"channel":"trades","symbol":%q}`

// inFeed runs with one replica and room for its connections; env are settings of
// its services.
func (b *API) inFeed(ctx context.Context, more string, do func(*apiWorld, *program) error, env ...string) error {
	raise(uint64(b.Sockets)*2 + 10_000)
	return b.inAPI(ctx, "", more, func(w *apiWorld) error {
		api, err := w.up(ctx, "api")
		if err != nil {
			return err
		}
		return do(w, api)
	}, env...)
}

// idle measures what a connection with one subscription takes in memory: the
// slope between a tenth of them and all, which says what one more costs, and the
// whole process divided by all, which says what they cost here.
func (b *API) idle(ctx context.Context) error {
	return b.inFeed(ctx, "", func(_ *apiWorld, api *program) error {
		spec := socketSpec{Host: host(api), Conns: max(1, b.Sockets/10), Subscribe: []string{fmt.Sprintf(followTrades, "WINE-USD")}}
		some, err := sockets(spec)
		if err != nil {
			return err
		}
		defer some.stop()
		before, err := api.settled(ctx)
		if err != nil {
			return err
		}
		spec.Conns = b.Sockets - spec.Conns
		rest, err := sockets(spec)
		if err != nil {
			return err
		}
		defer rest.stop()
		after, err := api.settled(ctx)
		if err != nil {
			return err
		}
		slope := float64(after-before) / float64(spec.Conns)
		b.table.section(fmt.Sprintf("%d idle connections with one subscription each", b.Sockets))
		b.table.bytes("memory of the process for each beyond the first tenth", slope, 2500)
		b.table.memory("memory of the process without any, by that slope", after-int64(slope*float64(b.Sockets)), 0)
		b.table.bytes("memory of the process with all, divided by all", float64(after)/float64(b.Sockets), 0)
		b.table.bytes("live heap of the process with all, divided by all", api.metric("go_memstats_heap_alloc_bytes")/float64(b.Sockets), 0)
		b.table.rate("  parked, without a goroutine and a buffer", api.metric("fondaco_api_sockets_parked"), "connections", 0)
		return nil
	})
}

// bursts is a number of messages at once, again and again.
type bursts struct {
	size   int // messages at once to each connection
	period time.Duration
	times  int
}

// toldAll is what came of them.
type toldAll struct {
	socketCount
	cpu  time.Duration // of the server
	wall time.Duration
}

func (r toldAll) perCore() float64 { return float64(r.Messages) / max(r.cpu.Seconds(), 0.01) }

// tell makes bursts and waits until every client that reads has every message.
func tell(ctx context.Context, c *clients, conns int, s bursts, cpu func() time.Duration, burst func() error) (r toldAll, err error) {
	if err := c.reset(); err != nil {
		return r, err
	}
	began, used := time.Now(), cpu()
	tick := time.NewTicker(s.period)
	defer tick.Stop()
	for range s.times {
		if err := burst(); err != nil {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-tick.C:
		}
	}
	r.socketCount, err = c.until(ctx, int64(conns)*int64(s.size)*int64(s.times))
	r.cpu, r.wall = cpu()-used, time.Since(began)
	return r, err
}

// pace finds a period at which a burst is done before the next one: as often as
// the machine delivers it, with as much again to spare.
func (b *API) pace(ctx context.Context, c *clients, conns, size int, cpu func() time.Duration, burst func() error) (bursts, error) {
	one := bursts{size: size, period: time.Millisecond, times: 1}
	var took time.Duration
	for range 3 { // the first finds everything cold
		r, err := tell(ctx, c, conns, one, cpu, burst)
		if err != nil {
			return one, err
		}
		took = r.wall
	}
	one.period = max(50*time.Millisecond, 2*took)
	one.times = max(3, int(3*b.Window/one.period))
	return one, nil
}

// broadcast measures one channel with many clients, beside a plain broadcaster.
func (b *API) broadcast(ctx context.Context) error {
	return b.inFeed(ctx, "", func(w *apiWorld, api *program) error {
		c, err := sockets(socketSpec{Host: host(api), Conns: b.Sockets, Subscribe: []string{fmt.Sprintf(followTrades, "WINE-USD")}})
		if err != nil {
			return err
		}
		defer func() { c.stop() }()
		const size = 8
		burst := func() error { return w.burst(ctx, bookMarket, bookMarket, size) }
		s, err := b.pace(ctx, c, b.Sockets, size, api.cpu, burst)
		if err != nil {
			return err
		}
		b.say("  %d times %d messages, one every %v", s.times, size, s.period)
		writes, frames := api.metric("fondaco_api_socket_writes_total"), api.metric("fondaco_api_socket_frames_total")
		r, err := tell(ctx, c, b.Sockets, s, api.cpu, burst)
		if err != nil {
			return err
		}
		writes, frames = api.metric("fondaco_api_socket_writes_total")-writes, api.metric("fondaco_api_socket_frames_total")-frames
		c.stop()
		b.say("  the plain broadcaster")
		h, addr, err := plain(plainSpec{Queue: 256})
		if err != nil {
			return err
		}
		defer h.stop()
		if c, err = sockets(socketSpec{Host: addr, Path: "/", Conns: b.Sockets}); err != nil {
			return err
		}
		cpu := func() time.Duration { p, _ := readProcess(h.proc.Pid()); return p.own }
		say := func() error {
			if _, err := fmt.Fprintln(h.in, size); err != nil {
				return err
			}
			var seq int
			return h.read(&seq)
		}
		if _, err := b.pace(ctx, c, b.Sockets, size, cpu, say); err != nil { // as warm
			return err
		}
		p, err := tell(ctx, c, b.Sockets, s, cpu, say)
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("%d messages of a trade at once to %d connections, every %v", size, b.Sockets, s.period.Round(time.Millisecond)))
		b.table.rate("messages a second and core of the server", r.perCore(), "messages/s", 200_000)
		b.table.rate("  a plain gorilla/websocket broadcaster", p.perCore(), "messages/s", 0)
		b.table.ratio("  ratio", r.perCore()/p.perCore(), 2)
		b.table.ratio("frames a write", frames/max(writes, 1), 0)
		b.table.latency("delivery p50, from the order book's clock on", r.P50, 0)
		b.table.latency("delivery p99", r.P99, 0)
		b.table.latency("  p99 of the plain one, which has no order book before it", p.P99, 0)
		return nil
	})
}

// channels measures many channels with few clients.
func (b *API) channels(ctx context.Context) error {
	var more strings.Builder
	var follow []string
	for i := range b.Markets {
		fmt.Fprintf(&more, "  - {symbol: M%d, base: WINE, quote: USD, tick: \"0.01\", lot: \"1\"}\n", i)
		follow = append(follow, fmt.Sprintf(followTrades, fmt.Sprintf("M%d", i)))
	}
	return b.inFeed(ctx, more.String(), func(w *apiWorld, api *program) error {
		conns := 5 * b.Markets
		c, err := sockets(socketSpec{Host: host(api), Conns: conns, Subscribe: follow})
		if err != nil {
			return err
		}
		defer c.stop()
		burst := func() error { return w.burst(ctx, bookMarket+1, bookMarket+b.Markets, 1) }
		s, err := b.pace(ctx, c, conns, 1, api.cpu, burst)
		if err != nil {
			return err
		}
		r, err := tell(ctx, c, conns, s, api.cpu, burst)
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("a message at once on each of %d channels with 5 clients each, every %v", b.Markets, s.period.Round(time.Millisecond)))
		b.table.rate("messages a second and core of the server", r.perCore(), "messages/s", 0)
		b.table.latency("delivery p50, from the order book's clock on", r.P50, 0)
		b.table.latency("delivery p99", r.P99, 0)
		return nil
	})
}

// cross measures how soon an order that went through one replica is a frame on
// another.
func (b *API) cross(ctx context.Context) error {
	return b.inAPI(ctx, "", "", func(w *apiWorld) error {
		hosts, tokens, err := w.replicas(ctx)
		if err != nil {
			return err
		}
		took, err := crossing(ctx, hosts[0], hosts[1], tokens[0], b.Orders)
		if err != nil {
			return err
		}
		b.table.section(fmt.Sprintf("%d orders one after the other, from the request on one replica to the frame on another", b.Orders))
		b.table.latency("p50", at(took, 0.5), 0)
		b.table.latency("p99", at(took, 0.99), 50*time.Millisecond)
		return nil
	})
}

// replicas starts two and makes an account.
func (w *apiWorld) replicas(ctx context.Context) (urls, tokens []string, err error) {
	for range 2 {
		p, err := w.up(ctx, "api")
		if err != nil {
			return nil, nil, err
		}
		urls = append(urls, p.http)
	}
	tokens, err = w.tokens(ctx, 1)
	return urls, tokens, err
}

func crossing(ctx context.Context, one, two, token string, orders int) (took []time.Duration, err error) {
	type frame struct {
		id string
		at time.Time
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	seen := make(chan frame, 4*orders)
	wg.Go(func() {
		_, _ = live.Follow(ctx, live.Options{URL: two, Token: token}, live.Request{Channel: "orders", From: live.Position{Seq: 1}}, func(f live.Frame) error {
			now := time.Now()
			var o struct {
				ID string `json:"client_order_id"`
			}
			if err := json.Unmarshal(f.Data, &o); err != nil {
				return err
			}
			seen <- frame{o.ID, now}
			return nil
		})
	})
	api := &fondaco.Client{URL: one, Token: token}
	for i := range orders {
		id, began := fmt.Sprintf("cross-%d", i), time.Now()
		if _, err := api.PlaceOrder(ctx, fondaco.NewOrder{Symbol: "WINE-USD", Side: "buy", Type: "limit", Price: "1.00", Quantity: "1", ClientOrderID: id}); err != nil {
			return nil, fmt.Errorf("placing order %d: %w", i, err)
		}
		for f := (frame{}); f.id != id; {
			select {
			case f = <-seen:
			case <-ctx.Done():
				return nil, fmt.Errorf("order %d has no frame on the other replica: %w", i, ctx.Err())
			}
			if f.id == id && i > 0 { // the first waited for the subscription
				took = append(took, f.at.Sub(began))
			}
		}
	}
	slices.Sort(took)
	return took, nil
}
