package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/topology"
)

// maxMessage of a maintenance, in bytes: it goes into every refusal.
const maxMessage = 1000

func maintenanceCommand() *cobra.Command {
	return group("maintenance", "Close the house to clients, and open it", maintenanceOn(), maintenanceOff(), maintenanceStatus())
}

// closing runs fn with a connection that may close the house.
func (t *target) closing(ctx context.Context, fn func(context.Context, *bus.Bus) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	b, _, err := t.connect(ctx, topology.UserProvisioner)
	if err != nil {
		return err
	}
	defer b.Close()
	return fn(ctx, b)
}

func maintenanceOn() *cobra.Command {
	var t target
	var message, scope string
	cmd := &cobra.Command{
		Use:   "on",
		Short: "Refuse what clients ask, with a message",
		Long: "Closes every api replica within a second: with --scope writes new orders and changes of orders are refused, reads go\n" +
			"on and cancels and keep-alives pass; with --scope all everything is refused but /livez, /readyz and /version, and no\n" +
			"socket is opened. Sockets that are open stay, and are told on the channel status. Refused is 503 with Retry-After, the\n" +
			"code maintenance and the message; a browser gets a page. Refused when maintenance is on already.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			message = strings.TrimSpace(message)
			switch {
			case message == "" || len(message) > maxMessage:
				return fmt.Errorf("--message wants 1 to %d bytes: clients and people read it", maxMessage)
			case scope != bus.ScopeWrites && scope != bus.ScopeAll:
				return fmt.Errorf("--scope %q is neither %s nor %s", scope, bus.ScopeWrites, bus.ScopeAll)
			}
			return t.closing(cmd.Context(), func(ctx context.Context, b *bus.Bus) error {
				m := bus.Maintenance{Scope: scope, Message: message, Since: time.Now().UTC().Truncate(time.Second)}
				if err := bus.StartMaintenance(ctx, b.JetStream(), m); errors.Is(err, bus.ErrMaintenance) {
					return fmt.Errorf("%w: see `fondaco maintenance status`, and end it with `fondaco maintenance off`", err)
				} else if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "maintenance is on: %s\n", stopped(scope))
				return nil
			})
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	cmd.Flags().StringVar(&message, "message", "", "what clients and people are told; required")
	cmd.Flags().StringVar(&scope, "scope", bus.ScopeWrites, "what is refused: writes or all")
	_ = cmd.MarkFlagRequired("message")
	return cmd
}

func stopped(scope string) string {
	if scope == bus.ScopeAll {
		return "everything is refused"
	}
	return "new orders are refused, reads and cancels go on"
}

func maintenanceOff() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "off",
		Short: "Serve clients again",
		Long:  "Opens every api replica within a second. Refused when maintenance is not on.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.closing(cmd.Context(), func(ctx context.Context, b *bus.Bus) error {
				m, err := bus.EndMaintenance(ctx, b.JetStream())
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "maintenance is over; it was on for %s\n", time.Since(m.Since).Round(time.Second))
				return nil
			})
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	return cmd
}

func maintenanceStatus() *cobra.Command {
	var t target
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether there is maintenance",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			b, _, err := t.connect(ctx, topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			m, err := b.Maintenance(ctx)
			switch {
			case err != nil:
				return err
			case asJSON:
				return json.NewEncoder(cmd.OutOrStdout()).Encode(m)
			case m == nil:
				fmt.Fprintln(cmd.OutOrStdout(), "maintenance is not on")
			default:
				fmt.Fprintf(cmd.OutOrStdout(), "maintenance is on since %s: %s\n%s\n", m.Since.Format(time.RFC3339), stopped(m.Scope), m.Message)
			}
			return nil
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON; null when it is not on")
	return cmd
}
