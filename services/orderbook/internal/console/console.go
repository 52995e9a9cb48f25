// Package console is the commands of the orderbook program that need no venue:
// they play, measure and make tapes.
package console

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

const usage = `orderbook without arguments serves the venue of FONDACO_CONFIG.

  orderbook replay --tape FILE [--events OUT] [--stp RULE] [--prefund]   play a tape, print what became of it
  orderbook bench --tape FILE [--repeat N] [--warmup N]                  play a tape, print how fast that was
  orderbook tape --out FILE [--commands N] [--resting N]                 make a tape

  orderbook <command> -h lists all flags. A tape is 16 bytes of header ("FTAPE", three zero bytes, uint64 count of
  records) and records of 48 bytes; services/orderbook/internal/tape describes them and the events.
`

// command is one command: what it needs set, and what it does.
type command struct {
	flags *flag.FlagSet
	needs string // the flag without which it cannot run
	run   func(out io.Writer) error
}

// Run carries out the command that args name and returns the exit code.
func Run(args []string, out, errOut io.Writer) int {
	commands := map[string]func() *command{"replay": replay, "bench": bench, "tape": write}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	build, found := commands[name]
	if !found {
		if name == "help" || name == "-h" || name == "--help" {
			fmt.Fprint(out, usage)
			return 0
		}
		fmt.Fprintf(errOut, "orderbook: there is no command %q\n\n%s", name, usage)
		return exitUsage
	}
	c := build()
	c.flags.SetOutput(errOut)
	err := c.flags.Parse(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage // told, with the flags
	case c.flags.NArg() > 0:
		fmt.Fprintf(errOut, "orderbook %s: unexpected argument %q\n", name, c.flags.Arg(0))
		return exitUsage
	case c.flags.Lookup(c.needs).Value.String() == "":
		fmt.Fprintf(errOut, "orderbook %s: --%s is missing; -h lists the flags\n", name, c.needs)
		return exitUsage
	}
	if err := c.run(out); err != nil {
		fmt.Fprintf(errOut, "orderbook %s: %v\n", name, err)
		return exitFailed
	}
	return 0
}

func newCommand(name, needs string) *command {
	return &command{flags: flag.NewFlagSet("orderbook "+name, flag.ContinueOnError), needs: needs}
}

// create writes a file, or out when the path is "-". What a failed fill left
// stays there.
func create(path string, out io.Writer, fill func(io.Writer) error) error {
	if path == "-" {
		b := bufio.NewWriter(out)
		return errors.Join(fill(b), b.Flush())
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}
