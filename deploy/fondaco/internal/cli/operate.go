package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/deploy/fondaco/internal/profile"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/proto/topology"
)

// target is the system that a command is for: the one of a data folder, or one
// whose bus is named.
type target struct {
	dataDir string
	nats    []string
	config  string
	timeout time.Duration
}

func (t *target) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.dataDir, "data-dir", "", "data folder of the running system (FONDACO_DATA_DIR, default "+house.DefaultDataDir+")")
	f.DurationVar(&t.timeout, "timeout", 30*time.Second, "how long to wait for the system")
}

func (t *target) busFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&t.nats, "nats", nil, "NATS URLs of the system, instead of --data-dir; the password comes from FONDACO_NATS_PASSWORD")
}

func (t *target) run() (home.Run, error) {
	dir := t.dataDir
	if dir == "" {
		dir = os.Getenv("FONDACO_DATA_DIR")
	}
	if dir == "" {
		dir = house.DefaultDataDir
	}
	return home.ReadRun(dir)
}

// connect opens the bus as the user. With --nats, run.json is not read.
func (t *target) connect(ctx context.Context, user string) (*bus.Bus, home.Run, error) {
	cfg := bus.Config{Name: "fondaco " + user, User: user}
	var run home.Run
	if len(t.nats) > 0 {
		if t.dataDir != "" {
			return nil, run, errors.New("give either --data-dir or --nats")
		}
		r := env.New(os.LookupEnv)
		cfg.URL = joined(t.nats)
		cfg.User = r.String("FONDACO_NATS_USER", user)
		cfg.Password = r.Secret("FONDACO_NATS_PASSWORD", "")
	} else {
		var err error
		if run, err = t.run(); err != nil {
			return nil, run, err
		}
		cfg.URL, cfg.Password = run.NATS.URL, env.Secret(run.NATS.Users[user])
	}
	b, err := bus.Connect(ctx, cfg, zap.NewNop())
	return b, run, err
}

func joined(urls []string) string {
	out := urls[0]
	for _, u := range urls[1:] {
		out += "," + u
	}
	return out
}

func streamsCommand() *cobra.Command {
	var t target
	var monitors []string
	var profileName string
	apply := &cobra.Command{
		Use:   "apply",
		Short: "Make or update streams and buckets, and check that every server acks only after fsync",
		Long: "Makes or updates streams, buckets and object stores, asks every server by its monitoring pages whether it acks\n" +
			"only after fsync, and writes the verdict where services look for it before they start.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			b, run, err := t.connect(ctx, topology.UserProvisioner)
			if err != nil {
				return err
			}
			defer b.Close()
			system := infra.System{Profile: run.Profile, ManualDeposits: run.ManualDeposits}
			if run.PID == 0 {
				if system, err = externalSystem(profileName); err != nil {
					return err
				}
			} else if len(monitors) == 0 {
				monitors = []string{run.NATS.MonitorURL}
			}
			if len(monitors) == 0 {
				return errors.New("--monitor is required with --nats: the monitoring URL of every server, such as http://nats:8222")
			}
			if err := infra.Provision(ctx, b.JetStream(), system, monitors...); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "streams, buckets and the verdict are in place")
			return b.CheckDurable(ctx)
		},
	}
	t.flags(apply)
	t.busFlags(apply)
	apply.Flags().StringSliceVar(&monitors, "monitor", nil, "monitoring URLs of every server, such as http://nats:8222")
	apply.Flags().StringVar(&profileName, "profile", "", "profile of the whole system (FONDACO_PROFILE, default production)")
	return group("streams", "Look after the streams", apply, trimCommand(), resumeCommand())
}

// externalSystem is the profile of a system that this command does not run.
func externalSystem(flag string) (infra.System, error) {
	r := env.New(os.LookupEnv)
	manual := r.Bool("FONDACO_ALLOW_MANUAL_DEPOSITS", false)
	p, err := profile.Choose(flag, os.LookupEnv, false)
	if err != nil {
		return infra.System{}, err
	}
	values := map[string]string{}
	for _, name := range []string{"FONDACO_ALLOW_MANUAL_DEPOSITS", "FONDACO_ALLOW_LAZY_SYNC", "FONDACO_NATS_PASSWORD"} {
		values[name] = os.Getenv(name)
	}
	if err := errors.Join(r.Err(), profile.Check(p, profile.Settings{Values: values})); err != nil {
		return infra.System{}, err
	}
	return infra.System{Profile: string(p), ManualDeposits: manual}, nil
}

