// Command orderbook runs the order book of one venue; with a command behind it, it
// plays, measures or makes tapes of orders instead.
package main

import (
	"os"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/orderbook"
	"fondaco.dev/services/orderbook/internal/console"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] != "healthcheck" {
		os.Exit(console.Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	run.Main("orderbook", run.Prompt, orderbook.ConfigFromEnv, orderbook.Run)
}
