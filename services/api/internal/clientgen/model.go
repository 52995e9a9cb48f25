package clientgen

import (
	"slices"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/spec"
)

// model is the description as the emitters want it.
type model struct {
	types []*named
	calls []*call
}

// named is a schema that has a name of its own in the clients.
type named struct {
	name, doc string
	schema    *openapi3.Schema
}

// member is one member of an object.
type member struct {
	name     string
	ref      *openapi3.SchemaRef
	required bool
	of       string // of a choice: the alternative that brought it
}

// call is one operation that answers JSON or text.
type call struct {
	*spec.Operation
	path, query []*spec.Param
	body        *openapi3.SchemaRef // nil = none
	out         *openapi3.SchemaRef // nil = text
}

// prefixed is the name of a parameter that stands for many: arg.NAME.
func prefixed(p *spec.Param) (string, bool) {
	prefix, _, ok := strings.Cut(p.Name, ".")
	return prefix + ".", ok
}

func read(s *spec.Spec) *model {
	m := &model{}
	for name, ref := range s.Doc.Components.Schemas {
		if worthy(ref.Value) {
			m.types = append(m.types, &named{name: name, doc: ref.Value.Description, schema: ref.Value})
		}
	}
	slices.SortFunc(m.types, func(a, b *named) int { return strings.Compare(a.name, b.name) })
	for _, op := range s.Operations {
		if c := operation(op); c != nil {
			m.calls = append(m.calls, c)
		}
	}
	slices.SortFunc(m.calls, func(a, b *call) int { return strings.Compare(a.ID, b.ID) })
	return m
}

// worthy says whether a schema gets a type: objects, choices, lists and closed
// sets of words do, other scalars are what they are.
func worthy(s *openapi3.Schema) bool {
	return len(s.Properties) > 0 || choice(s) != nil || s.Items != nil || len(s.Enum) > 0 && s.Type.Is(openapi3.TypeString)
}

// choice is the alternatives of a schema that is one of several objects.
func choice(s *openapi3.Schema) openapi3.SchemaRefs {
	if len(s.Properties) > 0 {
		return nil
	}
	if len(s.OneOf) > 0 {
		return s.OneOf
	}
	return s.AnyOf
}

// operation is nil for what no client calls: pages, descriptions, the socket.
func operation(op *spec.Operation) *call {
	c := &call{Operation: op}
	ok := op.Spec.Responses.Value("200")
	if ok == nil {
		return nil
	}
	if media := ok.Value.Content.Get("application/json"); media != nil {
		if c.out = media.Schema; len(c.out.Value.Properties) == 0 && c.out.Ref == "" && c.out.Value.Items == nil {
			return nil
		}
	} else if ok.Value.Content.Get("text/plain") == nil {
		return nil
	}
	for _, p := range op.Params() {
		if p.In == openapi3.ParameterInPath {
			c.path = append(c.path, p)
		} else if p.In == openapi3.ParameterInQuery {
			c.query = append(c.query, p)
		}
	}
	if b := op.Spec.RequestBody; b != nil {
		c.body = b.Value.Content.Get("application/json").Schema
	}
	return c
}

// members are those that are always there in the description's order, then the
// others by name. Of a choice they are the members of all, and always there is
// what each of them has.
func members(s *openapi3.Schema) []member {
	if alternatives := choice(s); alternatives != nil {
		return merged(alternatives)
	}
	var out []member
	for _, name := range s.Required {
		if ref := s.Properties[name]; ref != nil {
			out = append(out, member{name: name, ref: ref, required: true})
		}
	}
	var rest []string
	for name := range s.Properties {
		if !slices.Contains(s.Required, name) {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	for _, name := range rest {
		out = append(out, member{name: name, ref: s.Properties[name]})
	}
	return out
}

func merged(alternatives openapi3.SchemaRefs) (out []member) {
	count := map[string]int{}
	for _, alt := range alternatives {
		for _, m := range members(alt.Value) {
			if m.required {
				count[m.name]++
			}
			if !slices.ContainsFunc(out, func(x member) bool { return x.name == m.name }) {
				m.of = refName(alt)
				out = append(out, m)
			}
		}
	}
	for i := range out {
		out[i].required = count[out[i].name] == len(alternatives)
	}
	return out
}

// refName is the name of the schema that a reference points at; "" when it is
// written out, or has no type of its own.
func refName(ref *openapi3.SchemaRef) string {
	i := strings.LastIndexByte(ref.Ref, '/')
	if i < 0 || !worthy(ref.Value) {
		return ""
	}
	return ref.Ref[i+1:]
}

func nullable(s *openapi3.Schema) bool { return s.Type.Includes(openapi3.TypeNull) }
