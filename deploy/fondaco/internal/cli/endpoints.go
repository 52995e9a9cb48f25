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
		Long: "Prints the tables of each network. JSON-RPC endpoints: state (healthy, resting, wrong_chain, deviating, behind, pruned), latency, head, finalized\n" +
			"height, the lowest height served, window of eth_getLogs, calls, errors and the last error. * is the one that is followed.\n" +
			"WebSockets: hinting, silent or down. Casper: streams of each node with the last event's id, the node's version and the newest\n" +
			"block that it told, and JSON-RPC as its last call went. Then why final blocks wait to be read a second time, if they do.\n" +
			"Names are scheme and host; several of one host are numbered in the order of the configuration.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := t.endpoints(cmd.Context())
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

// endpoints is what the event-handlers know, with a bound on how long they are
// asked for it.
func (t *target) endpoints(ctx context.Context) (operator.Endpoints, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	b, _, err := t.connect(ctx, topology.UserOperator)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return operator.ReadEndpoints(ctx, b)
}
