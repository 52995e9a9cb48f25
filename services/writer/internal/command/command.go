// Package command is the writer's operator commands.
package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/services/writer/internal/schema"
)

const usage = `usage: writer                                       serve
       writer healthcheck                           is the one beside it ready?
       writer migrate status|up                     the database's migrations
       writer promote --build B                     serve build B from now on
       writer reset --build B --partition SUBJECT   index one network anew
       writer deadletters list [--network N]        units that could not be applied
       writer deadletters replay --id ID|--all|--network N
       writer redecode [--config FILE] [--from B] [--promote]
                                                    fill the configuration's build from another one (default: the
                                                    live one) of the same subjects, after an ABI was mended
The database is that of FONDACO_PG_URL.
`

// Run carries one command out and returns the exit code: 0 done, 1 failed, 2
// not understood.
func Run(args []string, lookup env.Lookup, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, args, lookup, stdout)
	switch {
	case err == errUsage:
		fmt.Fprint(stderr, usage)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "writer: %v\n", err)
		return 1
	}
	return 0
}

var errUsage = fmt.Errorf("usage")

func dispatch(ctx context.Context, args []string, lookup env.Lookup, stdout io.Writer) error {
	flags := flag.NewFlagSet("writer", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var dead letters
	var again redecoding
	build, partition := flags.String("build", "", ""), flags.String("partition", "", "")
	switch args[0] {
	case "migrate":
		if len(args) != 2 || (args[1] != "status" && args[1] != "up") {
			return errUsage
		}
	case "promote", "reset":
		if flags.Parse(args[1:]) != nil || flags.NArg() > 0 || *build == "" || (args[0] == "reset") != (*partition != "") {
			return errUsage
		}
	case "deadletters":
		var err error
		if dead, err = parseLetters(args[1:]); err != nil {
			return err
		}
	case "redecode":
		var err error
		if again, err = parseRedecode(args[1:], lookup); err != nil {
			return err
		}
	default:
		return errUsage
	}
	r := env.New(lookup)
	url := env.Secret(r.Required("FONDACO_PG_URL"))
	if err := r.Err(); err != nil {
		return err
	}
	if args[0] == "migrate" {
		return migrate(ctx, args[1], url, stdout)
	}
	if args[0] == "redecode" {
		return again.run(ctx, url, stdout)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pool, err := pg.Open(ctx, url, 2, "writer "+args[0], zap.NewNop())
	if err != nil {
		return err
	}
	defer pool.Close()
	if args[0] == "deadletters" {
		return dead.run(ctx, pool, stdout)
	}
	if args[0] == "promote" {
		if err := schema.Promote(ctx, pool, *build); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "build %s is live\n", *build)
		return nil
	}
	if err := schema.Reset(ctx, pool, *build, *partition); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "partition %s of build %s is empty and will be indexed anew\n", *partition, *build)
	return nil
}

func migrate(ctx context.Context, verb string, url env.Secret, stdout io.Writer) error {
	if verb == "up" {
		applied, err := schema.Migrate(ctx, url)
		if err != nil {
			return err
		}
		for _, m := range applied {
			fmt.Fprintf(stdout, "applied %05d %s\n", m.Version, m.Name)
		}
		if len(applied) == 0 {
			fmt.Fprintln(stdout, "nothing to do")
		}
		return nil
	}
	list, err := schema.Status(ctx, url)
	if err != nil {
		return err
	}
	for _, m := range list {
		state := "pending"
		if !m.AppliedAt.IsZero() {
			state = "applied " + m.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(stdout, "%05d %-24s %s\n", m.Version, m.Name, state)
	}
	return nil
}
