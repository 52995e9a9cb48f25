package operator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"fondaco.dev/deploy/fondaco/internal/home"
)

// SetLogLevel changes how much one service says, while it runs. It returns the
// level now in force.
func SetLogLevel(ctx context.Context, run home.Run, service, level string) (string, error) {
	addr, ok := run.Admin[service]
	if !ok {
		var names []string
		for name := range run.Admin {
			names = append(names, name)
		}
		slices.Sort(names)
		return "", fmt.Errorf("no service %q runs here; there are %s", service, strings.Join(names, ", "))
	}
	u := url.URL{Scheme: "http", Host: addr, Path: "/log-level", RawQuery: url.Values{"level": {level}}.Encode()}
	status, body, err := call(ctx, http.MethodPut, u.String())
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", service, err)
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("%s: %s", service, body)
	}
	return body, nil
}

// Status is what GET / of the api says.
type Status struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Status   string    `json:"status"`
	Since    string    `json:"since"`
	Networks []Network `json:"networks"`
}

// Network is one chain as the api sees it. Heights are null before they are known.
type Network struct {
	Name      string  `json:"name"`
	Kind      string  `json:"kind"`
	Head      *uint64 `json:"head"`
	Indexed   *uint64 `json:"indexed"`
	Finalized *uint64 `json:"finalized"`
	Lag       *int64  `json:"lag_blocks"`
	Status    string  `json:"status"`
	Problem   string  `json:"problem"`

	// EVM networks only.
	CompleteFrom *uint64 `json:"complete_from"`
	CheckedTo    *uint64 `json:"checked_to"`
	Assurance    string  `json:"assurance"`
	Holes        uint64  `json:"holes"`
}

// ReadStatus asks the api.
func ReadStatus(ctx context.Context, base string) (Status, error) {
	var s Status
	code, body, err := call(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/")
	if err != nil {
		return s, fmt.Errorf("asking the api at %s: %w", base, err)
	}
	if code != http.StatusOK {
		return s, fmt.Errorf("the api at %s answers %d: %s", base, code, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, fmt.Errorf("reading the api's answer: %w", err)
	}
	return s, nil
}

// Print writes the status for a person. told is what the event-handlers know, as
// far as that is known; now is when.
func (s Status) Print(w io.Writer, told Endpoints, now time.Time) error {
	whole := s.Status
	for _, n := range s.Networks {
		if n.state(told) != n.Status {
			whole = s.Status + ", and not all of it is proved"
		}
	}
	fmt.Fprintf(w, "%s %s: %s\n", s.Name, s.Version, whole)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "network\tkind\thead\tindexed\tfinalized\tbehind\tstatus\tcomplete from\tchecked to\tassurance")
	for _, n := range s.Networks {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Kind, figure(n.Head), figure(n.Indexed), figure(n.Finalized), figure(n.Lag),
			n.state(told), figure(n.CompleteFrom), figure(n.CheckedTo), cmp.Or(n.Assurance, "-"))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, n := range s.Networks {
		if n.Problem != "" {
			fmt.Fprintf(w, "%s: %s\n", n.Name, n.Problem)
		}
		l := told[n.Name].SecondLook
		if l == nil {
			continue
		}
		if l.Unproven > 0 {
			fmt.Fprintf(w, "%s: %d blocks have no logs although their bloom may hold some, and no endpoint served receipts to prove it (since the event-handler was started)\n",
				n.Name, l.Unproven)
		}
		if l.Standing != "" {
			fmt.Fprintf(w, "%s: %s\n", n.Name, standing(l, now))
		}
	}
	return nil
}

// state is the status, with what keeps it from being the whole truth: "ok" alone
// says that all is there and proved as far as it can be.
func (n Network) state(told Endpoints) string {
	parts := []string{n.Status}
	if n.Holes > 0 {
		parts = append(parts, fmt.Sprintf("%d holes", n.Holes))
	}
	if l := told[n.Name].SecondLook; l != nil {
		if l.Unproven > 0 {
			parts = append(parts, fmt.Sprintf("%d unproven", l.Unproven))
		}
		if l.Standing != "" {
			parts = append(parts, "checked_to stands")
		}
	}
	return strings.Join(parts, ", ")
}

// PrintWaiting asks the admin port of every service what it waits for, and
// writes a line for each reason. Ready services are not named.
func PrintWaiting(ctx context.Context, w io.Writer, admin map[string]string) error {
	for _, service := range slices.Sorted(maps.Keys(admin)) {
		code, body, err := call(ctx, http.MethodGet, "http://"+admin[service]+"/readyz")
		if err == nil && code == http.StatusOK {
			continue
		}
		var said struct {
			WaitingFor map[string]string `json:"waiting_for"`
		}
		switch {
		case err != nil:
			_, err = fmt.Fprintf(w, "%s does not answer: %v\n", service, err)
		case json.Unmarshal([]byte(body), &said) != nil || len(said.WaitingFor) == 0:
			_, err = fmt.Fprintf(w, "%s is not ready: %s\n", service, body)
		}
		for _, what := range slices.Sorted(maps.Keys(said.WaitingFor)) {
			_, err = fmt.Fprintf(w, "%s waits: %s: %s\n", service, what, said.WaitingFor[what])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func figure[T uint64 | int64](n *T) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func call(ctx context.Context, method, u string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, strings.TrimSpace(string(body)), err
}
