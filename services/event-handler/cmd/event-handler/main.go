// The event-handler: chain nodes -> CHAIN.
package main

import (
	"fondaco.dev/pkg/run"
	eventhandler "fondaco.dev/services/event-handler"
)

func main() {
	run.Main("event-handler", eventhandler.ConfigFromEnv, eventhandler.Run)
}
