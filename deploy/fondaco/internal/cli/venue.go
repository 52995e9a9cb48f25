package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/pkg/bus"
)

func venueCommand() *cobra.Command {
	var d, c, v desk
	accept := &cobra.Command{
		Use:   "accept-time",
		Short: "End the halt of a venue whose server clock ran ahead, once the clock is right",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				if err := operator.AcceptTime(ctx, b, venue); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "venue %s takes the server's time\n", venue)
				return nil
			})
		},
	}
	d.flags(accept)
	var account uint64
	var symbol string
	cancel := &cobra.Command{
		Use:   "cancel-all",
		Short: "Cancel every order of the venue, of an account or of a market",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				market := uint32(0)
				if symbol != "" {
					dir, err := operator.ReadDirectory(ctx, b, venue)
					if err != nil {
						return err
					}
					m, err := dir.Market(symbol)
					if err != nil {
						return err
					}
					market = m.Market
				}
				if err := operator.CancelAll(ctx, b, venue, account, market); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "the orders are canceled")
				return nil
			})
		},
	}
	c.flags(cancel)
	cancel.Flags().Uint64Var(&account, "account", 0, "only this account's")
	cancel.Flags().StringVar(&symbol, "market", "", "only this market's")
	activate := &cobra.Command{
		Use:   "activate VERSION",
		Short: "Raise the version of the order book's behaviour by one",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return fmt.Errorf("reading the version %q: %w", args[0], err)
			}
			return v.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				if err := operator.Activate(ctx, b, venue, uint32(version)); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "venue %s behaves by version %d\n", venue, version)
				return nil
			})
		},
	}
	v.flags(activate)
	return group("venue", "Look after the order book", accept, cancel, activate)
}
