// Command fondaco is the operator's binary: it runs the whole house in one
// process and carries the commands that look after a running one.
package main

import (
	"os"

	"fondaco.dev/deploy/fondaco/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
