package spec

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:embed page.html
var pageHTML string

// page is what the template at /docs is filled with.
type page struct {
	Info     *openapi3.Info
	Groups   []group
	Channels []Channel
}

type group struct {
	Name, Description string
	Operations        []entry
}

type entry struct {
	*Operation
	Summary, Description string
	Query                []field
	Body                 string // an example
	BodyFields           []field
	Answers              []answer
	Open                 bool // may be asked without a token
}

type field struct {
	Name, Type, Description string
	Required                bool
	Words                   []string
}

type answer struct {
	Status, Description string
	Types               string
	Example             string
}

// Page makes the page at /docs: the whole description on one page, without any
// asset from elsewhere.
func (s *Spec) Page(channels []Channel) ([]byte, error) {
	t, err := template.New("docs").Funcs(template.FuncMap{"lower": strings.ToLower}).Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	p := page{Info: s.Doc.Info, Channels: channels}
	for _, tag := range s.Doc.Tags {
		g := group{Name: tag.Name, Description: tag.Description}
		for _, op := range s.Operations {
			if slices.Contains(op.Spec.Tags, tag.Name) {
				g.Operations = append(g.Operations, describe(op))
			}
		}
		p.Groups = append(p.Groups, g)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("making the page: %w", err)
	}
	return out.Bytes(), nil
}

func describe(op *Operation) entry {
	e := entry{Operation: op, Summary: op.Spec.Summary, Description: op.Spec.Description, Open: op.Policy == "public"}
	for _, p := range op.params {
		e.Query = append(e.Query, field{Name: p.Name, Type: typeOf(p.schema) + place(p), Description: p.Description, Required: p.Required, Words: p.words})
	}
	if b := op.Spec.RequestBody; b != nil {
		if media := b.Value.Content.Get("application/json"); media != nil {
			e.Body = example(media.Schema)
			e.BodyFields = fields(media.Schema.Value)
		}
	}
	for status, r := range op.Spec.Responses.Map() {
		a := answer{Status: status}
		if status == "default" {
			a.Status = "other"
		}
		if r.Value.Description != nil {
			a.Description = *r.Value.Description
		}
		var types []string
		for name, media := range r.Value.Content {
			types = append(types, name)
			if name == "application/json" && media.Schema != nil && strings.HasPrefix(status, "2") {
				a.Example = example(media.Schema)
			}
		}
		sort.Strings(types)
		a.Types = strings.Join(types, ", ")
		e.Answers = append(e.Answers, a)
	}
	slices.SortFunc(e.Answers, func(a, b answer) int { return strings.Compare(a.Status, b.Status) })
	return e
}

func place(p *Param) string {
	if p.In == openapi3.ParameterInPath {
		return ", in the path"
	}
	return ""
}

// fields are the members of an object in the order of their names, the
// required ones first.
func fields(s *openapi3.Schema) (out []field) {
	for name, ref := range s.Properties {
		v := ref.Value
		list := words(v.Extensions, "x-values")
		for _, w := range v.Enum {
			if w != nil && len(list) < len(v.Enum) {
				list = append(list, fmt.Sprint(w))
			}
		}
		out = append(out, field{Name: name, Type: typeOf(v), Description: v.Description, Required: slices.Contains(s.Required, name), Words: list})
	}
	slices.SortFunc(out, func(a, b field) int {
		if a.Required != b.Required {
			if a.Required {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

func typeOf(s *openapi3.Schema) string {
	var list []string
	for _, t := range s.Type.Slice() {
		if t != openapi3.TypeNull {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return "any"
	}
	return strings.Join(list, " or ")
}

// example makes an example of what a schema describes.
func example(ref *openapi3.SchemaRef) string {
	out, err := json.MarshalIndent(sample(ref, 0), "", "  ")
	if err != nil {
		return ""
	}
	return string(out)
}

// maxNested bounds how deep an example goes.
const maxNested = 6

func sample(ref *openapi3.SchemaRef, depth int) any {
	s := ref.Value
	switch {
	case s.Example != nil:
		return s.Example
	case depth > maxNested:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.OneOf) > 0:
		return sample(s.OneOf[0], depth+1)
	case len(s.AnyOf) > 0 && len(s.Properties) == 0:
		return sample(s.AnyOf[0], depth+1)
	case s.Type.Includes(openapi3.TypeNull):
		return nil
	case s.Type.Includes(openapi3.TypeObject):
		return object(s, depth)
	case s.Type.Includes(openapi3.TypeArray):
		if depth > 2 && s.MinItems == 0 {
			return []any{}
		}
		return []any{sample(s.Items, depth+1)}
	case s.Type.Includes(openapi3.TypeInteger), s.Type.Includes(openapi3.TypeNumber):
		return 1
	case s.Type.Includes(openapi3.TypeBoolean):
		return false
	}
	return "…"
}

// object has the members that are always there.
func object(s *openapi3.Schema, depth int) any {
	out := members{}
	for name, ref := range s.Properties {
		if slices.Contains(s.Required, name) {
			out = append(out, member{name, sample(ref, depth+1)})
		}
	}
	slices.SortFunc(out, func(a, b member) int { return slices.Index(s.Required, a.name) - slices.Index(s.Required, b.name) })
	return out
}

// members is an object that keeps the order of its members.
type members []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the object.
func (m members) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, x := range m {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(x.value)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(x.name)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}
