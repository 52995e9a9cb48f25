package cli

import (
	"os"

	"github.com/spf13/cobra"

	"fondaco.dev/deploy/fondaco/internal/house"
)

func devCommand() *cobra.Command {
	o := house.Options{Demo: true}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the demo from this source tree; rebuild and restart what a save changed",
		Long: "Runs every service as a program of its own, built from the source tree around the working folder. A saved file\n" +
			"has its service built and restarted; one of pkg or proto has all of them. Data is kept. A change of fondaco\n" +
			"itself needs a restart of this command.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := house.SourceRoot()
			if err != nil {
				return err
			}
			o.Environ, o.Out, o.Log = os.Environ(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			if o.Config != "" {
				o.Demo = false
			}
			return house.Dev(cmd.Context(), root, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Config, "config", "", "fondaco.yaml instead of the demo's own")
	f.StringVar(&o.DataDir, "data-dir", "", "where everything is kept (default "+house.DefaultDataDir+")")
	f.StringVar(&o.HTTP, "http", "", "address of the api (default "+house.DefaultHTTP+")")
	f.StringVar(&o.Profile, "profile", "dev", "dev, staging or review")
	return cmd
}
