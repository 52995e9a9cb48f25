package cli

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	writer "fondaco.dev/services/writer/client/command"
)

// database gives the writer's commands their settings: FONDACO_PG_URL of the
// environment or, without one, the database of the running system.
func (t *target) database() (env.Lookup, error) {
	if os.Getenv("FONDACO_PG_URL") != "" && t.dataDir == "" {
		return os.LookupEnv, nil
	}
	run, err := t.run()
	if err != nil {
		return nil, err
	}
	return func(name string) (string, bool) {
		if name == "FONDACO_PG_URL" {
			return run.Postgres.OwnerURL, true
		}
		return os.LookupEnv(name)
	}, nil
}

// pool opens that database under a name by which it lists its connections.
func (t *target) pool(ctx context.Context, name string) (*pgxpool.Pool, error) {
	lookup, err := t.database()
	if err != nil {
		return nil, err
	}
	url, _ := lookup("FONDACO_PG_URL")
	return pg.Open(ctx, env.Secret(url), 2, name, zap.NewNop())
}

// writerCommand runs one of the writer's commands on the system's database.
func writerCommand(cmd *cobra.Command, t *target, args ...string) error {
	lookup, err := t.database()
	if err != nil {
		return err
	}
	var complaint strings.Builder
	if writer.Run(args, lookup, cmd.OutOrStdout(), &complaint) != 0 {
		return errors.New(strings.TrimPrefix(strings.TrimSpace(complaint.String()), "writer: "))
	}
	return nil
}

func lettersCommand() *cobra.Command {
	var t target
	var network, id string
	var all bool
	list := &cobra.Command{
		Use:   "list",
		Short: "Print what failed or is dead",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			args := []string{"deadletters", "list"}
			if network != "" {
				args = append(args, "--network", network)
			}
			return writerCommand(cmd, &t, args...)
		},
	}
	replay := &cobra.Command{
		Use:   "replay",
		Short: "Have the writer apply dead letters after all",
		Long: "Marks dead letters as pending. The writer that owns the partition applies each within a second, in a transaction of\n" +
			"its own, when its block is still on the chain; whoever follows the feed sees the rows once. A second replay of the\n" +
			"same letter changes nothing.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			args := []string{"deadletters", "replay"}
			switch {
			case id != "":
				args = append(args, "--id", id)
			case all:
				args = append(args, "--all")
			default:
				args = append(args, "--network", network)
			}
			return writerCommand(cmd, &t, args...)
		},
	}
	t.flags(list)
	t.flags(replay)
	list.Flags().StringVar(&network, "network", "", "of this network only")
	replay.Flags().StringVar(&network, "network", "", "all of this network")
	replay.Flags().StringVar(&id, "id", "", "the one of this id, as list prints it")
	replay.Flags().BoolVar(&all, "all", false, "all of every network")
	replay.MarkFlagsOneRequired("network", "id", "all")
	replay.MarkFlagsMutuallyExclusive("network", "id", "all")
	return group("deadletters", "Look after units that could not be applied", list, replay)
}
