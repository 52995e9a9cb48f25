package spec

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"fondaco.dev/services/api/internal/problem"
)

// Param is one parameter of an operation, ready to be checked.
type Param struct {
	*openapi3.Parameter
	prefix  string // of a parameter that stands for many: "arg."
	schema  *openapi3.Schema
	integer bool
	quick   *quick // nil = its schema says more than can be checked at once
	wants   string
	words   []string // what it takes, when it goes by words
}

func param(p *openapi3.Parameter) (*Param, error) {
	if p.Schema == nil || p.Schema.Value == nil {
		return nil, fmt.Errorf("parameter %s has no schema", p.Name)
	}
	out := &Param{Parameter: p, schema: p.Schema.Value, wants: text(p.Extensions, "x-wants")}
	out.integer = out.schema.Type.Is(openapi3.TypeInteger)
	for _, v := range out.schema.Enum {
		out.words = append(out.words, fmt.Sprint(v))
	}
	if len(out.words) == 0 {
		out.words = words(out.schema.Extensions, "x-values")
	}
	switch {
	case out.schema.Type.Is(openapi3.TypeObject):
		out.prefix, _, _ = strings.Cut(p.Name, ".")
		out.prefix += "."
		if out.schema.PropertyNames == nil || out.schema.PropertyNames.Value == nil {
			return nil, fmt.Errorf("parameter %s stands for many and does not say how they are named", p.Name)
		}
	case !out.integer && !out.schema.Type.Is(openapi3.TypeString):
		return nil, fmt.Errorf("parameter %s is neither a string nor an integer", p.Name)
	}
	if out.wants == "" {
		out.wants = out.says()
	}
	if out.prefix == "" {
		out.quick = quickOf(out.schema, out.integer)
	}
	return out, nil
}

// Wants is what somebody is told who sent another value.
func (p *Param) Wants() string { return p.wants }

// Words are all that it takes; none = it does not go by words.
func (p *Param) Words() []string { return p.words }

// Whole says whether it is a whole number.
func (p *Param) Whole() bool { return p.integer }

// Group is of which parameters that go together it is one; "" = of none.
func (p *Param) Group() string { return text(p.Extensions, "x-group") }

// says makes the sentence for who sent another value.
func (p *Param) says() string {
	switch {
	case len(p.words) > 0:
		return "no such " + strings.ReplaceAll(p.Name, "_", " ")
	case p.integer && p.schema.Min != nil && p.schema.Max != nil:
		return fmt.Sprintf("wants a whole number from %.0f to %.0f", *p.schema.Min, *p.schema.Max)
	case p.integer:
		return "wants a whole number"
	}
	return "has not the form that it must have"
}

// Query checks the query parameters of a request: a name that the operation
// does not know, one that is given twice, a value that its schema does not
// take, a required one that is missing. An empty value is as good as none. The
// error is a *problem.Problem that tells all of them.
func (o *Operation) Query(values url.Values) error {
	if o.lenient {
		return nil
	}
	var wrong []*problem.Problem
	for name, given := range values {
		if err := o.check(name, given); err != nil {
			wrong = append(wrong, err)
		}
	}
	for _, p := range o.params {
		if p.In == openapi3.ParameterInQuery && p.Required && values.Get(p.Name) == "" {
			wrong = append(wrong, problem.Parameter(p.Name, "is required: "+strings.TrimPrefix(p.wants, "is required: "), p.words...))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.SliceStable(wrong, func(i, j int) bool { return wrong[i].Parameter < wrong[j].Parameter })
	return problem.Join(wrong)
}

func (o *Operation) check(name string, given []string) *problem.Problem {
	p := o.param(openapi3.ParameterInQuery, name)
	if p == nil || p.prefix != "" {
		if o.prefix == nil || !strings.HasPrefix(name, o.prefix.prefix) {
			return problem.UnknownParameter(name, o.allowed)
		}
		if len(given) == 1 {
			return o.prefix.named(name)
		}
	}
	if len(given) != 1 {
		return problem.Parameter(name, "is given more than once")
	}
	if given[0] == "" {
		return nil
	}
	return p.value(given[0])
}

// named checks the name of one of the many that p stands for.
func (p *Param) named(name string) *problem.Problem {
	if p.schema.PropertyNames.Value.VisitJSON(name) != nil {
		return problem.Parameter(name, p.wants)
	}
	return nil
}

// Places checks the parameters in the path; get gives them as they came.
func (o *Operation) Places(get func(string) string) error {
	if o.lenient {
		return nil
	}
	for _, p := range o.params {
		if p.In != openapi3.ParameterInPath {
			continue
		}
		value := get(p.Name)
		if strings.Contains(value, "%") {
			if plain, err := url.PathUnescape(value); err == nil {
				value = plain
			}
		}
		if err := p.value(value); err != nil {
			return err
		}
	}
	return nil
}

// value checks one value as it came.
func (p *Param) value(given string) *problem.Problem {
	if p.quick.takes(given) {
		return nil
	}
	var v any = given
	if p.integer {
		n, err := strconv.ParseUint(strings.TrimPrefix(given, "-"), 10, 64)
		if err != nil || (n > math.MaxInt64 && p.schema.Format != "uint64") {
			return p.refuse()
		}
		f := float64(n)
		if strings.HasPrefix(given, "-") {
			f = -f
		}
		v = f
	}
	if p.schema.VisitJSON(v) != nil {
		return p.refuse()
	}
	return nil
}

func (p *Param) refuse() *problem.Problem {
	return problem.Parameter(p.Name, p.wants, slices.Clone(p.words)...)
}
