// Command bench-chain measures the chain's way from the node to a queryable
// row and prints one table; `make bench-chain` runs it.
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
	b := &bench.Bench{Out: os.Stdout, Progress: os.Stderr}
	quick := flag.Bool("quick", false, "small sizes: shows that everything works, measures nothing")
	flag.IntVar(&b.Rows, "rows", 0, "rows of the flat run (default 1,000,000)")
	flag.IntVar(&b.Sparse, "sparse", 0, "blocks of the sparse chain (default 200,000)")
	flag.IntVar(&b.Samples, "samples", 0, "blocks of the latency run (default 200)")
	flag.StringVar(&b.Bin, "bin", "", "folder of the services' programs (default: build them)")
	flag.StringVar(&b.Profiles, "profiles", "", "folder for CPU profiles of the services (default: none)")
	flag.BoolVar(&b.Cold, "cold", false, "measure with a Postgres that has just started")
	only := flag.String("only", "", "parts to run, of dense,head,staged,flat,verify,sparse (default: all)")
	env := flag.String("env", "", "more settings of the services: NAME=value,NAME=value")
	flag.Parse()
	if *quick {
		b.Quick()
	}
	split := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ',' })
	}
	b.Only, b.Env = split(*only), split(*env)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(b.Run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-chain:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
