// Package once reads the arguments of a one-shot run:
//
//	event-handler --once --network N --from A --to B [--contract C] [--store-only] [--wait 15s]
package once

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// Usage is what is printed when the arguments are not understood.
const Usage = `usage: event-handler                                     serve
       event-handler healthcheck                         is the one beside it ready?
       event-handler --once --network N --from A --to B  publish these heights of an EVM network, and end
           [--contract C]   compare only this contract's logs (heights that are published already)
           [--store-only]   rows are stored without being announced on sockets
           [--wait 15s]     wait for another instance to end; else it is an error at once that one serves
Settings come from the environment, as for serving.
`

// Options are the arguments of a one-shot run.
type Options struct {
	Network   string
	From, To  uint64        // heights, inclusive
	Contract  string        // "": all of the network
	StoreOnly bool          // rows are stored, not announced
	Wait      time.Duration // for another instance to give up the lease; 0: not at all
	// Out gets the counts in one line; nil: nowhere.
	Out io.Writer
}

// Parse reads the arguments. Its error says what is wrong with them.
func Parse(args []string) (*Options, error) {
	o := new(Options)
	flags := flag.NewFlagSet("event-handler", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	once := flags.Bool("once", false, "")
	flags.StringVar(&o.Network, "network", "", "")
	flags.Uint64Var(&o.From, "from", 0, "")
	flags.Uint64Var(&o.To, "to", 0, "")
	flags.StringVar(&o.Contract, "contract", "", "")
	flags.BoolVar(&o.StoreOnly, "store-only", false, "")
	flags.DurationVar(&o.Wait, "wait", 0, "")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problems []error
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Errorf("%q is not understood", flags.Arg(0)))
	}
	if !*once {
		problems = append(problems, errors.New("--once is missing"))
	}
	for _, name := range []string{"network", "from", "to"} {
		if !given[name] {
			problems = append(problems, fmt.Errorf("--%s is missing", name))
		}
	}
	if given["from"] && given["to"] && o.From > o.To {
		problems = append(problems, fmt.Errorf("--from %d is above --to %d", o.From, o.To))
	}
	if o.Wait < 0 {
		problems = append(problems, fmt.Errorf("--wait %v is below 0", o.Wait))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return o, nil
}
