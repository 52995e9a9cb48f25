package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/orderbook/client/book"
)

// venueTarget is a system and one of its venues.
type venueTarget struct {
	target
	venue string
}

func (t *venueTarget) flags(cmd *cobra.Command) {
	t.target.flags(cmd)
	t.busFlags(cmd)
	cmd.Flags().StringVar(&t.venue, "venue", "", "name of the venue (default: the running system's)")
}

// connect opens the bus and settles the venue's name.
func (t *venueTarget) connect(ctx context.Context, user string) (*bus.Bus, error) {
	b, run, err := t.target.connect(ctx, user)
	if err != nil {
		return nil, err
	}
	if t.venue == "" {
		t.venue = run.Venue
	}
	if t.venue == "" {
		b.Close()
		return nil, errors.New("--venue is required with --nats")
	}
	return b, nil
}

func bookCommand() *cobra.Command {
	return group("book", "Verify or rebuild the order book", bookVerifyCommand(), bookRebuildCommand())
}

func bookVerifyCommand() *cobra.Command {
	var t venueTarget
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Replay all of ORDERS and compare every message of TRADES with what comes out",
		Long: "Replays ORDERS from its beginning, or from the oldest confirmed snapshot when it was trimmed, in an engine of its\n" +
			"own, and compares each message of TRADES byte for byte, digests of the state included. It disturbs nothing, prints\n" +
			"progress on standard error and the verdict as one JSON line; the exit code is 1 when the two differ.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := t.connect(cmd.Context(), topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			v, err := book.Verify(cmd.Context(), b, t.venue, func(v book.Verified) {
				fmt.Fprintf(cmd.ErrOrStderr(), "pack %d, %d events, TRADES message %d of %d\n", v.InSeq, v.Events, v.Tail, v.End)
			})
			if err != nil {
				return fmt.Errorf("the book is not what TRADES says, or cannot be compared (pack %d was the last that agreed): %w", v.InSeq, err)
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(v)
		},
	}
	t.flags(cmd)
	return cmd
}

func bookRebuildCommand() *cobra.Command {
	var t venueTarget
	var examine, discard bool
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the book's state from the writer's journal alone, and let lost streams go on behind it",
		Long: "The last resort, when ORDERS and every snapshot are lost: folds the events in trade.journal into a state, checks that\n" +
			"its digest is the one in the last output, and stores it as a snapshot. ORDERS and TRADES that are empty then go on\n" +
			"behind it, so that the order book starts. What they hold of another life, begun on empty streams, is thrown away\n" +
			"with --discard only. --examine changes nothing. The database is FONDACO_PG_URL, or the running system's.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			pool, err := t.pool(ctx, "fondaco book rebuild")
			if err != nil {
				return err
			}
			defer pool.Close()
			var b *bus.Bus
			if !examine {
				if b, err = t.connect(ctx, topology.UserProvisioner); err != nil {
					return err
				}
				defer b.Close()
			} else if t.venue == "" {
				run, err := t.run()
				if err != nil {
					return errors.Join(errors.New("--venue is required"), err)
				}
				t.venue = run.Venue
			}
			r, err := book.Rebuild(ctx, book.Postgres{Pool: pool}, b, t.venue, discard)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&examine, "examine", false, "only fold and compare the digest")
	cmd.Flags().BoolVar(&discard, "discard", false, "throw away what the streams hold that the journal does not know")
	cmd.MarkFlagsMutuallyExclusive("examine", "discard")
	return cmd
}

func auctionCommand() *cobra.Command {
	var t venueTarget
	var market string
	simulate := &cobra.Command{
		Use:   "simulate",
		Short: "Compute a market's auction without holding it",
		Long: "Asks the venue's leader what an auction of the market would do with the book as it is: price, volume and surplus, the\n" +
			"reference, and the digest of all orders that went in, which the auction's own row has too if nothing changed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			b, err := t.connect(ctx, topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			a, err := book.SimulateAuction(ctx, b, t.venue, market)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(a)
		},
	}
	t.flags(simulate)
	simulate.Flags().StringVar(&market, "market", "", "symbol; required")
	_ = simulate.MarkFlagRequired("market")
	return group("auction", "Look at call auctions", simulate)
}
