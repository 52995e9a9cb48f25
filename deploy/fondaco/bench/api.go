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

// APIParts are the parts of an API run, in order.
var APIParts = []string{"rest", "depth", "idle", "broadcast", "slow", "channels", "cross"}

// API measures what clients of the api get: REST at many rows, and the live feed
// at many connections, with the real services as programs of their own, the
// clients as another, and beside them bare programs that do the same in the same
// run. Zero sizes take the default.
type API struct {
	Out      io.Writer // the table
	Progress io.Writer // what is being done
	Bin      string    // folder of the services' programs; "" = build them
	Only     []string  // names of parts to run, empty = all

	Rows     int           // blocks behind the lists, and a tenth as many events; default 10,000,000
	Window   time.Duration // of each measurement; default 3 s
	Conns    int           // connections of the load over HTTP; default 32
	Sockets  int           // idle ones, and those of a broadcast; default 10,000
	Markets  int           // channels of the run with many of them, 5 clients each; default 200
	Orders   int           // placed on one replica and seen on another; default 500
	Deadline time.Duration // of a part; default 10 min

	book  Book
	table table
}

// Quick makes every size small: the run shows that all of it works, and measures
// nothing.
func (b *API) Quick() {
	b.Rows, b.Window, b.Conns, b.Sockets, b.Markets, b.Orders = 20_000, 300*time.Millisecond, 4, 100, 10, 20
}

// Run measures everything and prints the table. What a part could not do is its
// error; the others go on.
func (b *API) Run(ctx context.Context) error {
	b.defaults()
	for _, name := range b.Only {
		if !slices.Contains(APIParts, name) {
			return fmt.Errorf("there is no part %q: want some of %v", name, APIParts)
		}
	}
	if b.Bin == "" {
		dir, err := os.MkdirTemp("", "fondaco-bench-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		b.say("building the services")
		if err := build(ctx, dir, "orderbook", "writer", "api"); err != nil {
			return err
		}
		b.Bin = dir
	}
	b.book.Bin = b.Bin
	parts := map[string]func(context.Context) error{"rest": b.rest, "depth": b.depth, "idle": b.idle, "broadcast": b.broadcast, "slow": b.slow, "channels": b.channels, "cross": b.cross}
	var errs []error
	began := time.Now()
	for _, name := range APIParts {
		if len(b.Only) > 0 && !slices.Contains(b.Only, name) {
			continue
		}
		b.say("%s", name)
		// Bounded: a part that hangs is a part that failed.
		part, cancel := context.WithTimeout(ctx, b.Deadline)
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

func (b *API) defaults() {
	for _, d := range []struct {
		v   *int
		def int
	}{{&b.Rows, 10_000_000}, {&b.Conns, 32}, {&b.Sockets, 10_000}, {&b.Markets, 200}, {&b.Orders, 500}} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if b.Window <= 0 {
		b.Window = 3 * time.Second
	}
	if b.Deadline <= 0 {
		b.Deadline = 10 * time.Minute
	}
}

func (b *API) say(format string, args ...any) {
	if b.Progress != nil {
		fmt.Fprintf(b.Progress, format+"\n", args...)
	}
}
