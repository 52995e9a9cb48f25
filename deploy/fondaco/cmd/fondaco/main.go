// Command fondaco is the operator's binary: it runs the whole house in one
// process and carries the commands that look after a running one.
package main

import (
	"os"

	"fondaco.dev/deploy/fondaco/internal/cli"
	"fondaco.dev/pkg/run"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "up" {
		run.SetThreads(run.Prompt) // the only command that serves
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}
