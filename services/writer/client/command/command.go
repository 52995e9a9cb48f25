// Package command gives the operator's program the writer's own commands.
package command

import (
	"io"

	"fondaco.dev/pkg/env"
	"fondaco.dev/services/writer/internal/command"
)

// Run carries out one of the writer's commands on the database of
// FONDACO_PG_URL and returns the exit code: 0 done, 1 failed, 2 misused.
func Run(args []string, lookup env.Lookup, stdout, stderr io.Writer) int {
	return command.Run(args, lookup, stdout, stderr)
}
