package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/proto/topology"
)

func venueCommand() *cobra.Command {
	var t target
	var venue string
	accept := &cobra.Command{
		Use:   "accept-time",
		Short: "End the halt of a venue whose server clock ran ahead, once the clock is right",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			b, run, err := t.connect(ctx, topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			if venue == "" {
				venue = run.Venue
			}
			if venue == "" {
				return errors.New("--venue is required with --nats")
			}
			if err := operator.AcceptTime(ctx, b, venue); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "venue %s takes the server's time\n", venue)
			return nil
		},
	}
	t.flags(accept)
	t.busFlags(accept)
	accept.Flags().StringVar(&venue, "venue", "", "name of the venue (default: the running system's)")
	return group("venue", "Look after the order book", accept)
}
