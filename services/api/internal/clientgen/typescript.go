package clientgen

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/spec"
)

// TypeScript writes the types and calls of the TypeScript client.
func TypeScript(s *spec.Spec) ([]byte, error) {
	m := read(s)
	w := &writer{}
	w.line(mark)
	w.line("import { Caller, prefixed, segment } from \"./http.js\";\nimport type { Options } from \"./http.js\";\n")
	for _, t := range m.types {
		tsType(w, t)
	}
	for _, c := range m.calls {
		if len(c.query) == 0 {
			continue
		}
		w.line("export interface %sParams {", goName(c.ID))
		for _, p := range c.query {
			w.comment("  // ", "", p.Description)
			optional := "?"
			if p.Required {
				optional = ""
			}
			if _, many := prefixed(p); many {
				w.line("  args?: Record<string, string>;")
				continue
			}
			w.line("  %s%s: %s;", p.Name, optional, tsRef(p.Schema))
		}
		w.line("}\n")
	}
	w.line("/** Every route of the api as a call. A refusal is thrown as a Refusal. */\nexport class Client extends Caller {")
	w.line("  constructor(options: Options) {\n    super(options);\n  }\n")
	for _, c := range m.calls {
		tsCall(w, c)
	}
	w.line("}")
	return []byte(strings.ReplaceAll(w.String(), "\n\n}", "\n}")), nil
}

func tsType(w *writer, t *named) {
	if t.doc != "" {
		w.line("/** %s */", strings.Join(strings.Fields(t.doc), " "))
	}
	s := t.schema
	if len(s.Properties) == 0 {
		w.line("export type %s = %s;\n", t.name, tsSchema(s))
		return
	}
	w.line("export interface %s {", t.name)
	for _, m := range members(s) {
		optional := "?"
		if m.required {
			optional = ""
		}
		if d := m.ref.Value.Description; d != "" {
			w.line("  /** %s */", strings.Join(strings.Fields(d), " "))
		}
		w.line("  %s%s: %s;", m.name, optional, tsRef(m.ref))
	}
	w.line("}\n")
}

func tsRef(ref *openapi3.SchemaRef) string {
	if name := refName(ref); name != "" {
		return name
	}
	return tsSchema(ref.Value)
}

func tsSchema(s *openapi3.Schema) string {
	var list []string
	switch alternatives := choice(s); {
	case alternatives != nil:
		for _, alt := range alternatives {
			list = append(list, tsRef(alt))
		}
		return strings.Join(list, " | ")
	case len(s.Enum) > 0:
		for _, v := range s.Enum {
			text, err := json.Marshal(v)
			if err != nil {
				panic("clientgen: " + err.Error())
			}
			list = append(list, string(text))
		}
		return strings.Join(list, " | ")
	}
	if words, _ := s.Extensions["x-values"].([]any); len(words) > 0 {
		for _, v := range words {
			list = append(list, fmt.Sprintf("%q", v))
		}
		if nullable(s) {
			list = append(list, "null")
		}
		return strings.Join(list, " | ")
	}
	for _, t := range s.Type.Slice() {
		if t == openapi3.TypeNumber && s.Type.Includes(openapi3.TypeString) {
			continue // an amount is a decimal in a string: a float would round it
		}
		switch t {
		case openapi3.TypeInteger, openapi3.TypeNumber:
			list = append(list, "number")
		case openapi3.TypeArray:
			item := tsRef(s.Items)
			if strings.Contains(item, " | ") {
				item = "(" + item + ")"
			}
			if s.MinItems == 2 && s.MaxItems != nil && *s.MaxItems == 2 {
				list = append(list, fmt.Sprintf("[%s, %s]", item, item))
				continue
			}
			list = append(list, item+"[]")
		case openapi3.TypeObject:
			list = append(list, "Record<string, unknown>")
		default:
			list = append(list, t) // string, boolean, null
		}
	}
	if len(list) == 0 {
		return "unknown"
	}
	return strings.Join(list, " | ")
}

func tsCall(w *writer, c *call) {
	var args []string
	path := "`" + c.Path + "`"
	for _, p := range c.path {
		args = append(args, p.Name+": "+tsRef(p.Schema))
		path = strings.Replace(path, "{"+p.Name+"}", "${segment("+p.Name+")}", 1)
	}
	body, query := "undefined", "{}"
	if c.body != nil {
		args, body = append(args, "body: "+tsRef(c.body)), "body"
	}
	if len(c.query) > 0 {
		query = "{ ...params }"
		def := " = {}"
		for _, p := range c.query {
			if p.Required {
				def = ""
			}
			if prefix, many := prefixed(p); many {
				query = fmt.Sprintf("prefixed(%q, params)", prefix)
			}
		}
		args = append(args, "params: "+goName(c.ID)+"Params"+def)
	}
	out := "string"
	if c.out != nil {
		out = tsRef(c.out)
	}
	w.line("  /** %s. */", c.Spec.Summary)
	w.line("  %s(%s): Promise<%s> {\n    return this.call(%q, %s, %s, %s);\n  }\n", c.ID, strings.Join(args, ", "), out, c.Method, path, query, body)
}