func accountCommand() *cobra.Command {
	var t target
	var role string
	var deposits []string
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account, or a new token for the one of that name",
		Long: "Makes an account and prints one JSON line {\"account\",\"token\"}. The token is shown this once: the system keeps\n" +
			"its hash only. A second call with the same NAME issues a new token for the same account and repeats no deposit.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			created, err := createAccount(ctx, t, args[0], role, deposits)
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(created)
		},
	}
	t.flags(create)
	t.busFlags(create)
	create.Flags().StringVar(&role, "role", "", "trader, reader, operator, auditor or admin; required")
	create.Flags().StringArrayVar(&deposits, "deposit", nil, "ASSET=AMOUNT, once per asset; demo and dev systems only")
	create.Flags().StringVar(&t.config, "config", "", "fondaco.yaml, for --deposit with --nats (FONDACO_CONFIG)")
	return group("account", "Look after accounts", create, revokeCommand())
}

func revokeCommand() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "End a token, which is read from standard input",
		Long: "Ends the token on the first line of standard input: arguments are seen by everybody on the machine. Sockets that\n" +
			"signed in with it are closed; the account keeps its other tokens.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), t.timeout)
			defer cancel()
			line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 1<<10)).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading the token: %w", err)
			}
			token := strings.TrimSpace(line)
			if token == "" {
				return errors.New("no token on standard input")
			}
			b, _, err := t.connect(ctx, topology.UserOperator)
			if err != nil {
				return err
			}
			defer b.Close()
			if err := operator.RevokeToken(ctx, b, token); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the token is revoked")
			return nil
		},
	}
	t.flags(cmd)
	t.busFlags(cmd)
	return cmd
}

func createAccount(ctx context.Context, t target, name, roleName string, deposits []string) (operator.Created, error) {
	role, ok := identityv1.ParseRole(roleName)
	if !ok {
		return operator.Created{}, fmt.Errorf("--role %q is not one of trader, reader, operator, auditor, admin", roleName)
	}
	b, run, err := t.connect(ctx, topology.UserOperator)
	if err != nil {
		return operator.Created{}, err
	}
	defer b.Close()
	account := operator.Account{Name: name, Role: role}
	if len(deposits) > 0 {
		system, err := infra.ReadSystem(ctx, b.JetStream())
		if err != nil {
			return operator.Created{}, err
		}
		if err := operator.MayDeposit(system); err != nil {
			return operator.Created{}, err
		}
		path := run.Config
		for _, p := range []string{t.config, os.Getenv("FONDACO_CONFIG")} {
			if path == "" {
				path = p
			}
		}
		if path == "" {
			return operator.Created{}, errors.New("--config is required for --deposit with --nats: it names the venue and the assets' scales")
		}
		file, err := config.Load(path)
		if err != nil {
			return operator.Created{}, err
		}
		if file.Venue == "" {
			return operator.Created{}, errors.New("the configuration has no venue: there is nothing to deposit to")
		}
		account.Venue = file.Venue
		if account.Deposits, err = operator.ParseDeposits(deposits, file); err != nil {
			return operator.Created{}, err
		}
	}
	return operator.CreateAccount(ctx, b, account)
}

func logLevelCommand() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "log-level SERVICE LEVEL",
		Short: "Change how much a service says, while it runs",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := t.run()
			if err != nil {
				return err
			}
			level, err := operator.SetLogLevel(cmd.Context(), run, args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], level)
			return nil
		},
	}
	t.flags(cmd)
	return cmd
}

func statusCommand() *cobra.Command {
	var t target
	var base string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how far each network is",
		Long: "Prints a line a network: heights, what is proved of it (complete from and checked up to which height, and by what\n" +
			"an absent event is excluded) and what is wrong: \"ok\" alone says that nothing is. With --data-dir it also says whether\n" +
			"blocks are unproven or the second look stands still, and what each service waits for.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var admin map[string]string
			if base == "" {
				run, err := t.run()
				if err != nil {
					return err
				}
				base, admin = run.HTTP, run.Admin
			}
			s, err := operator.ReadStatus(cmd.Context(), base)
			if err != nil {
				return err
			}
			var told operator.Endpoints
			if admin != nil {
				ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second) // the rest is worth printing without it
				told, err = t.endpoints(ctx)
				cancel()
				if err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "what the event-handlers know is not shown: %v\n", err)
				}
			}
			if err := s.Print(cmd.OutOrStdout(), told, time.Now()); err != nil || admin == nil {
				return err
			}
			return operator.PrintWaiting(cmd.Context(), cmd.OutOrStdout(), admin)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&base, "url", "", "base URL of an api, instead of --data-dir")
	return cmd
}
