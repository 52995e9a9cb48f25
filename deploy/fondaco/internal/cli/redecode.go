package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
)

func redecodeCommand() *cobra.Command {
	var t target
	var from string
	var promote bool
	cmd := &cobra.Command{
		Use:   "redecode",
		Short: "Decode the index anew after an ABI was mended",
		Long: "Fills the build of the configuration from the live one inside the database: the stored logs are decoded anew by the\n" +
			"mended ABIs, everything else is copied. Nothing is fetched and the running writer is not disturbed; a writer that is\n" +
			"started with the configuration goes on where the copy ends. A configuration that fetches anything else is refused.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := t.config
			if path == "" {
				path = os.Getenv("FONDACO_CONFIG")
			}
			if path == "" {
				run, err := t.run()
				if err != nil {
					return err
				}
				path = run.Config
			}
			if path == "" {
				return errors.New("--config is required: the fondaco.yaml with the mended ABI")
			}
			args := []string{"redecode", "--config", path}
			if from != "" {
				args = append(args, "--from", from)
			}
			if promote {
				args = append(args, "--promote")
			}
			return writerCommand(cmd, &t, args...)
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&t.config, "config", "", "fondaco.yaml with the mended ABI (FONDACO_CONFIG, default: the running system's)")
	cmd.Flags().StringVar(&from, "from", "", "build to fill from (default: the live one)")
	cmd.Flags().BoolVar(&promote, "promote", false, "serve the build at once")
	return cmd
}
