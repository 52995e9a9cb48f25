package command

import (
	"context"
	"flag"
	"fmt"
	"io"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/writer/internal/redecode"
	"fondaco.dev/services/writer/internal/schema"
)

// redecoding are the arguments of `redecode`.
type redecoding struct {
	config, from string
	promote      bool
}

func parseRedecode(args []string, lookup env.Lookup) (redecoding, error) {
	var r redecoding
	flags := flag.NewFlagSet("redecode", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&r.config, "config", "", "")
	flags.StringVar(&r.from, "from", "", "")
	flags.BoolVar(&r.promote, "promote", false, "")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		return r, errUsage
	}
	if r.config == "" {
		e := env.New(lookup)
		r.config = e.Required("FONDACO_CONFIG")
		return r, e.Err()
	}
	return r, nil
}

// run takes as long as it takes: it reads and writes every row of the index.
func (r redecoding) run(ctx context.Context, url env.Secret, stdout io.Writer) error {
	file, err := config.Load(r.config)
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, url, 2, "writer redecode", zap.NewNop())
	if err != nil {
		return err
	}
	defer pool.Close()
	report, err := redecode.Run(ctx, pool, file, r.from)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "build %s is filled from build %s\n", report.To, report.From)
	for i := range report.Networks {
		print(stdout, &report.Networks[i])
	}
	if !r.promote {
		fmt.Fprintf(stdout, "start a writer with this configuration; it goes on from there, and serves the build once it caught up. By hand: writer promote --build %s\n", report.To)
		return nil
	}
	if err := schema.Promote(ctx, pool, report.To); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "build %s is live; it stands still until a writer with this configuration runs\n", report.To)
	return nil
}

func print(stdout io.Writer, n *redecode.Network) {
	var left int64
	for _, u := range n.Undecoded {
		left += u.Rows
	}
	fmt.Fprintf(stdout, "network %s: %d events up to message %d: %d as they were, %d changed (%d of them could not be decoded before), %d cannot be decoded\n",
		n.Name, n.Events, n.Seq, n.Events-n.Changed, n.Changed, n.Mended, left)
	for _, u := range n.Undecoded {
		fmt.Fprintf(stdout, "  %d of %s: %s\n", u.Rows, u.Contract, u.Error)
	}
}
