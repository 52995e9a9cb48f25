package spec

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// quick is a schema's check of one value, made ready: walking a schema costs
// more than most answers. It is sure of what it takes; what it does not take may
// still be right, and the schema decides.
type quick struct {
	integer  bool
	min, max uint64
	words    []string       // all that it takes; none = anything
	pattern  *regexp.Regexp // nil = anything
}

// exact is the highest integer up to which a schema's bounds, which are floats,
// mean what they say.
const exact = 1 << 53

// quickOf makes the check; nil when the schema says anything else than what is
// known here.
func quickOf(s *openapi3.Schema, integer bool) *quick {
	q := &quick{integer: integer, max: exact}
	rest := *s
	rest.Type, rest.Description, rest.Title, rest.Default, rest.Example, rest.Examples, rest.Extensions, rest.Origin = nil, "", "", nil, nil, nil, nil, nil
	if integer {
		if f := s.Format; f != "" && f != "int64" && f != "uint64" {
			return nil
		}
		if s.Min != nil && *s.Min > 0 {
			q.min = uint64(*s.Min)
		}
		if s.Max != nil {
			if *s.Max < 0 {
				return nil
			}
			q.max = min(q.max, uint64(*s.Max))
		}
		if float64(q.min) != max(0, value(s.Min)) || len(s.Enum) > 0 {
			return nil
		}
		rest.Format, rest.Min, rest.Max = "", nil, nil
	} else {
		for _, v := range s.Enum {
			word, ok := v.(string)
			if !ok {
				return nil
			}
			q.words = append(q.words, word)
		}
		if s.Pattern != "" {
			var err error
			if q.pattern, err = regexp.Compile(s.Pattern); err != nil {
				return nil
			}
		}
		rest.Enum, rest.Pattern = nil, ""
	}
	if !reflect.ValueOf(rest).IsZero() {
		return nil
	}
	return q
}

func value(f *float64) float64 {
	if f == nil {
		return 0
	}
	return *f
}

// takes is true for a value that the schema takes, and says nothing otherwise.
func (q *quick) takes(text string) bool {
	switch {
	case q == nil:
		return false
	case q.integer:
		n, ok := small(text)
		return ok && q.min <= n && n <= q.max
	case q.words != nil:
		return slices.Contains(q.words, text) && (q.pattern == nil || q.pattern.MatchString(text))
	}
	return q.pattern == nil || q.pattern.MatchString(text)
}

// small reads up to 15 digits.
func small(text string) (n uint64, ok bool) {
	if text == "" || len(text) > 15 {
		return 0, false
	}
	for i := range len(text) {
		c := text[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// Plain is true for a query that Query takes, and says nothing otherwise. The
// query must need no decoding: it has no %, + or ;.
func (o *Operation) Plain(raw string) bool {
	if o.lenient {
		return true
	}
	if len(o.params) > 64 {
		return false
	}
	var seen uint64
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, given, _ := strings.Cut(pair, "=")
		i := o.index(name)
		if i < 0 || o.params[i].prefix != "" || seen&(1<<i) != 0 || given != "" && !o.params[i].quick.takes(given) {
			return false
		}
		seen |= 1 << i
		if given == "" && o.params[i].Required {
			return false
		}
	}
	return o.required&^seen == 0
}

// index is the place of a query parameter among the operation's, or -1.
func (o *Operation) index(name string) int {
	for i, p := range o.params {
		if p.In == openapi3.ParameterInQuery && p.Name == name {
			return i
		}
	}
	return -1
}
