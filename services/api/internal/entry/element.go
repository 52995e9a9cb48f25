package entry

import (
	"strconv"

	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/problem"
)

// Element reads one element of a batch: an object whose op says what it is.
func (r *Reader) Element(raw []byte, c *command.Command) error {
	*c = command.Command{}
	op := opOf(raw)
	more := setOf(fOp)
	switch string(op) {
	case "place":
		return r.place(raw, more, c)
	case "cancel":
		return r.cancel(raw, more, c)
	case "amend":
		return r.amend(raw, nil, more, c)
	case "replace":
		return r.replace(raw, nil, more, c)
	case "pair":
		return r.pair(raw, more, c)
	}
	return problem.Parameter("op", "is required", "place", "cancel", "amend", "replace", "pair")
}

func opOf(raw []byte) []byte {
	s := scanner{b: raw}
	if !s.next('{') {
		return nil
	}
	for first := true; ; first = false {
		more, ok := s.each(first, '}')
		if !ok || !more {
			return nil
		}
		name, ok := s.key()
		if !ok {
			return nil
		}
		kind, tok, ok := s.value()
		if !ok {
			return nil
		}
		if string(name) == "op" && kind == isString {
			return tok
		}
	}
}

// Elements cuts an array of 1 to MaxBatch objects.
func Elements(raw []byte, out [][]byte) ([][]byte, error) {
	s := scanner{b: raw}
	wants := "an array of 1 to " + strconv.Itoa(MaxBatch) + " objects"
	if !s.next('[') {
		return nil, BadBody(wants)
	}
	for first := true; ; first = false {
		more, ok := s.each(first, ']')
		if !ok {
			return nil, BadBody(wants)
		}
		if !more {
			break
		}
		kind, tok, ok := s.value()
		if !ok || kind != isObject {
			return nil, BadBody(wants)
		}
		if len(out) == MaxBatch {
			return nil, problem.New(413, "too_many", "a request may hold "+strconv.Itoa(MaxBatch)+" commands")
		}
		out = append(out, tok)
	}
	if !s.end() || len(out) == 0 {
		return nil, BadBody(wants)
	}
	return out, nil
}

// name reads which order is meant.
