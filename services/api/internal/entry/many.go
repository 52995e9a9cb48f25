package entry

import (
	"fondaco.dev/services/api/internal/command"
)

// Many is the commands of one request, those that could be read and those that
// could not.
type Many struct {
	Data     []byte // the commands as elements of orders.v1.Pack.commands
	commands []command.Command
	elements [][]byte
	errors   []error // by element; nil = sent
	sent     int
	fresh    bool
}

// Read takes a JSON array. op says what each element is ("place", "cancel",
// "amend"); "" = each says so itself. The elements alias raw until the answer
// is written.
func (m *Many) Read(r *Reader, raw []byte, op string, account uint64, requestID string) error {
	if m.Quick(r, raw, op, account, requestID) {
		return nil
	}
	return m.general(r, raw, op, account, requestID)
}

func (m *Many) general(r *Reader, raw []byte, op string, account uint64, requestID string) error {
	var err error
	if m.elements, err = Elements(raw, m.elements); err != nil {
		return err
	}
	for _, e := range m.elements {
		m.one(r, e, op, account, requestID)
		requestID = "" // one of them is enough for a log
	}
	return nil
}

// ReadOne takes a single command.
func (m *Many) ReadOne(r *Reader, raw []byte, op string, account uint64, requestID string) {
	m.reset()
	m.elements = append(m.elements, raw)
	m.one(r, raw, op, account, requestID)
}

func (m *Many) reset() {
	m.Data, m.commands, m.elements, m.errors, m.sent, m.fresh = m.Data[:0], m.commands[:0], m.elements[:0], m.errors[:0], 0, false
}

// next is the place of one more command, with whatever it held before.
func (m *Many) next() *command.Command {
	if len(m.commands) < cap(m.commands) {
		m.commands = m.commands[:len(m.commands)+1]
	} else {
		m.commands = append(m.commands, command.Command{})
	}
	return &m.commands[len(m.commands)-1]
}

func (m *Many) one(r *Reader, raw []byte, op string, account uint64, requestID string) {
	c := m.next()
	r.earlier = m.Data
	err := r.read(op, raw, c)
	r.earlier = nil
	m.errors = append(m.errors, err)
	if err == nil {
		m.Data = c.Append(m.Data, account, requestID)
		m.sent++
		m.fresh = m.fresh || c.New()
	}
}

// Sent is how many commands could be read.
func (m *Many) Sent() int { return m.sent }

// New says whether one of them may add to a book.
func (m *Many) New() bool { return m.fresh }

// Append writes the array of outcomes, in the order of the elements.
func (m *Many) Append(b []byte, outcomes []command.Outcome) []byte {
	b = append(b, '[')
	for i := range m.commands {
		if i > 0 {
			b = append(b, ',')
		}
		b, outcomes = m.appendOne(b, i, outcomes)
	}
	return append(b, ']')
}

// AppendOne writes the outcome of a single command.
func (m *Many) AppendOne(b []byte, outcomes []command.Outcome) []byte {
	b, _ = m.appendOne(b, 0, outcomes)
	return b
}

func (m *Many) appendOne(b []byte, i int, outcomes []command.Outcome) ([]byte, []command.Outcome) {
	if m.errors[i] != nil {
		return AppendError(b, m.errors[i]), outcomes
	}
	return AppendResult(b, &m.commands[i], &outcomes[0]), outcomes[1:]
}

func (r *Reader) read(op string, raw []byte, c *command.Command) error {
	switch op {
	case "place":
		return r.Place(raw, c)
	case "cancel":
		return r.Cancel(raw, c)
	case "amend":
		return r.Amend(raw, nil, c)
	case "replace":
		return r.Replace(raw, nil, c)
	case "pair":
		return r.Pair(raw, c)
	case "cancel_all":
		return r.CancelAll(raw, c)
	case "keep_alive":
		return r.KeepAlive(raw, c)
	}
	return r.Element(raw, c)
}

// Head is what a socket's message about orders begins with: its operation, its
// id as raw JSON, and what it is about.
type Head struct{ Op, ID, Data []byte }

// ReadHead reads {"op":…,"id":…,"data":…}; false when the message has any other
// form.
func ReadHead(text []byte) (h Head, ok bool) {
	s := scanner{b: text}
	if !s.next('{') {
		return h, false
	}
	for first := true; ; first = false {
		more, ok := s.each(first, '}')
		if !ok {
			return h, false
		}
		if !more {
			return h, s.end()
		}
		name, ok := s.key()
		if !ok {
			return h, false
		}
		s.space()
		from := s.i
		kind, tok, ok := s.value()
		switch {
		case !ok:
			return h, false
		case string(name) == "op" && kind == isString && h.Op == nil:
			h.Op = tok
		case string(name) == "id" && h.ID == nil:
			h.ID = s.b[from:s.i]
		case string(name) == "data" && h.Data == nil && (kind == isObject || kind == isArray):
			h.Data = tok
		default:
			return h, false
		}
	}
}
