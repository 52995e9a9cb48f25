// Command bench-api measures what clients of the api get over REST and the live
// feed and prints one table; `make bench-api` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"fondaco.dev/deploy/fondaco/bench"
)

func main() {
	if is, err := bench.Helper(os.Args[1:]); is {
		exit(err)
	}
	b := &bench.API{Out: os.Stdout, Progress: os.Stderr}
	quick := flag.Bool("quick", false, "small sizes: shows that everything works, measures nothing")
	flag.StringVar(&b.Bin, "bin", "", "folder of the services' programs (default: build them)")
	flag.IntVar(&b.Rows, "rows", 0, "blocks behind the lists (default 10,000,000)")
	flag.IntVar(&b.Sockets, "sockets", 0, "connections (default 10,000)")
	flag.DurationVar(&b.Window, "window", 0, "length of a measurement (default 3s)")
	only := flag.String("only", "", "parts to run, of "+strings.Join(bench.APIParts, ",")+" (default: all)")
	flag.Parse()
	if *quick {
		b.Quick()
	}
	b.Only = strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(b.Run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-api:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
