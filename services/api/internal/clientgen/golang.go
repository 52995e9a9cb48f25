package clientgen

import (
	"fmt"
	"go/format"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/spec"
)

// mark is the first line of what is made.
const mark = "// Code generated from openapi.yaml by internal/clientgen; DO NOT EDIT.\n"

// Go writes the types and calls of the Go client.
func Go(s *spec.Spec) ([]byte, error) {
	m := read(s)
	w := &writer{}
	w.line(mark)
	w.line("package fondaco\n")
	w.line("import (\n\t\"context\"\n\t\"net/url\"\n)\n")
	for _, t := range m.types {
		goType(w, t)
	}
	for _, c := range m.calls {
		goCall(w, c)
	}
	return formatted(w, "the go client")
}

func formatted(w *writer, what string) ([]byte, error) {
	out, err := format.Source([]byte(w.String()))
	if err != nil {
		return nil, fmt.Errorf("formatting %s: %w", what, err)
	}
	return out, nil
}

type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

// comment writes a description, prefixed as the language wants it.
func (w *writer) comment(prefix, name, doc string) {
	if doc == "" {
		return
	}
	text := strings.Join(strings.Fields(name+doc), " ")
	for len(text) > 0 {
		cut := len(text)
		if cut > 100 {
			if cut = strings.LastIndexByte(text[:100], ' '); cut < 0 {
				cut = len(text)
			}
		}
		w.line("%s%s", prefix, text[:cut])
		text = strings.TrimSpace(text[cut:])
	}
}

func goType(w *writer, t *named) {
	doc := t.doc
	switch s := t.schema; {
	case s.Items != nil:
		w.comment("// ", t.name+": ", doc)
		w.line("type %s []%s\n", t.name, goRef(s.Items))
	case len(s.Enum) > 0:
		w.comment("// ", t.name+": ", doc)
		w.line("type %s string\n\nconst (", t.name)
		for _, v := range s.Enum {
			w.line("\t%s%s %s = %q", t.name, goName(fmt.Sprint(v)), t.name, v)
		}
		w.line(")\n")
	default:
		if doc == "" && choice(s) != nil {
			doc = "one of several; it has the members of all."
		}
		w.comment("// ", t.name+": ", doc)
		w.line("type %s struct {", t.name)
		taken := map[string]bool{}
		for _, m := range members(s) {
			name := goName(m.name)
			if taken[name] { // parent_hash of one alternative and parentHash of another
				name = m.of + name
			}
			taken[name] = true
			w.line("\t%s %s `json:\"%s%s\"`%s", name, goMember(m), m.name, omit(m), trailing(m.ref.Value))
		}
		w.line("}\n")
	}
}

func trailing(s *openapi3.Schema) string {
	if s.Description == "" {
		return ""
	}
	return " // " + strings.Join(strings.Fields(s.Description), " ")
}

func omit(m member) string {
	if m.required {
		return ""
	}
	return ",omitempty"
}

// goMember is a pointer where null or absence says something of its own.
func goMember(m member) string {
	t := goRef(m.ref)
	switch {
	case strings.HasPrefix(t, "[]"), strings.HasPrefix(t, "map["), t == "any":
		return t
	case m.required && nullable(m.ref.Value):
		return "*" + t
	case !m.required && refName(m.ref) != "" && len(m.ref.Value.Enum) == 0 && m.ref.Value.Items == nil:
		return "*" + t
	}
	return t
}

func goRef(ref *openapi3.SchemaRef) string {
	if name := refName(ref); name != "" {
		return name
	}
	s := ref.Value
	switch {
	case s.Type.Includes(openapi3.TypeArray):
		return "[]" + goRef(s.Items)
	case s.Type.Includes(openapi3.TypeString) && s.Type.Includes(openapi3.TypeInteger):
		switch {
		case s.Max != nil: // a whole number, which may come as a string too
			return "uint64"
		case s.Pattern == "":
			return "any"
		}
		return "string"
	case s.Type.Includes(openapi3.TypeString):
		return "string"
	case s.Type.Includes(openapi3.TypeInteger):
		if s.Format == "uint64" {
			return "uint64"
		}
		return "int64"
	case s.Type.Includes(openapi3.TypeBoolean):
		return "bool"
	case s.Type.Includes(openapi3.TypeNumber):
		return "float64"
	case s.Type.Includes(openapi3.TypeObject):
		return "map[string]any"
	}
	return "any"
}

func goCall(w *writer, c *call) {
	method := goName(c.ID)
	args, path := "ctx context.Context", fmt.Sprintf("%q", c.Path)
	for _, p := range c.path {
		kind := goRef(p.Schema)
		args += ", " + goArg(p.Name) + " " + kind
		path = strings.Replace(path, "{"+p.Name+"}", `" + segment(`+goArg(p.Name)+`) + "`, 1)
	}
	path = strings.ReplaceAll(strings.TrimSuffix(path, ` + ""`), `"" + `, "")
	query := "nil"
	if len(c.query) > 0 {
		w.comment("// ", method+"Params: ", "the query of "+method+"; what is empty is left out.")
		w.line("type %sParams struct {", method)
		for _, p := range c.query {
			if _, many := prefixed(p); many {
				w.line("\tArgs map[string]string // %s", p.Description)
				continue
			}
			w.line("\t%s %s // %s", goName(p.Name), goRef(p.Schema), strings.Join(strings.Fields(p.Description), " "))
		}
		w.line("}\n")
		w.line("func (p *%sParams) values() url.Values {\n\tv := url.Values{}", method)
		for _, p := range c.query {
			if prefix, many := prefixed(p); many {
				w.line("\tfor name, value := range p.Args {\n\t\tput(v, %q+name, value)\n\t}", prefix)
				continue
			}
			w.line("\tput(v, %q, p.%s)", p.Name, goName(p.Name))
		}
		w.line("\treturn v\n}\n")
		args += ", params " + method + "Params"
		query = "params.values()"
	}
	body := "nil"
	if c.body != nil {
		args += ", body " + goRef(c.body)
		body = "body"
	}
	doc := c.Spec.Summary + "."
	if c.Spec.Description != "" {
		doc += " " + c.Spec.Description
	}
	w.comment("// ", method+": ", doc)
	if c.out == nil {
		w.line("func (c *Client) %s(%s) (string, error) {\n\treturn c.text(ctx, %q, %s, %s)\n}\n", method, args, c.Method, path, query)
		return
	}
	out := goRef(c.out)
	result, give := "*"+out, "&out"
	if strings.HasPrefix(out, "[]") {
		result, give = out, "out"
	}
	w.line("func (c *Client) %s(%s) (%s, error) {\n\tvar out %s\n\tif err := c.call(ctx, %q, %s, %s, %s, &out); err != nil {\n\t\treturn nil, err\n\t}\n\treturn %s, nil\n}\n",
		method, args, result, out, c.Method, path, query, body, give)
}

// upper are parts of names that Go writes in capitals.
var upper = map[string]string{"id": "ID", "url": "URL", "ms": "MS", "ppm": "PPM", "api": "API"}

func goName(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' }) {
		if u, ok := upper[part]; ok {
			part = u
		}
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	if b.Len() == 0 {
		return "None"
	}
	return strings.ReplaceAll(b.String(), "Api", "API")
}

func goArg(name string) string {
	if n := goName(name); n != strings.ToUpper(n) {
		return strings.ToLower(n[:1]) + n[1:]
	}
	return strings.ToLower(name)
}
