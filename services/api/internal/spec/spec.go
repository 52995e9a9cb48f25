// Package spec knows what the api has promised: openapi.yaml, loaded once. It
// gives rest its routes, checks requests against it, and makes the page at
// /docs; the generator of the clients and the tests read the same.
package spec

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/auth"
)

// Spec is the description. It is never changed once it was loaded.
type Spec struct {
	Doc        *openapi3.T
	Operations []*Operation // by path, then method
	JSON       []byte       // what GET /openapi.json answers
	ETag       string       // of JSON
	byID       map[string]*Operation
}

// Operation is one route.
type Operation struct {
	ID     string
	Method string
	Path   string // as in the description: /v1/networks/{network}
	Route  string // as echo wants it: /v1/networks/:network
	Policy auth.Policy
	Spec   *openapi3.Operation

	lenient bool
	params  []*Param
	prefix  *Param   // parameters with a name of the caller's choice
	allowed []string // the query parameters' names, in the description's order

	required uint64 // bits of params: those that a query must have
}

// Load reads an OpenAPI document in YAML or JSON, and fails when it cannot be
// read or an operation lacks its id or policy. Whether it is valid is Check's.
func Load(data []byte) (*Spec, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("reading the description of the api: %w", err)
	}
	delete(doc.Extensions, "x-anchors") // what the file writes once and means in many places
	s := &Spec{Doc: doc, byID: map[string]*Operation{}}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			op, err := operation(method, path, item, o)
			if err != nil {
				return nil, err
			}
			if s.byID[op.ID] != nil {
				return nil, fmt.Errorf("operation %s is described twice", op.ID)
			}
			s.byID[op.ID] = op
			s.Operations = append(s.Operations, op)
		}
	}
	slices.SortFunc(s.Operations, func(a, b *Operation) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(a.Method, b.Method)
	})
	if s.JSON, err = json.Marshal(doc); err != nil {
		return nil, fmt.Errorf("writing the description of the api: %w", err)
	}
	s.ETag = Tag(s.JSON)
	return s, nil
}

// Check fails when the document is not valid OpenAPI, or an example is not what
// its schema says. It takes a third of a second of a processor, and the document
// is part of the program: the tests check it, not each start.
func (s *Spec) Check() error {
	if err := s.Doc.Validate(context.Background(), openapi3.AllowExtraSiblingFields("description")); err != nil {
		return fmt.Errorf("checking the description of the api: %w", err)
	}
	return nil
}

// Tag is a strong ETag of a body.
func Tag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// Operation finds one by its id; nil when there is none.
func (s *Spec) Operation(id string) *Operation { return s.byID[id] }

func operation(method, path string, item *openapi3.PathItem, o *openapi3.Operation) (*Operation, error) {
	if o.OperationID == "" {
		return nil, fmt.Errorf("%s %s has no operationId", method, path)
	}
	op := &Operation{ID: o.OperationID, Method: method, Path: path, Route: route(path), Policy: auth.Policy(text(o.Extensions, "x-policy")), Spec: o, allowed: []string{}}
	if !op.Policy.Known() {
		return nil, fmt.Errorf("operation %s declares no policy: x-policy is %q", op.ID, op.Policy)
	}
	op.lenient, _ = o.Extensions["x-lenient"].(bool)
	for _, list := range []openapi3.Parameters{item.Parameters, o.Parameters} {
		for _, ref := range list {
			p, err := param(ref.Value)
			if err != nil {
				return nil, fmt.Errorf("operation %s: %w", op.ID, err)
			}
			op.params = append(op.params, p)
			if p.In == openapi3.ParameterInQuery {
				op.allowed = append(op.allowed, p.Name)
				if p.Required {
					op.required |= 1 << (len(op.params) - 1)
				}
			}
			if p.prefix != "" {
				op.prefix = p
			}
		}
	}
	for _, name := range names(path) {
		if op.param(openapi3.ParameterInPath, name) == nil {
			return nil, fmt.Errorf("operation %s does not describe {%s}", op.ID, name)
		}
	}
	return op, nil
}

func (o *Operation) param(in, name string) *Param {
	for _, p := range o.params {
		if p.In == in && p.Name == name {
			return p
		}
	}
	return nil
}

// Params are the operation's parameters, those of its path first.
func (o *Operation) Params() []*Param { return o.params }

// Lenient says that nothing about its parameters is refused.
func (o *Operation) Lenient() bool { return o.lenient }

// Methods are what the route answers: a GET is a HEAD too.
func (o *Operation) Methods() []string {
	if o.Method == http.MethodGet && o.Route != "/v1/ws" {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{o.Method}
}

// route writes {name} as :name.
func route(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// names are the parameters in a path.
func names(path string) (out []string) {
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

// text is an extension that is a string; "" when it is absent.
func text(ext map[string]any, name string) string {
	s, _ := ext[name].(string)
	return s
}

// words is an extension that is a list of strings.
func words(ext map[string]any, name string) (out []string) {
	list, _ := ext[name].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
