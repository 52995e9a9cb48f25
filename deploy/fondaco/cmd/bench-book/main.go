// Command bench-book measures the order book from the bare engine to orders over
// HTTP and prints one table; `make bench-book` runs it.
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
	b := &bench.Book{Out: os.Stdout, Progress: os.Stderr}
	quick := flag.Bool("quick", false, "small sizes: shows that everything works, measures nothing")
	flag.StringVar(&b.Bin, "bin", "", "folder of the services' programs (default: build them)")
	only := flag.String("only", "", "parts to run, of "+strings.Join(bench.BookParts, ",")+" (default: all)")
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
		fmt.Fprintln(os.Stderr, "bench-book:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
