package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// slowRounds is how often the bursts are told without and with slow clients in
// turn. A single p99 here is the worst moment of a busy machine: rounds of one
// process that follow each other meet the same machine, and the median of
// several says what is usual.
const slowRounds = 7

// slowQueue is what may wait for a client in this part, in bytes: so little that
// the slow ones' queues are full before a round ends, and what follows from that
// is measured too.
const slowQueue = 128 << 10

// slow measures what clients that take nothing do to the others.
func (b *API) slow(ctx context.Context) error {
	return b.inFeed(ctx, "", func(w *apiWorld, api *program) error {
		const size = 100
		conns := max(20, b.Sockets/10)
		slow := max(1, conns/9) // a tenth of all
		spec := socketSpec{Host: host(api), Conns: conns, Subscribe: []string{fmt.Sprintf(followTrades, "WINE-USD")}}
		c, err := sockets(spec)
		if err != nil {
			return err
		}
		defer c.stop()
		burst := func() error { return w.burst(ctx, bookMarket, bookMarket, size) }
		s, err := b.pace(ctx, c, conns, size, api.cpu, burst)
		if err != nil {
			return err
		}
		s.times = max(3, int(2*b.Window/3/s.period))
		var without, with []toldAll
		for round := range slowRounds {
			// Who is first changes: what drifts in the machine meets both alike.
			for _, lazy := range []bool{round%2 == 0, round%2 == 1} {
				into, done := &without, func() error { return nil }
				if lazy {
					if done, err = w.clog(ctx, api, c, spec, slow, burst); err != nil {
						return err
					}
					into = &with
				}
				r, err := tell(ctx, c, conns, s, api.cpu, burst)
				if err != nil {
					return err
				}
				if err := done(); err != nil {
					return err
				}
				*into = append(*into, r)
			}
		}
		var pairs []float64
		for i := range without {
			pairs = append(pairs, with[i].P99.Seconds()/max(without[i].P99.Seconds(), 0.001))
		}
		slices.Sort(pairs)
		b.table.section(fmt.Sprintf("%d messages at once to %d connections, every %v; in every second of %d rounds %d more that take nothing",
			size, conns, s.period.Round(time.Millisecond), 2*slowRounds, slow))
		p99 := func(r toldAll) float64 { return r.P99.Seconds() }
		perMessage := func(r toldAll) float64 { return r.cpu.Seconds() / float64(r.Messages) }
		before, beside := median(without, p99), median(with, p99)
		b.table.latency("p99 without the slow ones, median of the rounds", seconds(before), 0)
		b.table.latency("p99 of the healthy beside them", seconds(beside), 0)
		b.table.within("ratio", beside/max(before, 0.001), 1.2)
		b.table.within("  of two rounds that follow each other: the least", pairs[0], 0)
		b.table.within("  the most", pairs[len(pairs)-1], 0)
		b.table.within("the server's processor time for a message to a healthy one, with / without", median(with, perMessage)/median(without, perMessage), 0)
		return nil
	}, fmt.Sprint("FONDACO_WS_QUEUE_BYTES=", slowQueue))
}

// clog connects clients that take nothing and tells bursts until every one has
// something waiting in the server. done lets them go again.
func (w *apiWorld) clog(ctx context.Context, api *program, healthy *clients, spec socketSpec, slow int, burst func() error) (done func() error, err error) {
	open := api.metric("fondaco_api_sockets")
	spec.Conns, spec.Slow = slow, slow
	c, err := sockets(spec)
	if err != nil {
		return nil, err
	}
	done = func() error {
		c.stop()
		return w.until(ctx, 20*time.Second, 5*time.Millisecond, func() (bool, string) {
			n := api.metric("fondaco_api_sockets")
			return n <= open, fmt.Sprintf("%.0f sockets are open, %.0f were before", n, open)
		})
	}
	if err := w.until(ctx, time.Minute, 50*time.Millisecond, func() (bool, string) {
		if err := burst(); err != nil {
			return false, err.Error()
		}
		waits := api.metric("fondaco_api_socket_queue_bytes")
		return waits > float64(slow)*slowQueue/4, fmt.Sprintf("%.0f bytes wait for %d slow clients", waits, slow)
	}); err != nil {
		c.stop()
		return nil, err
	}
	was := int64(-1)
	return done, w.until(ctx, time.Minute, 50*time.Millisecond, func() (bool, string) {
		n, err := healthy.ask("report")
		still := err == nil && n.Messages == was
		was = n.Messages
		return still, fmt.Sprintf("the healthy are still at it: %d messages %v", was, err)
	})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func median(runs []toldAll, of func(toldAll) float64) float64 {
	all := make([]float64, len(runs))
	for i, r := range runs {
		all[i] = of(r)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
