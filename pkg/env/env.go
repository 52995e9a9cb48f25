// Package env reads settings from the environment and reports every missing or
// malformed one at once.
package env

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lookup is os.LookupEnv or a stand-in for it.
type Lookup = func(name string) (string, bool)

// Secret is a setting that must never be printed. Its value leaves it only by
// Reveal.
type Secret string

const masked = "***"

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the value, so that %v and %s in a log or an error are harmless.
func (s Secret) String() string { return masked }

// GoString hides the value from %#v.
func (s Secret) GoString() string { return masked }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Reader reads settings and collects what is wrong with them. An empty value
// counts as unset.
type Reader struct {
	lookup   Lookup
	problems []string
}

// New returns a Reader over lookup.
func New(lookup Lookup) *Reader { return &Reader{lookup: lookup} }

// Err names every problem met so far, one a line, or is nil.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return errors.New("settings:\n  " + strings.Join(r.problems, "\n  "))
}

// Fail records a problem with the setting name.
func (r *Reader) Fail(name, problem string) {
	r.problems = append(r.problems, name+": "+problem)
}

func (r *Reader) get(name string) (string, bool) {
	v, ok := r.lookup(name)
	v = strings.TrimSpace(v)
	return v, ok && v != ""
}

// String returns the setting or def.
func (r *Reader) String(name, def string) string {
	if v, ok := r.get(name); ok {
		return v
	}
	return def
}

// Required returns the setting; that it is missing is a problem.
func (r *Reader) Required(name string) string {
	v, ok := r.get(name)
	if !ok {
		r.Fail(name, "is required and not set")
	}
	return v
}

// Secret returns the setting or def, wrapped so that it cannot be printed.
func (r *Reader) Secret(name, def string) Secret { return Secret(r.String(name, def)) }

// Int returns the setting or def; a value outside min..max is a problem.
func (r *Reader) Int(name string, def, min, max int) int {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < min || n > max {
		r.Fail(name, fmt.Sprintf("%q is not a whole number from %d to %d", v, min, max))
		return def
	}
	return n
}

// Duration returns the setting or def; it is written as in Go (250ms, 10s, 1h30m).
func (r *Reader) Duration(name string, def time.Duration) time.Duration {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		r.Fail(name, fmt.Sprintf("%q is not a duration such as 250ms, 10s or 1h30m", v))
		return def
	}
	return d
}

// Bool returns the setting or def; true, false, 1 and 0 are understood.
func (r *Reader) Bool(name string, def bool) bool {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	b, err := strconv.ParseBool(strings.ToLower(v))
	if err != nil {
		r.Fail(name, fmt.Sprintf("%q is neither true nor false", v))
		return def
	}
	return b
}

// List returns the comma-separated setting without empty items, or def.
func (r *Reader) List(name string, def ...string) []string {
	v, ok := r.get(name)
	if !ok {
		return def
	}
	var out []string
	for item := range strings.SplitSeq(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// OneOf returns the setting or def; another value than those allowed is a problem.
func (r *Reader) OneOf(name, def string, allowed ...string) string {
	v := r.String(name, def)
	if !slices.Contains(allowed, v) {
		r.Fail(name, fmt.Sprintf("%q is not one of %s", v, strings.Join(allowed, ", ")))
		return def
	}
	return v
}
