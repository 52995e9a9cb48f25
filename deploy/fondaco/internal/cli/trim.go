package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/trim"
	"fondaco.dev/proto/topology"
)

// trimReport is what streams trim prints.
type trimReport struct {
	trim.Bounds
	DryRun   bool           `json:"dry_run"`
	Subjects []trim.Trimmed `json:"subjects"`
}

func trimCommand() *cobra.Command {
	var t venueTarget
	var dry bool
	cmd := &cobra.Command{
		Use:   "trim",
		Short: "Remove from ORDERS and TRADES what a confirmed snapshot and the database stand in for",
		Long: "Purges a venue's ORDERS below the oldest confirmed snapshot, and its TRADES below that snapshot's output and the\n" +
			"writer's cursor. Every subject keeps its last message. The snapshot is loaded and compared with TRADES before; without\n" +
			"a confirmed one, or without the writer's cursor, nothing is done. Prints one JSON line; --dry-run only counts. The\n" +
			"database is FONDACO_PG_URL, or the running system's. A `book verify` that is under way meanwhile may lose its place.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			pool, err := t.pool(ctx, "fondaco streams trim")
			if err != nil {
				return err
			}
			defer pool.Close()
			b, err := t.connect(ctx, topology.UserProvisioner)
			if err != nil {
				return err
			}
			defer b.Close()
			report := trimReport{DryRun: dry}
			if report.Bounds, err = trim.Find(ctx, b, pool, t.venue); err != nil {
				return err
			}
			if report.Subjects, err = report.Purge(ctx, b, dry); err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(report)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only count what would be removed")
	// A large book takes its time to load.
	cmd.Flags().Lookup("timeout").DefValue, t.timeout = "10m0s", 10*time.Minute
	return cmd
}
