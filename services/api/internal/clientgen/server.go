package clientgen

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/spec"
)

// Server writes the interface that the server is, and the table by which it is
// registered.
func Server(s *spec.Spec) ([]byte, error) {
	w := &writer{}
	w.line(mark)
	w.line("package operation\n")
	w.line("import (\n\t\"github.com/labstack/echo/v4\"\n\n\t\"fondaco.dev/services/api/internal/auth\"\n)\n")
	w.line("// Server answers every operation of the description.\ntype Server interface {")
	for _, op := range s.Operations {
		w.line("\t// %s: %s (%s %s).", goName(op.ID), op.Spec.Summary, op.Method, op.Path)
		w.line("\t%s(echo.Context, %s) error", goName(op.ID), goName(op.ID))
	}
	w.line("}\n")
	w.line("// Table is all operations, by path and method. Nobody changes it.\nvar Table = []Operation{")
	for _, op := range s.Operations {
		w.line("\t{ID: %q, Method: %q, Path: %q, Policy: auth.%s, Answer: func(s Server, c echo.Context) error {", op.ID, op.Method, op.Path, goName(string(op.Policy)))
		if len(bound(op)) == 0 {
			w.line("\t\treturn s.%s(c, %s{})\n\t}},", goName(op.ID), goName(op.ID))
			continue
		}
		w.line("\t\tp, err := read%s(c)\n\t\tif err != nil {\n\t\t\treturn err\n\t\t}\n\t\treturn s.%s(c, p)\n\t}},", goName(op.ID), goName(op.ID))
	}
	w.line("}")
	return formatted(w, "the server's table")
}

// Params writes the type of each operation's parameters and what reads them out
// of a request.
func Params(s *spec.Spec) ([]byte, error) {
	g := groups(s)
	w, words := &writer{}, map[string][]string{}
	for _, name := range sortedKeys(g) {
		w.comment("// ", name+" ", "are parameters that go together.")
		w.line("type %s struct {", name)
		for _, p := range g[name] {
			w.line("\t%s %s%s", boundName(p), boundType(p), described(p))
		}
		w.line("}\n")
		w.line("func read%s(r *reader) (p %s) {", name, name)
		for _, p := range g[name] {
			w.line("\tp.%s = %s", boundName(p), reading(p, words))
		}
		w.line("\treturn p\n}\n")
	}
	for _, op := range s.Operations {
		name, all := goName(op.ID), bound(op)
		if len(all) == 0 {
			what := "has no parameters"
			if op.Lenient() {
				what = "is asked without parameters, or with some that are read as the event store read them"
			}
			w.line("// %s %s.\ntype %s struct{}\n", name, what, name)
			continue
		}
		mine, alone := grouped(all, g)
		w.line("// %s are the parameters of %s %s.\ntype %s struct {", name, op.Method, op.Path, name)
		for _, group := range mine {
			w.line("\t%s", group)
		}
		for _, p := range alone {
			w.line("\t%s %s%s", boundName(p), boundType(p), described(p))
		}
		w.line("}\n")
		w.line("func read%s(c echo.Context) (p %s, err error) {\n\tr := reader{c: c}", name, name)
		for _, p := range alone {
			w.line("\tp.%s = %s", boundName(p), reading(p, words))
		}
		for _, group := range mine {
			w.line("\tp.%s = read%s(&r)", group, group)
		}
		w.line("\treturn p, r.err\n}\n")
	}
	head := &writer{}
	head.line(mark)
	head.line("package operation\n")
	head.line("import (\n\t\"math\"\n\n\t\"github.com/labstack/echo/v4\"\n)\n")
	head.line("// What parameters that go by words take.\nvar (")
	for _, name := range sortedKeys(words) {
		head.line("\t%s = []string{%s}", name, quoted(words[name]))
	}
	head.line(")\n")
	head.WriteString(w.String())
	return formatted(head, "the server's parameters")
}

// bound are the parameters that the server reads by type: not the query of a
// lenient operation, whose handler reads it as the event store did.
func bound(op *spec.Operation) (out []*spec.Param) {
	for _, p := range op.Params() {
		if p.In == openapi3.ParameterInPath || p.In == openapi3.ParameterInQuery && !op.Lenient() {
			out = append(out, p)
		}
	}
	return out
}

