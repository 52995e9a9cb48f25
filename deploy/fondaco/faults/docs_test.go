package faults

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"fondaco.dev/services/devnet/casper"
	"fondaco.dev/services/devnet/fault"
)

// documented reads docs/NODE_FAULTS.md: the metric of each fault, by section.
// Casper faults get a prefix, as their rows have.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/NODE_FAULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("^\\| `([a-z0-9-]+)` \\|.*\\| `([^`]+)` \\|$")
	out, prefix := map[string]string{}, ""
	for l := range strings.Lines(string(text)) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "## ") {
			prefix = ""
			if strings.HasPrefix(l, "## Casper") {
				prefix = "casper-"
			}
		}
		if m := line.FindStringSubmatch(l); m != nil {
			if out[prefix+m[1]] != "" {
				t.Errorf("%s stands twice in the table", prefix+m[1])
			}
			out[prefix+m[1]] = m[2]
		}
	}
	return out
}

// known are the faults of both switchboards.
func known() (names []string) {
	for _, f := range fault.List() {
		names = append(names, f.Name)
	}
	stay, once := casper.FaultNames()
	for _, f := range append(stay, once...) {
		names = append(names, "casper-"+f)
	}
	return names
}

// Every fault of the switchboards is in the document and has a row of the
// table, and the document names no other.
func TestEveryFaultIsDocumentedAndPlayed(t *testing.T) {
	t.Parallel()
	docs, names := documented(t), known()
	var played []string
	for _, r := range rows() {
		played = append(played, r.name)
	}
	for _, r := range casperRows() {
		played = append(played, r.name)
	}
	for _, name := range names {
		if docs[name] == "" {
			t.Errorf("docs/NODE_FAULTS.md has no line for %s", name)
		}
		if !slices.ContainsFunc(played, func(row string) bool { return faultOf(row) == name }) {
			t.Errorf("no row of the table plays %s", name)
		}
	}
	for name := range docs {
		if !slices.Contains(names, name) {
			t.Errorf("docs/NODE_FAULTS.md has a line for %s, which no switchboard knows", name)
		}
	}
}

// faultOf is the fault that a row is named after.
func faultOf(row string) string {
	name, _, _ := strings.Cut(row, "/")
	return name
}

// shown collects in how many rows the documented metric of a fault was there.
type shown struct {
	docs map[string]string

	mu   sync.Mutex
	rows map[string]int
	seen map[string]int
}

func newShown(t *testing.T) *shown {
	return &shown{docs: documented(t), rows: map[string]int{}, seen: map[string]int{}}
}

// look reads the metrics of a row that has ended well.
func (s *shown) look(w *world, row string) {
	name := faultOf(row)
	want := s.docs[name]
	if want == "" {
		return // several faults together, or none
	}
	metric, label, _ := strings.Cut(strings.TrimSuffix(want, "}"), "{")
	found := false
	for l := range strings.Lines(w.ask("/metrics")) {
		if strings.HasPrefix(l, "fondaco_eventhandler_"+metric+"{") && strings.Contains(l, label) {
			found = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[name]++
	if found {
		s.seen[name]++
	}
}

// check fails for a fault that was played and never shown as documented.
func (s *shown) check(t *testing.T) {
	t.Helper()
	for name, n := range s.rows {
		if s.seen[name] == 0 {
			t.Errorf("%s is to be seen by %s, and was not in any of %d rows", name, s.docs[name], n)
		}
	}
}
