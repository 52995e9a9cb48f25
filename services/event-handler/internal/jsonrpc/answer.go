package jsonrpc

import (
	"bytes"
	"encoding/json"
)

// split reads the answers of one exchange without looking into their results,
// which alias data: encoding/json would read each result three times, and
// results of 10 MB are common. It is not ok at anything that it does not expect;
// then encoding/json decides. That a result is well-formed JSON is left
// to the one who decodes it.
func split(data []byte) (answers []response, ok bool) {
	s := splitter{b: data}
	switch s.next() {
	case '{':
		answers = make([]response, 1)
		ok = s.answer(&answers[0])
	case '[':
		answers, ok = s.list()
	}
	return answers, ok && s.next() == 0 && s.i >= len(s.b)
}

type splitter struct {
	b []byte
	i int
}

// next skips white space and returns the next byte, which it consumes; 0 at the end.
func (s *splitter) next() byte {
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			s.i++
			return c
		}
	}
	return 0
}

// list reads an array of answers behind its bracket.
func (s *splitter) list() (answers []response, ok bool) {
	for {
		switch c := s.next(); {
		case c == ']' && len(answers) == 0:
			return answers, true
		case c == '{':
			answers = append(answers, response{})
			if !s.answer(&answers[len(answers)-1]) {
				return nil, false
			}
		default:
			return nil, false
		}
		switch s.next() {
		case ',':
		case ']':
			return answers, true
		default:
			return nil, false
		}
	}
}

// answer reads one answer behind its brace.
func (s *splitter) answer(a *response) bool {
	for first := true; ; first = false {
		switch c := s.next(); {
		case c == '}' && first:
			return true
		case c != '"':
			return false
		}
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			return false
		}
		key := s.b[s.i : s.i+n]
		s.i += n + 1
		if s.next() != ':' {
			return false
		}
		value, ok := s.value()
		if !ok {
			return false
		}
		switch string(key) {
		case "jsonrpc":
		case "id":
			a.ID = value
		case "result":
			a.Result = value
		case "error":
			a.Error = nil
			if json.Unmarshal(value, &a.Error) != nil {
				return false
			}
		default:
			return false // perhaps a key in other letters
		}
		switch s.next() {
		case ',':
		case '}':
			return true
		default:
			return false
		}
	}
}

// value skips one value and returns it. Of what is within strings, arrays and
// objects it looks at quotes and brackets only.
func (s *splitter) value() ([]byte, bool) {
	c := s.next()
	start := s.i - 1
	switch c {
	case '"':
		ok := s.text()
		return s.b[start:s.i], ok
	case '[', '{':
		ok := s.nested()
		return s.b[start:s.i], ok
	case 0:
		return nil, false
	}
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			v := s.b[start:s.i]
			return v, json.Valid(v)
		}
	}
	return nil, false
}

// text skips the rest of a string.
func (s *splitter) text() bool {
	for {
		n := bytes.IndexByte(s.b[s.i:], '"')
		if n < 0 {
			return false
		}
		end := s.i + n
		escapes := 0
		for k := end - 1; k >= s.i && s.b[k] == '\\'; k-- {
			escapes++
		}
		s.i = end + 1
		if escapes%2 == 0 {
			return true
		}
	}
}

// nested skips the rest of an array or object.
func (s *splitter) nested() bool {
	depth := 1
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch c {
		case '"':
			if !s.text() {
				return false
			}
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return true
			}
		}
	}
	return false
}
