// Command api serves REST and WebSocket.
package main

import (
	"fondaco.dev/pkg/run"
	"fondaco.dev/services/api"
)

func main() { run.Main("api", run.Prompt, api.ConfigFromEnv, api.Run) }
