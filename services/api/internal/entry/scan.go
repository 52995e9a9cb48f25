package entry

import (
	"bytes"
	"encoding/json"
)

// scanner walks JSON text without building a tree. It is strict: what the
// grammar does not allow is refused.
type scanner struct {
	b []byte
	i int
}

// What a value is.
const (
	isString = '"'
	isNumber = '0'
	isTrue   = 't'
	isFalse  = 'f'
	isNull   = 'n'
	isObject = '{'
	isArray  = '['
)

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

// next skips white space and takes c if it is there.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// end says whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.i == len(s.b)
}

// each walks an object's members or an array's elements behind its opening
// bracket: it says whether there is another one.
func (s *scanner) each(first bool, closing byte) (more, ok bool) {
	if s.next(closing) {
		return false, first || s.b[s.i-1] == closing
	}
	if !first && !s.next(',') {
		return false, false
	}
	s.space()
	return s.i < len(s.b) && s.b[s.i] != closing, s.i < len(s.b) && s.b[s.i] != closing
}

// key reads a member's name and the colon.
func (s *scanner) key() ([]byte, bool) {
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return nil, false
	}
	name, ok := s.str()
	return name, ok && s.next(':')
}

// value reads any value: a string's content, the text of a number, the whole
// text of an object or array.
func (s *scanner) value() (kind byte, tok []byte, ok bool) {
	s.space()
	if s.i >= len(s.b) {
		return 0, nil, false
	}
	from := s.i
	switch c := s.b[s.i]; {
	case c == '"':
		tok, ok = s.str()
		return isString, tok, ok
	case c == '{' || c == '[':
		ok = s.skip(0)
		return c, s.b[from:s.i], ok
	case c == 't':
		return isTrue, nil, s.word("true")
	case c == 'f':
		return isFalse, nil, s.word("false")
	case c == 'n':
		return isNull, nil, s.word("null")
	case c == '-' || c >= '0' && c <= '9':
		for s.i < len(s.b) && bytes.IndexByte([]byte("+-.eE0123456789"), s.b[s.i]) >= 0 {
			s.i++
		}
		tok = s.b[from:s.i]
		return isNumber, tok, plain(tok) || json.Valid(tok)
	}
	return 0, nil, false
}

// plain says whether a number is a whole one as most are.
func plain(tok []byte) bool {
	for _, c := range tok {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(tok) == 1 || tok[0] != '0'
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// str reads a string; without escapes it aliases the text.
func (s *scanner) str() ([]byte, bool) {
	from := s.i
	escaped := false
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			if !escaped {
				return s.b[from+1 : s.i-1], true
			}
			var out string
			if json.Unmarshal(s.b[from:s.i], &out) != nil {
				return nil, false
			}
			return []byte(out), true
		case c == '\\':
			escaped = true
			s.i++
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// maxDepth of nested values in what is skipped over.
const maxDepth = 16

// skip moves behind an object or array.
func (s *scanner) skip(depth int) bool {
	if depth > maxDepth {
		return false
	}
	open := s.b[s.i]
	s.i++
	closing := byte('}')
	if open == '[' {
		closing = ']'
	}
	for first := true; ; first = false {
		more, ok := s.each(first, closing)
		if !ok || !more {
			return ok
		}
		if open == '{' {
			if _, ok := s.key(); !ok {
				return false
			}
		}
		s.space()
		if s.i < len(s.b) && (s.b[s.i] == '{' || s.b[s.i] == '[') {
			if !s.skip(depth + 1) {
				return false
			}
			continue
		}
		if _, _, ok := s.value(); !ok {
			return false
		}
	}
}
