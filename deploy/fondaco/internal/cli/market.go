package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
)

// desk is what commands for an order book share.
type desk struct {
	target
	venue string
}

func (d *desk) flags(cmd *cobra.Command) {
	d.target.flags(cmd)
	d.busFlags(cmd)
	cmd.Flags().StringVar(&d.venue, "venue", "", "name of the venue (default: the running system's)")
}

// at carries something out at the venue, within the timeout.
func (d *desk) at(cmd *cobra.Command, do func(ctx context.Context, b *bus.Bus, venue string) error) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), d.timeout)
	defer cancel()
	b, run, err := d.connect(ctx, topology.UserOperator)
	if err != nil {
		return err
	}
	defer b.Close()
	if d.venue == "" {
		d.venue = run.Venue
	}
	if d.venue == "" {
		return errors.New("--venue is required with --nats")
	}
	return do(ctx, b, d.venue)
}

// in is at for one market of the venue.
func (d *desk) in(cmd *cobra.Command, symbol string, do func(ctx context.Context, b *bus.Bus, dir *operator.Directory, m *operator.Market) error) error {
	return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
		dir, err := operator.ReadDirectory(ctx, b, venue)
		if err != nil {
			return err
		}
		m, err := dir.Market(symbol)
		if err != nil {
			return err
		}
		return do(ctx, b, dir, m)
	})
}

func marketCommand() *cobra.Command {
	return group("market", "Look after the markets of the order book",
		listMarkets(), addAsset(), addMarket(), setPhase(), setLimits(), delist())
}

func listMarkets() *cobra.Command {
	var d desk
	cmd := &cobra.Command{
		Use: "list", Short: "Print the markets, their phases and limits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				dir, err := operator.ReadDirectory(ctx, b, venue)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "MARKET\tBASE\tQUOTE\tPHASE\tENDS\tLOTS\tNOTIONAL\tCOLLAR PPM\tPAUSE PPM\tREFERENCE")
				for _, m := range dir.Markets {
					ends := "-"
					if m.EndsAtMs != 0 {
						ends = time.UnixMilli(m.EndsAtMs).UTC().Format(time.RFC3339)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Symbol, m.Base, m.Quote, strings.ToLower(strings.TrimPrefix(m.Phase, "PHASE_")), ends,
						between(m.MinLots, m.MaxLots), between(m.MinNotional, m.MaxNotional), orDash(m.CollarPPM), orDash(m.PausePPM), orDash(m.ReferenceTicks))
				}
				return w.Flush()
			})
		},
	}
	d.flags(cmd)
	return cmd
}

func orDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func between(low, high int64) string {
	if low == 0 && high == 0 {
		return "-"
	}
	return strings.TrimSuffix(fmt.Sprintf("%d..%s", low, orDash(high)), "-")
}

func addAsset() *cobra.Command {
	var d desk
	var scale uint32
	cmd := &cobra.Command{
		Use: "add-asset NAME", Short: "Make an asset; the same again changes nothing", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				if err := operator.AddAsset(ctx, b, venue, args[0], scale); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "asset %s is there, with %d decimal places\n", args[0], scale)
				return nil
			})
		},
	}
	d.flags(cmd)
	cmd.Flags().Uint32Var(&scale, "scale", 0, "decimal places of the smallest unit, 0 to 18; never changes")
	return cmd
}

// limitFlags reads the limits; what is not named stays.
func limitFlags(cmd *cobra.Command, l *operator.Limits) {
	f := cmd.Flags()
	f.StringVar(&l.MinQuantity, "min-quantity", "", "least quantity of an order, in whole base units; 0 lifts the limit, here and below")
	f.StringVar(&l.MaxQuantity, "max-quantity", "", "most quantity of an order")
	f.StringVar(&l.MinNotional, "min-notional", "", "least price x quantity of an order, in whole quote units")
	f.StringVar(&l.MaxNotional, "max-notional", "", "most price x quantity of an order")
	f.StringVar(&l.ReferencePrice, "reference-price", "", "price that counts as the last one before the first trade")
	f.Int64Var(&l.CollarPPM, "collar-ppm", -1, "how far from the last price an order may be, in parts per million of it (default: as it is)")
	f.Int64Var(&l.PausePPM, "pause-ppm", -1, "how far from the reference of the pause a trade may be before an auction begins instead (default: as it is)")
	f.DurationVar(&l.Pause, "pause-for", -1, "how long such an auction is (default: as it is)")
	for _, name := range []string{"collar-ppm", "pause-ppm", "pause-for"} {
		f.Lookup(name).DefValue = "" // -1 is no value that anybody gives
	}
}

