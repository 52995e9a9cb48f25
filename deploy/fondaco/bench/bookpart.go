package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
)

// desk brings up everything that orders over HTTP need, with that many replicas
// of the api.
func (w *bookWorld) desk(ctx context.Context, gateways int) (hosts, tokens []string, err error) {
	services := []string{"writer", "orderbook"}
	for range gateways {
		services = append(services, "api")
	}
	if _, err := w.up(ctx, services...); err != nil {
		return nil, nil, err
	}
	for _, p := range w.procs {
		if p.name == "api" {
			hosts = append(hosts, strings.TrimPrefix(p.http, "http://"))
		}
	}
	tokens, err = w.tokens(ctx, 8)
	return hosts, tokens, err
}

// seen waits until every replica knows every token: it places an order with each.
func (b *Book) seen(ctx context.Context, w *bookWorld, hosts, tokens []string) error {
	for _, host := range hosts {
		for _, token := range tokens {
			if err := w.until(ctx, 30*time.Second, 20*time.Millisecond, func() (bool, string) {
				_, err := client(ctx, host, token, 1, time.Now().Add(time.Millisecond), func(int) time.Time { return time.Now() })
				return err == nil, fmt.Sprint(err)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// http measures how many orders one gateway takes.
func (b *Book) http(ctx context.Context) error {
	b.table.section(fmt.Sprintf("orders through one gateway, %d connections; every service and the clients on this machine", b.Clients))
	return b.inBook(ctx, func(w *bookWorld) error {
		hosts, tokens, err := w.desk(ctx, 1)
		if err != nil {
			return err
		}
		if err := b.seen(ctx, w, hosts, tokens); err != nil {
			return err
		}
		bare, stop, err := bareHandler()
		if err != nil {
			return err
		}
		b.say("  bare handler")
		ceiling, err := b.drive(ctx, driveSpec{Hosts: []string{bare}, Tokens: tokens, Clients: b.Clients, Many: 1})
		stop()
		if err != nil {
			return err
		}
		b.say("  single orders")
		used := w.watch("single", b.Window)
		single, err := b.drive(ctx, driveSpec{Hosts: hosts, Tokens: tokens, Clients: b.Clients, Many: 1})
		if err != nil {
			return fmt.Errorf("single orders: %w", err)
		}
		b.table.rate("single orders over HTTP", single.Orders, "orders/s", 20_000)
		b.table.rate("ceiling: a handler that only parses and answers", ceiling.Orders, "orders/s", 0)
		b.table.ratio("single orders / that handler", single.Orders/ceiling.Orders, 0.5)
		b.table.latency("  p50 of those", at(single.Took, 0.5), 0)
		used.tell(&b.table, single.CPU)
		b.say("  batches")
		batch, err := b.drive(ctx, driveSpec{Hosts: hosts, Tokens: tokens, Clients: min(b.Clients, 64), Many: 100})
		if err != nil {
			return fmt.Errorf("batches: %w", err)
		}
		b.table.rate("batches of 100 over HTTP", batch.Orders, "orders/s", 0)
		return nil
	}, busy...)
}

// sockets measures how many orders one gateway takes in arrays over WebSockets.
func (b *Book) sockets(ctx context.Context) error {
	b.table.section("orders through one gateway over 8 WebSockets; every service and the clients on this machine")
	return b.inBook(ctx, func(w *bookWorld) error {
		hosts, tokens, err := w.desk(ctx, 1)
		if err != nil {
			return err
		}
		if err := b.seen(ctx, w, hosts, tokens); err != nil {
			return err
		}
		used := w.watch("sockets", b.Window)
		sockets, err := b.drive(ctx, driveSpec{Hosts: hosts, Tokens: tokens, Sockets: true, Clients: 8, Many: 100, Pipelined: 8})
		if err != nil {
			return fmt.Errorf("sockets: %w", err)
		}
		b.table.rate("arrays of 100, 8 under way on each", sockets.Orders, "orders/s", 250_000)
		used.tell(&b.table, sockets.CPU)
		return nil
	}, busy...)
}

// latency measures single orders at a rate that is far from the limit.
func (b *Book) latency(ctx context.Context) error {
	b.table.section(fmt.Sprintf("%d orders a second offered over HTTP", b.Rate))
	var single time.Duration
	for _, gateways := range b.Gateways {
		if gateways == 0 {
			b.say("  beside a backfill")
			if err := b.beside(ctx); err != nil {
				return fmt.Errorf("beside a backfill: %w", err)
			}
			continue
		}
		b.say("  %d gateways", gateways)
		err := b.inBook(ctx, func(w *bookWorld) error {
			d, used, err := b.offered(ctx, w, gateways)
			if err != nil {
				return err
			}
			p50, p99 := at(d.Took, 0.5), at(d.Took, 0.99)
			if gateways == 1 {
				single = p50
				b.table.fine("one gateway p50", p50, 2500*time.Microsecond)
				b.table.fine("one gateway p99", p99, 10*time.Millisecond)
			} else {
				b.table.fine(fmt.Sprintf("%d gateways p50", gateways), p50, 0)
				b.table.fine(fmt.Sprintf("%d gateways p99", gateways), p99, 0)
			}
			if gateways > 1 && single > 0 {
				b.table.atMost(fmt.Sprintf("%d gateways p50 / one gateway", gateways), float64(p50)/float64(single), 2)
			}
			b.table.rate("  orders answered", d.Orders, "orders/s", 0)
			used.tell(&b.table, d.CPU)
			return nil
		}, busy...)
		if err != nil {
			return fmt.Errorf("%d gateways: %w", gateways, err)
		}
	}
	return nil
}

func (b *Book) offered(ctx context.Context, w *bookWorld, gateways int) (driven, *usage, error) {
	hosts, tokens, err := w.desk(ctx, gateways)
	if err != nil {
		return driven{}, nil, err
	}
	if err := b.seen(ctx, w, hosts, tokens); err != nil {
		return driven{}, nil, err
	}
	used := w.watch(fmt.Sprintf("gateways-%d", gateways), b.Window)
	d, err := b.drive(ctx, driveSpec{Hosts: hosts, Tokens: tokens, Clients: min(b.Clients, 64), Many: 1, Rate: b.Rate})
	return d, used, err
}

// beside measures the same while the event-handler and the writer index a chain
// from its first block.
func (b *Book) beside(ctx context.Context) error {
	blocks := max(50, int(b.Window/time.Second)*1500) // 150,000 logs a second: more than it does
	shape := Shape{Blocks: blocks, Logs: 100, PerTx: 10}
	node, err := (&Bench{Bin: b.Bin}).node(helperReplay, nodeSpec{Synth: &shape})
	if err != nil {
		return err
	}
	defer node.stop()
	w, err := b.newBookWorld(ctx, node, networkConfig(node.load, "logs"), busy...)
	if err != nil {
		return err
	}
	defer w.close()
	file, err := config.Load(w.config)
	if err != nil {
		return err
	}
	w.subject = file.Networks[0].Subject()
	hosts, tokens, err := w.desk(ctx, 1)
	if err != nil {
		return err
	}
	if err := b.seen(ctx, w, hosts, tokens); err != nil {
		return err
	}
	handler, err := w.start("event-handler")
	if err != nil {
		return err
	}
	if err := w.until(ctx, 30*time.Second, 10*time.Millisecond, func() (bool, string) {
		m, err := w.read.Last(ctx, chainv1.Stream, w.subject)
		return err == nil && m != nil, fmt.Sprint("nothing of the chain yet: ", err)
	}); err != nil {
		return err
	}
	cpu, used := handler.cpu(), w.watch("beside", b.Window)
	d, err := b.drive(ctx, driveSpec{Hosts: hosts, Tokens: tokens, Clients: min(b.Clients, 64), Many: 1, Rate: b.Rate})
	if err != nil {
		return err
	}
	b.table.fine("one gateway beside a backfill p50", at(d.Took, 0.5), 3500*time.Microsecond)
	b.table.fine("one gateway beside a backfill p99", at(d.Took, 0.99), 0)
	b.table.ratio("  processors that the event-handler took meanwhile", (handler.cpu()-cpu).Seconds()/b.Window.Seconds(), 0)
	used.tell(&b.table, d.CPU)
	return nil
}
