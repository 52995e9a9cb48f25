package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"fondaco.dev/services/orderbook/internal/tape"
)

// play adds the flags that replay and bench share.
func (c *command) play(path *string, s *tape.Settings) {
	c.flags.StringVar(path, "tape", "", "the tape's `file`")
	c.flags.TextVar(&s.SelfTrade, "stp", tape.CancelTaker, "self-trade prevention, a `rule` of none, cancel_taker, cancel_maker, cancel_both, decrement")
	c.flags.Int64Var(&s.MakerPPM, "maker-fee", 0, "maker's fee in `ppm` of the notional, 0 to 1,000,000")
	c.flags.Int64Var(&s.TakerPPM, "taker-fee", 0, "taker's fee in `ppm` of the notional, 0 to 1,000,000")
}

func load(path string) ([]tape.Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the tape: %w", err)
	}
	defer f.Close()
	records, err := tape.Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return records, nil
}

func replay() *command {
	c := newCommand("replay", "tape")
	var path, events string
	var s tape.Settings
	c.play(&path, &s)
	c.flags.StringVar(&events, "events", "", "where events go, one JSON object a line: a `file`, or - for standard output instead of the summary")
	c.flags.BoolVar(&s.Prefund, "prefund", false, "give every account of the tape an equal share of both assets; without it every order lacks money")
	c.run = func(out io.Writer) error {
		records, err := load(path)
		if err != nil {
			return err
		}
		var sum tape.Summary
		play := func(w io.Writer) (err error) {
			sum, err = tape.Play(records, s, w)
			return err
		}
		if events == "" {
			err = play(nil)
		} else {
			err = create(events, out, play)
		}
		if err != nil || events == "-" {
			return err
		}
		return summarize(out, &sum)
	}
	return c
}

func summarize(out io.Writer, s *tape.Summary) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	rejected := 0
	for _, n := range s.Rejected {
		rejected += n
	}
	fmt.Fprintf(w, "commands\t%d\naccepted\t%d\namended\t%d\ncanceled\t%d\nrejected\t%d\n", s.Commands, s.Accepted, s.Amended, s.Canceled, rejected)
	for _, reason := range slices.Sorted(maps.Keys(s.Rejected)) {
		fmt.Fprintf(w, "  %s\t%d\n", reason, s.Rejected[reason])
	}
	fmt.Fprintf(w, "trades\t%d\nlots traded\t%d\nvolume\t%s\nresting\t%d\ndigest\t%x\ntime\t%s\n", s.Trades, s.Lots, s.Volume, s.Resting, s.Digest, s.Took.Round(time.Microsecond))
	return w.Flush()
}

func bench() *command {
	c := newCommand("bench", "tape")
	var path string
	var r tape.Runs
	var asJSON bool
	c.play(&path, &r.Settings)
	c.flags.IntVar(&r.Repeat, "repeat", 1, "`runs`, each on a new engine; their digests must be the same")
	c.flags.IntVar(&r.Warmup, "warmup", 0, "`records` at the beginning that are played and not measured, such as those that fill the book; by thousands, else packs and digest are others")
	c.flags.BoolVar(&r.Replies, "replies", false, "also make the answers that a gateway would get")
	c.flags.BoolVar(&asJSON, "json", false, "print one JSON object")
	c.run = func(out io.Writer) error {
		records, err := load(path)
		if err != nil {
			return err
		}
		runs, err := tape.Bench(records, r)
		if err != nil {
			return err
		}
		f := measure(runs)
		if asJSON {
			return json.NewEncoder(out).Encode(f)
		}
		return f.print(out)
	}
	return c
}

// figures are what bench prints; those of the machine are of the median run.
type figures struct {
	Commands      int     `json:"commands"`
	Runs          int     `json:"runs"`
	Median        float64 `json:"ns_per_command"` // of an even number of runs: the lower one in the middle
	Min           float64 `json:"min_ns_per_command"`
	PerSecond     float64 `json:"commands_per_second"`
	Allocs        uint64  `json:"allocs_per_command"`
	Mallocs       uint64  `json:"allocs"` // of all commands
	Events        uint64  `json:"events"`
	EventBytes    uint64  `json:"event_bytes"`
	Resting       int     `json:"resting"`
	Heap          uint64  `json:"heap_bytes"`
	BytesPerOrder float64 `json:"heap_bytes_per_resting_order"` // 0 when none rests
	Digest        string  `json:"digest"`
}

func measure(runs []tape.Run) figures {
	slices.SortFunc(runs, func(a, b tape.Run) int { return cmp.Compare(a.Took, b.Took) })
	m := &runs[(len(runs)-1)/2]
	f := figures{
		Commands: m.Commands, Runs: len(runs), Median: m.PerCommand(), Min: runs[0].PerCommand(), PerSecond: 1e9 / m.PerCommand(),
		Allocs: m.AllocsPerCommand(), Mallocs: m.Mallocs, Events: m.Events, EventBytes: m.EventBytes, Resting: m.Resting, Heap: m.Heap,
		Digest: fmt.Sprintf("%x", m.Digest),
	}
	if m.Resting > 0 {
		f.BytesPerOrder = float64(m.Heap) / float64(m.Resting)
	}
	return f
}

func (f *figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "commands\t%d\nns/command\t%.1f\ncommands/s\t%.0f\nallocs/command\t%d\nevents\t%d\nevent bytes\t%d\n", f.Commands, f.Median, f.PerSecond, f.Allocs, f.Events, f.EventBytes)
	fmt.Fprintf(w, "resting\t%d\nengine's heap\t%.1f MiB\ndigest\t%s\n", f.Resting, float64(f.Heap)/(1<<20), f.Digest)
	if f.Runs > 1 {
		fmt.Fprintf(w, "runs\t%d, ns/command: min %.1f, median %.1f\n", f.Runs, f.Min, f.Median)
	}
	return w.Flush()
}

func write() *command {
	c := newCommand("tape", "out")
	var path string
	var m tape.Mix
	var sweep int
	c.flags.StringVar(&path, "out", "", "where the tape goes: a `file`, or - for standard output")
	c.flags.IntVar(&m.Commands, "commands", 1_000_000, "`records` of the mix: half new orders, two fifths cancels, a tenth orders that take")
	c.flags.IntVar(&m.Resting, "resting", 100_000, "`orders` that rest before the mix, one record each, and about as many throughout")
	c.flags.IntVar(&m.Accounts, "accounts", 1000, "how many `accounts` trade")
	c.flags.IntVar(&m.Prices, "prices", 1000, "`ticks` on each side of the middle that hold orders")
	c.flags.Uint64Var(&m.Seed, "seed", 1, "a `number`; the same one gives the same tape")
	c.flags.IntVar(&sweep, "sweep", 0, "instead of the mix: `orders` that rest at a price each, and one that takes them all")
	c.run = func(out io.Writer) error {
		if m.Commands < 0 || m.Resting < 0 || m.Accounts < 1 || m.Prices < 1 || m.Prices > tape.MaxPrices || sweep < 0 || sweep > tape.MaxPrices {
			return fmt.Errorf("want at least 0 commands, resting and swept orders, 1 account, and 1 to %d prices", tape.MaxPrices)
		}
		records := tape.Sweep(sweep)
		if sweep == 0 {
			records = tape.Generate(m)
		}
		return create(path, out, func(w io.Writer) error { return tape.Write(w, records) })
	}
	return c
}
