package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// BookParts are the parts of a Book run, in order.
var BookParts = []string{"engine", "bus", "replay", "restart", "failover", "http", "sockets", "latency"}

// Book measures the order book: the engine alone, packs on the bus, recovery,
// and orders over HTTP and WebSocket, with the real services as programs of their
// own, and beside them what is possible in the same run on the same machine.
// Zero sizes take the default.
type Book struct {
	Out      io.Writer // the table
	Progress io.Writer // what is being done
	Bin      string    // folder of the services' programs; "" = build them
	Only     []string  // names of parts to run, empty = all
	Profiles string    // folder for CPU profiles of the runs over HTTP, "" = none
	Env      []string  // more settings of the services, NAME=value

	Resting  []int         // sizes of the engine's books; default 100,000 and 1,000,000
	Mix      int           // commands of the engine's mix; default 1,000,000
	Repeat   int           // runs of the engine; default 5
	Commands int           // on the bus; default 2,000,000
	Open     int           // orders in the snapshot; default 1,000,000
	Window   time.Duration // of each measurement over HTTP; default 8 s
	Clients  int           // connections of the throughput runs; default 256
	Rate     int           // orders a second offered; default 2,000
	Gateways []int         // replicas of the api in the latency runs, 0 = one beside a backfill; default 1, 2, 8, 0

	table table
}

// Quick makes every size small: the run shows that all of it works, and
// measures nothing.
func (b *Book) Quick() {
	b.Resting, b.Mix, b.Repeat, b.Commands, b.Open = []int{1_000, 2_000}, 5_000, 2, 20_000, 5_000
	b.Window, b.Clients, b.Rate = 500*time.Millisecond, 16, 100
}

// Run measures everything and prints the table. What a part could not do is its
// error; the others go on.
func (b *Book) Run(ctx context.Context) error {
	b.defaults()
	for _, name := range b.Only {
		if !slices.Contains(BookParts, name) {
			return fmt.Errorf("there is no part %q: want some of %v", name, BookParts)
		}
	}
	if b.Bin == "" {
		dir, err := os.MkdirTemp("", "fondaco-bench-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.say("building the services")
		if err := build(ctx, dir, "orderbook", "writer", "api", "event-handler"); err != nil {
			return err
		}
		b.Bin = dir
	}
	parts := map[string]func(context.Context) error{
		"engine": b.engine, "bus": b.bus, "replay": b.replay, "restart": b.restart, "failover": b.failover, "http": b.http, "sockets": b.sockets, "latency": b.latency,
	}
	var errs []error
	began := time.Now()
	for _, name := range BookParts {
		if len(b.Only) > 0 && !slices.Contains(b.Only, name) {
			continue
		}
		b.say("%s", name)
		// Bounded: a part that hangs is a part that failed.
		part, cancel := context.WithTimeout(ctx, 5*time.Minute)
		err := parts[name](part)
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			b.table.failed(name, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	b.table.print(b.Out, time.Since(began))
	return errors.Join(errs...)
}

func (b *Book) defaults() {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&b.Mix, 1_000_000)
	def(&b.Repeat, 5)
	def(&b.Commands, 2_000_000)
	def(&b.Open, 1_000_000)
	def(&b.Clients, 256)
	def(&b.Rate, 2_000)
	if len(b.Resting) == 0 {
		b.Resting = []int{100_000, 1_000_000}
	}
	if len(b.Gateways) == 0 {
		b.Gateways = []int{1, 2, 8, 0}
	}
	if b.Window <= 0 {
		b.Window = 8 * time.Second
	}
}

func (b *Book) say(format string, args ...any) {
	if b.Progress != nil {
		fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}
