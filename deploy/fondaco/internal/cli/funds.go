package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/pkg/bus"
)

// fundsCommand moves money by hand.
func fundsCommand() *cobra.Command {
	move := func(use, short string, withdraw bool) *cobra.Command {
		var d desk
		var id string
		cmd := &cobra.Command{
			Use: use + " ACCOUNT ASSET=AMOUNT", Short: short,
			Long: short + ".\nThe --id makes a repetition harmless: an id that was used is carried out once for ever, and another content is refused.",
			Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				var account uint64
				if _, err := fmt.Sscanf(args[0], "%d", &account); err != nil || fmt.Sprint(account) != args[0] {
					return fmt.Errorf("%q is no account number, such as `fondaco account create` prints", args[0])
				}
				return d.at(cmd, func(ctx context.Context, b *bus.Bus, venue string) error {
					return moveFunds(ctx, cmd, b, venue, account, args[1], id, withdraw)
				})
			},
		}
		d.flags(cmd)
		cmd.Flags().StringVar(&id, "id", "", "unique for ever, deposits and withdrawals together; required")
		_ = cmd.MarkFlagRequired("id")
		return cmd
	}
	return group("funds", "Move money by hand, in demo and dev systems",
		move("deposit", "Put money on an account", false), move("withdraw", "Take money off an account", true))
}

func moveFunds(ctx context.Context, cmd *cobra.Command, b *bus.Bus, venue string, account uint64, what, id string, withdraw bool) error {
	system, err := infra.ReadSystem(ctx, b.JetStream())
	if err != nil {
		return err
	}
	if err := operator.MayDeposit(system); err != nil {
		return err
	}
	dir, err := operator.ReadDirectory(ctx, b, venue)
	if err != nil {
		return err
	}
	amount, err := dir.ParseAmount(what)
	if err != nil {
		return err
	}
	if err := operator.Funds(ctx, b, venue, account, amount, id, withdraw); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "account %d: %s %s\n", account, map[bool]string{false: "got", true: "gave"}[withdraw], what)
	return nil
}
