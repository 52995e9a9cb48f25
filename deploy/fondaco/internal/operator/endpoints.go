package operator

import (
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
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  endpoint\tstate\tlatency\thead\tfinalized\tserves from\twindow\tcalls\terrors\tlast error")
		for _, p := range e[name].Endpoints {
			mark := " "
			if p.Current {
				mark = "*"
			}
			fmt.Fprintf(tab, "%s %s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%s\n", mark, p.Name, p.State, latency(p.Latency), unless(p.Head), unless(p.Finalized), p.Lowest,
				unless(p.Window), p.Calls, p.Errors, lastError(p, now))
		}
		if err := tab.Flush(); err != nil {
			return err
		}
	}
	return nil
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

func lastError(p topology.EndpointStatus, now time.Time) string {
	if p.Error == "" {
		return "-"
	}
	// Most complaints begin with the name, which stands at the begin of the line.
	host, _, _ := strings.Cut(p.Name, "#")
	why := strings.TrimPrefix(strings.TrimPrefix(p.Error, p.Name+" "), host+" ")
	return fmt.Sprintf("%v ago: %s", now.Sub(time.UnixMilli(p.ErrorAt)).Round(time.Second), why)
}
