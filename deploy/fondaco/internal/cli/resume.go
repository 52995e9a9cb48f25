package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/resume"
	"fondaco.dev/proto/topology"
)

func resumeCommand() *cobra.Command {
	var t target
	var discard bool
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Let a lost IDENTITY stream go on where the database stands",
		Long: "For a bus that was lost for good: accounts and tokens are in the database, and the writer waits for the request behind\n" +
			"the last one that it stored. Lets the new, empty stream go on there; what it holds of another life, which nobody has\n" +
			"answered, is thrown away with --discard only. A stream that goes on already is left alone. Prints one JSON line. The\n" +
			"database is FONDACO_PG_URL, or the running system's. A venue's streams are brought back by `fondaco book rebuild`.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			pool, err := t.pool(ctx, "fondaco streams resume")
			if err != nil {
				return err
			}
			defer pool.Close()
			b, _, err := t.connect(ctx, topology.UserProvisioner)
			if err != nil {
				return err
			}
			defer b.Close()
			r, err := resume.Identity(ctx, b, pool, discard)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	cmd.Flags().BoolVar(&discard, "discard", false, "throw away what the stream holds that the database does not know")
	return cmd
}
