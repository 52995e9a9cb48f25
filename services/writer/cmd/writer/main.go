// Command writer applies the streams to Postgres.
//
//	writer                                       serve
//	writer healthcheck                           is the one beside it ready?
//	writer migrate status|up                     the database's migrations
//	writer promote --build B                     serve build B from now on
//	writer reset --build B --partition SUBJECT   index one network anew
//	writer deadletters list|replay               units that could not be applied
//	writer redecode [--promote]                  decode the index anew after an ABI was mended
package main

import (
	"os"

	"fondaco.dev/pkg/run"
	"fondaco.dev/services/writer"
	"fondaco.dev/services/writer/internal/command"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] != "healthcheck" {
		os.Exit(command.Run(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
	}
	run.Main("writer", run.Steady, writer.ConfigFromEnv, writer.Run)
}
