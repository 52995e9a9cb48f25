package shape

import (
	"bytes"
	"encoding/json"
	"slices"
)

// canonical gives arguments one byte form: the writer's own JSON on a live
// row and Postgres' jsonb, which reorders keys, on a replayed one. It is what
// decoding and Encode give: no blanks, keys in ascending order.
func canonical(args []byte) json.RawMessage {
	if len(args) == 0 {
		return json.RawMessage("{}")
	}
	if out, ok := rewrite(args); ok {
		return out
	}
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil || v == nil {
		return json.RawMessage("{}")
	}
	return Encode(v)
}

// rewrite is canonical without decoding, for an object of what arguments are
// made of: printable ASCII without escapes, whole numbers, true, false, null,
// arrays and objects. It is not sure of anything else.
func rewrite(args []byte) (json.RawMessage, bool) {
	w := rewriter{in: args, out: make([]byte, 0, len(args))}
	w.blank()
	if w.peek() != '{' || !w.value(0) {
		return nil, false
	}
	w.blank()
	return w.out, w.at == len(args)
}

// maxNested bounds the depth that is rewritten.
const maxNested = 32

type rewriter struct {
	in, out []byte
	at      int // in `in`
}

// member is where `"key":value` stands in out, and its key without quotes.
type member struct{ from, keyEnd, to int }

func (w *rewriter) blank() {
	for w.at < len(w.in) && (w.in[w.at] == ' ' || w.in[w.at] == '\n' || w.in[w.at] == '\t' || w.in[w.at] == '\r') {
		w.at++
	}
}

// peek is the next byte; 0 at the end.
func (w *rewriter) peek() byte {
	if w.at < len(w.in) {
		return w.in[w.at]
	}
	return 0
}

// skip passes c, which is not written, and says whether it was there.
func (w *rewriter) skip(c byte) bool {
	if w.peek() != c {
		return false
	}
	w.at++
	return true
}

func (w *rewriter) value(depth int) bool {
	switch c := w.peek(); {
	case depth > maxNested:
		return false
	case c == '"':
		return w.text()
	case c == '{':
		return w.object(depth)
	case c == '[':
		return w.array(depth)
	case c == '-' || c >= '0' && c <= '9':
		return w.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(w.in[w.at:], []byte(word)) {
			w.out, w.at = append(w.out, word...), w.at+len(word)
			return true
		}
	}
	return false
}

func (w *rewriter) text() bool {
	from := w.at
	for w.at++; ; w.at++ {
		switch c := w.peek(); {
		case c == '"':
			w.at++
			w.out = append(w.out, w.in[from:w.at]...)
			return true
		case c < ' ' || c > '~' || c == '\\':
			return false
		}
	}
}

// number takes whole numbers; what stands behind one decides the caller.
func (w *rewriter) number() bool {
	from := w.at
	w.skip('-')
	first := w.at
	for c := w.peek(); c >= '0' && c <= '9'; c = w.peek() {
		w.at++
	}
	if digits := w.at - first; digits == 0 || digits > 1 && w.in[first] == '0' {
		return false
	}
	w.out = append(w.out, w.in[from:w.at]...)
	return true
}

func (w *rewriter) array(depth int) bool {
	w.skip('[')
	w.out = append(w.out, '[')
	for w.blank(); !w.skip(']'); {
		if !w.value(depth + 1) {
			return false
		}
		w.blank()
		if w.skip(',') {
			w.out = append(w.out, ',')
			if w.blank(); w.peek() == ']' {
				return false
			}
		} else if w.peek() != ']' {
			return false
		}
	}
	w.out = append(w.out, ']')
	return true
}

func (w *rewriter) object(depth int) bool {
	w.skip('{')
	w.out = append(w.out, '{')
	begin := len(w.out)
	var few [8]member
	members, sorted := few[:0], true
	for w.blank(); !w.skip('}'); {
		if len(members) > 0 {
			w.out = append(w.out, ',')
		}
		m := member{from: len(w.out)}
		if w.peek() != '"' || !w.text() {
			return false
		}
		m.keyEnd = len(w.out)
		if w.blank(); !w.skip(':') {
			return false
		}
		w.out = append(w.out, ':')
		if w.blank(); !w.value(depth + 1) {
			return false
		}
		m.to = len(w.out)
		if n := len(members); n > 0 {
			switch w.compare(members[n-1], m) {
			case 0:
				return false
			case 1:
				sorted = false
			}
		}
		members = append(members, m)
		w.blank()
		if w.skip(',') {
			if w.blank(); w.peek() == '}' {
				return false
			}
		} else if w.peek() != '}' {
			return false
		}
	}
	if !sorted && !w.sort(begin, members) {
		return false
	}
	w.out = append(w.out, '}')
	return true
}

func (w *rewriter) compare(a, b member) int {
	return bytes.Compare(w.out[a.from+1:a.keyEnd-1], w.out[b.from+1:b.keyEnd-1])
}

// sort writes the members, which begin in out at begin, in the order of their
// keys; a key that comes twice is left to the decoder.
func (w *rewriter) sort(begin int, members []member) bool {
	slices.SortFunc(members, w.compare)
	end := len(w.out)
	for i, m := range members {
		if i > 0 {
			if w.compare(members[i-1], m) == 0 {
				return false
			}
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, w.out[m.from:m.to]...)
	}
	w.out = append(w.out[:begin], w.out[end:]...)
	return true
}
