package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/services/api/client/limits"
)

// redis is where the limits are shared: FONDACO_REDIS_URL of the environment or,
// without one, the Redis of the running system.
func (t *target) redis() (rds.Config, error) {
	if os.Getenv("FONDACO_REDIS_URL") != "" && t.dataDir == "" {
		r := env.New(os.LookupEnv)
		cfg := rds.ConfigFromEnv(r)
		return cfg, r.Err()
	}
	run, err := t.run()
	return rds.Config{URL: env.Secret(run.Redis)}, err
}

func limitsCommand() *cobra.Command {
	return group("limits", "Look at how much clients send", showLimits(), resetLimit())
}

func showLimits() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [KEY]",
		Short: "Print what is counted of each client, or of one",
		Long: "Prints a line a key, the most used first. KEY is class:kind:who, such as order:account:7, read:address:192.0.2.1 or\n" +
			"read:token:00112233aabbccdd; an IPv6 client counts as its /64. What the replicas hold on lease counts as used. A key whose\n" +
			"whole burst is free is not there. The Redis is FONDACO_REDIS_URL, or the running system's.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			cfg, err := t.redis()
			if err != nil {
				return err
			}
			key := ""
			if len(args) > 0 {
				key = args[0]
			}
			counted, err := limits.Show(ctx, cfg, key)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(counted)
			}
			if len(counted) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing is counted now: the whole burst is free")
				return nil
			}
			tab := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(tab, "key\tper second\tburst\tfree\tall free in")
			for _, c := range counted {
				fmt.Fprintf(tab, "%s\t%d\t%d\t%.0f\t%s\n", c.Key, c.PerSecond, c.Burst, c.Left, time.Duration(c.FullInMS)*time.Millisecond)
			}
			return tab.Flush()
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func resetLimit() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "reset KEY",
		Short: "Give a client its whole burst at once",
		Long: "Forgets what is counted under a key of `limits show`, on every replica. Refused when nothing is. A client that\n" +
			"goes on as before is limited again: its rate is the api's setting.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			cfg, err := t.redis()
			if err != nil {
				return err
			}
			if err := limits.Reset(ctx, cfg, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has its whole burst\n", args[0])
			return nil
		},
	}
	t.flags(cmd)
	return cmd
}
