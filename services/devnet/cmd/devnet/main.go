// The devnet: a Casper node and an EVM node for development.
package main

import (
	"fondaco.dev/pkg/run"
	"fondaco.dev/services/devnet"
)

func main() {
	run.Main("devnet", run.Steady, devnet.ConfigFromEnv, devnet.Run)
}