func addMarket() *cobra.Command {
	var d desk
	var n operator.NewMarket
	var phase string
	cmd := &cobra.Command{
		Use:   "add SYMBOL",
		Short: "Make a market of two assets that the venue has; the same again changes nothing",
		Long: "Makes a market. Its assets, tick, lot and fees never change; `fondaco market limits` and `phase` change the rest.\n" +
			"It lives in the stream: the configuration need not name it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Symbol = args[0]
			if n.Phase, err = operator.ParsePhase(phase); err != nil {
				return fmt.Errorf("--phase: %w", err)
			}
			return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
				dir, err := operator.ReadDirectory(ctx, b, venue)
				if err != nil {
					return err
				}
				terms, err := n.Terms(dir)
				if err != nil {
					return err
				}
				if err := operator.AddMarket(ctx, b, venue, terms); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "market %s is there\n", n.Symbol)
				return nil
			})
		},
	}
	d.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&n.Base, "base", "", "asset that is traded; required")
	f.StringVar(&n.Quote, "quote", "", "asset that it is paid in; required")
	f.StringVar(&n.Tick, "tick", "", "price step, in whole quote units; required")
	f.StringVar(&n.Lot, "lot", "", "quantity step, in whole base units; required")
	for _, name := range []string{"base", "quote", "tick", "lot"} {
		_ = cmd.MarkFlagRequired(name)
	}
	f.Int64Var(&n.MakerFeePPM, "maker-fee-ppm", 0, "the maker's fee, in parts per million of the notional")
	f.Int64Var(&n.TakerFeePPM, "taker-fee-ppm", 0, "the taker's fee")
	f.BoolVar(&n.OneSide, "one-side", false, "an account's open orders are all on one side")
	f.DurationVar(&n.DayEnds, "day-ends", 0, "end of the day for DAY orders, after midnight UTC, such as 17h30m")
	f.StringVar(&phase, "phase", "continuous", "phase to begin in: "+strings.Join(operator.Phases(), ", "))
	limitFlags(cmd, &n.Limits)
	return cmd
}

func setPhase() *cobra.Command {
	var d desk
	var length time.Duration
	var then string
	cmd := &cobra.Command{
		Use:   "phase SYMBOL PHASE",
		Short: "Change what a market takes: " + strings.Join(operator.Phases(), ", "),
		Long: "Changes the phase of a market. An auction collects orders and matches them at one price when it ends: after\n" +
			"--for, or with the next change. `fondaco auction simulate` tells what it would do.",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			phase, err := operator.ParsePhase(args[1])
			if err != nil {
				return err
			}
			auction := phase == ordersv1.Phase_PHASE_AUCTION
			if !auction && (length != 0 || then != "") {
				return errors.New("--for and --then are for an auction")
			}
			var next ordersv1.Phase
			if then != "" {
				if next, err = operator.ParsePhase(then); err != nil {
					return fmt.Errorf("--then: %w", err)
				}
				if next == ordersv1.Phase_PHASE_AUCTION {
					return errors.New("--then: an auction does not follow an auction")
				}
			}
			var ends int64
			if length != 0 {
				ends = time.Now().Add(length).UnixMilli()
			}
			return d.in(cmd, args[0], func(ctx context.Context, b *bus.Bus, _ *operator.Directory, m *operator.Market) error {
				if err := operator.SetPhase(ctx, b, d.venue, m.Market, phase, ends, next); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "market %s: %s\n", m.Symbol, args[1])
				return nil
			})
		},
	}
	d.flags(cmd)
	cmd.Flags().DurationVar(&length, "for", 0, "how long the auction is; 0: until the next change")
	cmd.Flags().StringVar(&then, "then", "", "phase after the auction (default continuous)")
	return cmd
}

func setLimits() *cobra.Command {
	var d desk
	var l operator.Limits
	cmd := &cobra.Command{
		Use: "limits SYMBOL", Short: "Change limits of a market; those that are not named stay", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return d.in(cmd, args[0], func(ctx context.Context, b *bus.Bus, dir *operator.Directory, m *operator.Market) error {
				if err := operator.SetLimits(ctx, b, d.venue, dir, m, l); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "market %s: the limits are changed\n", m.Symbol)
				return nil
			})
		},
	}
	d.flags(cmd)
	limitFlags(cmd, &l)
	return cmd
}

func delist() *cobra.Command {
	var d desk
	var sure bool
	cmd := &cobra.Command{
		Use: "delist SYMBOL", Short: "End a market for ever: its orders are canceled and their money is released", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return fmt.Errorf("delisting %s cannot be taken back: say --yes", args[0])
			}
			return d.in(cmd, args[0], func(ctx context.Context, b *bus.Bus, _ *operator.Directory, m *operator.Market) error {
				if err := operator.Delist(ctx, b, d.venue, m.Market); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "market %s is delisted\n", m.Symbol)
				return nil
			})
		},
	}
	d.flags(cmd)
	cmd.Flags().BoolVar(&sure, "yes", false, "delisting is for ever")
	return cmd
}
