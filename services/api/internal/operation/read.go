package operation

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/problem"
)

// reader takes parameters out of a request and keeps what was first wrong. An
// empty parameter of the query is as good as none.
type reader struct {
	c   echo.Context
	err error
}

func (r *reader) refuse(name, wants string, words []string) {
	if r.err == nil {
		r.err = problem.Parameter(name, wants, slices.Clone(words)...)
	}
}

// place is a part of the path, decoded.
func (r *reader) place(name string) string {
	text := r.c.Param(name)
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// placeWhole is a whole number in the path.
func (r *reader) placeWhole(name string, low, high uint64, wants string) uint64 {
	n, err := strconv.ParseUint(r.place(name), 10, 64)
	if err != nil || n < low || n > high {
		r.refuse(name, wants, nil)
	}
	return n
}

// text is any string, usual where it is absent.
func (r *reader) text(name, usual string) string {
	if given := r.c.QueryParam(name); given != "" {
		return given
	}
	return usual
}

// must is a string that has to be there.
func (r *reader) must(name, wants string) string {
	given := r.c.QueryParam(name)
	if given == "" {
		r.refuse(name, wants, nil)
	}
	return given
}

// word is one of words, usual where it is absent: "" = as good as any word.
func (r *reader) word(name, usual string, words []string, wants string) string {
	given := r.text(name, usual)
	if given != "" && !slices.Contains(words, given) {
		r.refuse(name, wants, words)
	}
	return given
}

// anyCase is one of words in any case; it gives the word as it is described.
func (r *reader) anyCase(name string, words []string, wants string) string {
	given := r.c.QueryParam(name)
	if given == "" {
		return ""
	}
	for _, w := range words {
		if strings.EqualFold(w, given) {
			return w
		}
	}
	r.refuse(name, wants, words)
	return ""
}

// needed refuses a word that is absent and has to be there.
func (r *reader) needed(name, given string, words []string, wants string) string {
	if given == "" {
		r.refuse(name, wants, words)
	}
	return given
}

// whole is a whole number from low to high, usual where it is absent.
func (r *reader) whole(name string, low, high, usual int64, wants string) int64 {
	return r.perhaps(name, low, high, wants).Or(usual)
}

// perhaps is a whole number from low to high that may be absent.
func (r *reader) perhaps(name string, low, high int64, wants string) Maybe[int64] {
	given := r.c.QueryParam(name)
	if given == "" {
		return Maybe[int64]{}
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil || n < low || n > high || given[0] == '+' {
		r.refuse(name, wants, nil)
	}
	return Maybe[int64]{n, true}
}

// many are the parameters whose names begin with a prefix, by what follows it.
// One that is empty is there.
func (r *reader) many(prefix string) map[string]string {
	var out map[string]string
	for name, values := range r.c.QueryParams() {
		if rest, ok := strings.CutPrefix(name, prefix); ok && len(values) > 0 {
			if out == nil {
				out = map[string]string{}
			}
			out[rest] = values[0]
		}
	}
	return out
}
