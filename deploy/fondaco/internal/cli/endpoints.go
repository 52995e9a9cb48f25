package cli

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/proto/topology"
)

func endpointsCommand() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "endpoints",
		Short: "Say what is known of each node that is asked",
		Long: "Prints a table a network: state (healthy, resting, wrong_chain, deviating, behind, pruned), latency, head, finalized\n" +
			"height, the lowest height served, window of eth_getLogs, calls, errors and the last error. * is the one that is followed.\n" +
			"Names are scheme and host; several of one host are numbered in the order of the configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			b, _, err := t.connect(ctx, topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			e, err := operator.ReadEndpoints(ctx, b)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(e)
			}
			return e.Print(cmd.OutOrStdout(), time.Now())
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
