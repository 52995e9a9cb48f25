package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// reader walks the YAML tree and collects every problem with its file, line
// and key, so that one start shows all of them.
type reader struct {
	path     string
	problems []string
}

func (r *reader) fail(n *yaml.Node, key, format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf("%s:%d: %s: %s", r.path, n.Line, key, fmt.Sprintf(format, args...)))
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(r.problems, "\n"))
}

// mapping is one YAML object; each key may be read once, and the ones that
// nobody read are reported by close.
type mapping struct {
	r     *reader
	node  *yaml.Node
	where string
	seen  []string
}

func (r *reader) mapping(n *yaml.Node, where string) *mapping {
	m := &mapping{r: r, node: n, where: where}
	if n.Kind != yaml.MappingNode {
		r.fail(n, where, "must be a list of keys and values")
		return m
	}
	keys := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		if keys[k.Value] {
			r.fail(k, m.key(k.Value), "appears twice")
		}
		keys[k.Value] = true
	}
	return m
}

func (m *mapping) key(k string) string {
	if m.where == "" {
		return k
	}
	return m.where + "." + k
}

// get returns the value of key k, or nil.
func (m *mapping) get(k string) *yaml.Node {
	m.seen = append(m.seen, k)
	if m.node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == k {
			return m.node.Content[i+1]
		}
	}
	return nil
}

// close reports the keys that nobody asked for.
func (m *mapping) close() {
	if m.node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(m.node.Content); i += 2 {
		k := m.node.Content[i]
		if !slices.Contains(m.seen, k.Value) {
			known := slices.Sorted(slices.Values(m.seen))
			m.r.fail(k, m.key(k.Value), "unknown key; known here: %s", strings.Join(known, ", "))
		}
	}
}

func (m *mapping) str(k string, required bool) string {
	n := m.get(k)
	if n == nil {
		if required {
			m.r.fail(m.node, m.key(k), "is required")
		}
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		m.r.fail(n, m.key(k), "must be a text")
		return ""
	}
	return n.Value
}

func (m *mapping) uint(k string, def uint64) uint64 {
	n := m.get(k)
	if n == nil {
		return def
	}
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v > math.MaxInt64 {
		m.r.fail(n, m.key(k), "%q is not a whole number from 0 to %d", n.Value, int64(math.MaxInt64))
		return def
	}
	return v
}

func (m *mapping) flag(k string) bool {
	n := m.get(k)
	if n == nil {
		return false
	}
	v, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		m.r.fail(n, m.key(k), "%q is neither true nor false", n.Value)
	}
	return v
}

func (m *mapping) strs(k string) []string {
	var out []string
	m.each(k, func(n *yaml.Node, where string) {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			m.r.fail(n, where, "must be a text")
			return
		}
		out = append(out, n.Value)
	})
	return out
}

// each calls f for every item of the list under k.
func (m *mapping) each(k string, f func(n *yaml.Node, where string)) {
	n := m.get(k)
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		m.r.fail(n, m.key(k), "must be a list")
		return
	}
	for i, item := range n.Content {
		f(item, fmt.Sprintf("%s[%d]", m.key(k), i))
	}
}
