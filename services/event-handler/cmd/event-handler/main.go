// The event-handler: chain nodes -> CHAIN. With --once it publishes one range and
// ends: 0 done, 1 failed, 2 arguments or settings not understood.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/run"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/event-handler/internal/once"
)

func main() {
	load := eventhandler.ConfigFromEnv
	if len(os.Args) > 1 && os.Args[1] != "healthcheck" {
		opts, err := once.Parse(os.Args[1:])
		if errors.Is(err, flag.ErrHelp) {
			fmt.Print(once.Usage)
			return
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "event-handler: %v\n%s", err, once.Usage)
			os.Exit(2)
		}
		opts.Out = os.Stdout
		load = func(lookup env.Lookup) (eventhandler.Config, error) {
			cfg, err := eventhandler.ConfigFromEnv(lookup)
			cfg.Once = opts
			return cfg, err
		}
	}
	run.Main("event-handler", run.Steady, load, eventhandler.Run)
}
