// Command bench-book measures the order book from the bare engine to orders over
// HTTP and prints one table; `make bench-book` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"fondaco.dev/deploy/fondaco/bench"
	"fondaco.dev/pkg/run"
)

func main() {
	if is, err := bench.Helper(os.Args[1:]); is {
		exit(err)
	}
	run.SetThreads(run.Prompt) // NATS is in this process, as it is in the house's
	b := &bench.Book{Out: os.Stdout, Progress: os.Stderr}
	quick := flag.Bool("quick", false, "small sizes: shows that everything works, measures nothing")
	flag.StringVar(&b.Bin, "bin", "", "folder of the services' programs (default: build them)")
	only := flag.String("only", "", "parts to run, of "+strings.Join(bench.BookParts, ",")+" (default: all)")
	flag.StringVar(&b.Profiles, "profiles", "", "folder for CPU profiles of the runs over HTTP (default: none)")
	flag.DurationVar(&b.Window, "window", 0, "of each measurement over HTTP (default 8s)")
	flag.IntVar(&b.Clients, "clients", 0, "connections of the throughput runs (default 256)")
	flag.IntVar(&b.Rate, "rate", 0, "orders a second offered in the latency runs (default 2000)")
	gateways := flag.String("gateways", "", "replicas of the api in the latency runs, 0 = one beside a backfill (default 1,2,8,0)")
	env := flag.String("env", "", "more settings of the services, NAME=value, comma separated")
	flag.Parse()
	comma := func(r rune) bool { return r == ',' }
	b.Env = strings.FieldsFunc(*env, comma)
	for _, text := range strings.FieldsFunc(*gateways, comma) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			exit(fmt.Errorf("-gateways: %q is no number of replicas", text))
		}
		b.Gateways = append(b.Gateways, n)
	}
	if *quick {
		b.Quick()
	}
	b.Only = strings.FieldsFunc(*only, comma)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(b.Run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-book:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
