// Package cli is the fondaco command line.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/deploy/fondaco/internal/release"
)

// Main runs one command and returns the exit code: 0 done, 1 failed, 2 misused.
// A first SIGINT or SIGTERM asks the command to end, a second one ends the
// process at once.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	ran := false
	root := command(out, errOut, &ran)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(errOut, "fondaco: %v\n", err)
		if !ran {
			return 2
		}
		return 1
	}
	return 0
}

func command(out, errOut io.Writer, ran *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "fondaco",
		Short:         "Stores what happens on chains, serves it, and runs an order book",
		SilenceUsage:  true,
		SilenceErrors: true,
		// Arguments are right once a command's own code is reached; cobra looks at
		// its flags' rules only later.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
				return err
			}
			*ran = true
			return nil
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetOut(out)
	root.SetErr(errOut)
	root.AddCommand(upCommand(), streamsCommand(), accountCommand(), venueCommand(), marketCommand(), fundsCommand(), bookCommand(), auctionCommand(), logLevelCommand(), statusCommand(), endpointsCommand(), lettersCommand(), redecodeCommand(), limitsCommand(), maintenanceCommand(), devCommand(), &cobra.Command{
		Use: "version", Short: "Say which build this is", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), release.String()) },
	})
	return root
}

// group is a command that only holds others. Without a flag of its own it
// would say that those of a mistyped one are unknown, and cobra runs it without
// a word about an argument that is none of its commands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s is not a command by itself: see `%[1]s --help`", cmd.CommandPath())
			}
			return fmt.Errorf("unknown command %q for %q: see `%[2]s --help`", args[0], cmd.CommandPath())
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // never: Args refuses all
	}
	cmd.AddCommand(commands...)
	return cmd
}

func upCommand() *cobra.Command {
	var o house.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run every service in this process, with NATS, Postgres and Redis of their own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Environ, o.Out, o.Log = os.Environ(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return house.Up(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Config, "config", "", "fondaco.yaml: networks, contracts and markets (FONDACO_CONFIG)")
	f.StringVar(&o.DataDir, "data-dir", "", "where everything is kept (FONDACO_DATA_DIR, default "+house.DefaultDataDir+")")
	f.StringVar(&o.HTTP, "http", "", "address of the api (FONDACO_HTTP_ADDR, default "+house.DefaultHTTP+")")
	f.BoolVar(&o.Demo, "demo", false, "bring two chains, accounts and trading bots")
	f.BoolVar(&o.Ephemeral, "ephemeral", false, "keep everything in a temporary folder that is removed at the end")
	f.StringVar(&o.Profile, "profile", "", "dev, staging, production or review (FONDACO_PROFILE, default production; dev with --demo)")
	return cmd
}
