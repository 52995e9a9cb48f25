package operator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/topology"
)

// Endpoints is what the event-handlers know of the endpoints of every network,
// by its name.
type Endpoints map[string]topology.EndpointsStatus

// ReadEndpoints reads it from the status bucket.
func ReadEndpoints(ctx context.Context, b *bus.Bus) (Endpoints, error) {
	kv, err := b.JetStream().KeyValue(ctx, topology.BucketStatus)
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", topology.BucketStatus, err)
	}
	keys, err := kv.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, fmt.Errorf("listing bucket %s: %w", topology.BucketStatus, err)
	}
	out := Endpoints{}
	for _, key := range keys {
		network, ok := strings.CutPrefix(key, topology.EndpointsKey(""))
		if !ok {
			continue
		}
		entry, err := kv.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", key, err)
		}
		var s topology.EndpointsStatus
		if err := json.Unmarshal(entry.Value(), &s); err != nil {
			return nil, fmt.Errorf("reading %s: %w", key, err)
		}
		out[network] = s
	}
	return out, nil
}

// stale is when a report is said to be old: an event-handler repeats an
// unchanged one every 5 s.
const stale = 30 * time.Second

// Print writes a table a network for a person.
func (e Endpoints) Print(w io.Writer, now time.Time) error {
	if len(e) == 0 {
		_, err := fmt.Fprintln(w, "no event-handler has told of any endpoint yet; `fondaco status` says what it waits for")
		return err
	}
	var names []string
	for name := range e {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			fmt.Fprintln(w)
		}
		age := ""
		if d := now.Sub(time.UnixMilli(e[name].At)); d > stale {
			age = fmt.Sprintf(" (as of %v ago)", d.Round(time.Second))
		}
		fmt.Fprintf(w, "%s%s\n", name, age)
		if err := printEndpoints(w, e[name], now); err != nil {
			return err
		}
	}
	return nil
}

// printEndpoints writes the tables of one network, and why its second look
// stands still.
func printEndpoints(w io.Writer, s topology.EndpointsStatus, now time.Time) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Endpoints) > 0 || len(s.Streams) == 0 {
		fmt.Fprintln(tab, "  endpoint\tstate\tlatency\thead\tfinalized\tserves from\twindow\tcalls\terrors\tlast error")
	}
	for _, p := range s.Endpoints {
		mark := " "
		if p.Current {
			mark = "*"
		}
		fmt.Fprintf(tab, "%s %s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%s\n", mark, p.Name, p.State, latency(p.Latency), unless(p.Head), unless(p.Finalized), p.Lowest,
			unless(p.Window), p.Calls, p.Errors, lastError(p.Name, p.Error, p.ErrorAt, now))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	tab = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Streams) > 0 {
		fmt.Fprintln(tab, "  stream\tkind\tstate\tfor\tlast id\tversion\thead\tbehind\tlast error")
	}
	for _, p := range s.Streams {
		since := "-"
		if p.Since > 0 {
			since = ago(p.Since, now)
		}
		fmt.Fprintf(tab, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Kind, p.State, since, figure(p.LastID), cmp.Or(p.APIVersion, "-"),
			figure(p.Head), figure(p.Lag), lastError(p.Name, p.Error, p.ErrorAt, now))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	if l := s.SecondLook; l != nil && l.Standing != "" {
		_, err := fmt.Fprintf(w, "  %s\n", standing(l, now))
		return err
	}
	return nil
}

// standing says why the second look does.
func standing(l *topology.SecondLook, now time.Time) string {
	return fmt.Sprintf("checked_to has stood at %d for %v, %d is final: %s", l.CheckedTo, ago(l.Since, now), l.Finalized, l.Standing)
}

func ago(ms int64, now time.Time) string {
	return now.Sub(time.UnixMilli(ms)).Round(time.Second).String()
}

func latency(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", ms)
}

func unless(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func lastError(name, text string, at int64, now time.Time) string {
	if text == "" {
		return "-"
	}
	// Most complaints begin with the name, which stands at the begin of the line.
	host, _, _ := strings.Cut(name, "#")
	why := strings.TrimPrefix(strings.TrimPrefix(text, name+" "), host+" ")
	return fmt.Sprintf("%s ago: %s", ago(at, now), why)
}