// groups are the parameters that go together, by the group's name and in their
// own names' order.
func groups(s *spec.Spec) map[string][]*spec.Param {
	out := map[string][]*spec.Param{}
	for _, op := range s.Operations {
		for _, p := range op.Params() {
			name := p.Group()
			if name == "" || slices.ContainsFunc(out[name], func(known *spec.Param) bool { return known.Name == p.Name }) {
				continue
			}
			out[name] = append(out[name], p)
		}
	}
	for _, list := range out {
		slices.SortFunc(list, func(a, b *spec.Param) int { return strings.Compare(a.Name, b.Name) })
	}
	return out
}

// grouped parts an operation's parameters into whole groups and single ones.
func grouped(all []*spec.Param, groups map[string][]*spec.Param) (whole []string, alone []*spec.Param) {
	count := map[string]int{}
	for _, p := range all {
		count[p.Group()]++
	}
	for _, p := range all {
		switch name := p.Group(); {
		case name == "" || count[name] < len(groups[name]):
			alone = append(alone, p)
		case !slices.Contains(whole, name):
			whole = append(whole, name)
		}
	}
	return whole, alone
}

func described(p *spec.Param) string {
	text := strings.Join(strings.Fields(p.Description), " ")
	if p.Schema.Value.Default != nil {
		text = strings.TrimSpace(fmt.Sprintf("%s Default %v.", text, p.Schema.Value.Default))
	}
	if text == "" {
		return ""
	}
	return " // " + text
}

// boundName is a parameter's member; those that stand for many are Args.
func boundName(p *spec.Param) string {
	if _, many := prefixed(p); many {
		return "Args"
	}
	return goName(p.Name)
}

func boundType(p *spec.Param) string {
	_, many := prefixed(p)
	switch {
	case many:
		return "map[string]string"
	case p.Whole() && p.In == openapi3.ParameterInPath:
		return "uint64"
	case p.Whole() && p.Schema.Value.Default == nil:
		return "Maybe[int64]"
	case p.Whole():
		return "int64"
	}
	return "string"
}

// reading is the expression that reads a parameter. words collects the lists
// that it uses, by their names.
func reading(p *spec.Param, words map[string][]string) string {
	name, wants, schema := fmt.Sprintf("%q", p.Name), fmt.Sprintf("%q", p.Wants()), p.Schema.Value
	prefix, many := prefixed(p)
	low, high := limits(schema)
	usual := ""
	if schema.Default != nil && !p.Whole() {
		usual = fmt.Sprint(schema.Default)
	}
	missing := fmt.Sprintf("%q", "is required: "+strings.TrimPrefix(p.Wants(), "is required: "))
	switch {
	case many:
		return fmt.Sprintf("r.many(%q)", prefix)
	case p.Whole() && p.In == openapi3.ParameterInPath:
		return fmt.Sprintf("r.placeWhole(%s, %s, %s, %s)", name, low, high, wants)
	case p.In == openapi3.ParameterInPath:
		return fmt.Sprintf("r.place(%s)", name)
	case p.Whole() && schema.Default == nil:
		return fmt.Sprintf("r.perhaps(%s, %s, %s, %s)", name, low, high, wants)
	case p.Whole():
		return fmt.Sprintf("r.whole(%s, %s, %s, %v, %s)", name, low, high, schema.Default, wants)
	case len(p.Words()) > 0:
		list := "words" + goName(p.Name)
		for words[list] != nil && !slices.Equal(words[list], p.Words()) {
			list += "Too"
		}
		words[list] = p.Words()
		get := fmt.Sprintf("r.word(%s, %q, %s, %s)", name, usual, list, wants)
		if len(schema.Enum) == 0 {
			get = fmt.Sprintf("r.anyCase(%s, %s, %s)", name, list, wants)
		}
		if p.Required {
			return fmt.Sprintf("r.needed(%s, %s, %s, %s)", name, get, list, missing)
		}
		return get
	case p.Required:
		return fmt.Sprintf("r.must(%s, %s)", name, missing)
	}
	return fmt.Sprintf("r.text(%s, %q)", name, usual)
}

// limits are a whole number's bounds as Go writes them.
func limits(s *openapi3.Schema) (low, high string) {
	low, high = "math.MinInt64", "math.MaxInt64"
	if s.Format == "uint64" {
		low, high = "0", "math.MaxUint64"
	}
	if s.Min != nil {
		low = fmt.Sprintf("%.0f", *s.Min)
	}
	if s.Max != nil && *s.Max < math.MaxInt64 {
		high = fmt.Sprintf("%.0f", *s.Max)
	}
	return low, high
}

func sortedKeys[T any](m map[string]T) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(out, ", ")
}
