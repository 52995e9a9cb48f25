// Package sse reads a text/event-stream, however the network cuts it.
//
// One event on the wire, as a Casper node writes it (data before id, comments
// as keep-alive):
//
//	:                          comment, ignored
//	data:{"BlockAdded":{…}}    one or more; joined by \n
//	id:17                      optional
//	                           an empty line ends the event
//
// A line ends with CR, LF or CRLF, also when a CR and its LF arrive in two
// reads. Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6. It
// differs from the standard in two ways, on purpose: an event has the id of its
// own lines only (the standard lets it linger), and an event that the end of
// the stream cuts off is handed out, marked Cut, instead of being dropped: nodes and
// recordings leave out the last empty line.
package sse

import (
	"bytes"
	"io"
)

// Event is one event of the stream.
type Event struct {
	// Name is the value of the event: line; empty when there was none.
	Name string
	// ID is the value of the id: line; HasID tells "" from none.
	ID    string
	HasID bool
	// Data holds the data: lines, joined by \n. The receiver owns it.
	Data []byte
	// Cut: the stream ended before the event's empty line, so Data may be
	// a beginning only. An unfinished id: line is not used.
	Cut bool
	// Oversize is about the number of bytes of an event above the decoder's
	// limit, whose Data is empty; 0 for all others.
	Oversize int64
}

// Parser takes the stream in chunks of any size. The zero value is not ready:
// use NewParser.
type Parser struct {
	limit   int
	line    []byte // current line, without its end
	lineLen int64  // length of the current line, also when line stopped growing
	ev      Event
	data    []byte
	hasData bool
	over    int64 // bytes of an oversize event so far
	skipLF  bool  // the last byte was CR: a LF right after it belongs to it
	started bool  // the first line, which may begin with a BOM, was seen
	ready   []Event
}

// NewParser returns a parser that keeps at most limit bytes of one event.
func NewParser(limit int) *Parser { return &Parser{limit: limit} }

// Feed takes the next bytes of the stream. It keeps no reference to p.
func (p *Parser) Feed(b []byte) {
	for len(b) > 0 {
		if p.skipLF {
			p.skipLF = false
			if b[0] == '\n' {
				b = b[1:]
				continue
			}
		}
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			p.grow(b)
			return
		}
		p.grow(b[:end])
		p.endLine(true)
		p.skipLF = b[end] == '\r'
		b = b[end+1:]
	}
}

// Close says that the stream has ended: what is left becomes a Cut event.
func (p *Parser) Close() {
	if p.lineLen > 0 {
		p.endLine(false)
	}
	if p.hasData {
		p.ev.Cut = true
		p.dispatch()
	}
}

// Pop returns the next complete event.
func (p *Parser) Pop() (Event, bool) {
	if len(p.ready) == 0 {
		p.ready = nil
		return Event{}, false
	}
	e := p.ready[0]
	p.ready[0] = Event{}
	p.ready = p.ready[1:]
	return e, true
}

// grow appends to the current line, up to the limit (plus room for a field
// name); what is above it is counted and thrown away.
func (p *Parser) grow(b []byte) {
	p.lineLen += int64(len(b))
	if room := p.limit + 16 - len(p.line); room < len(b) {
		b = b[:max(room, 0)]
	}
	p.line = append(p.line, b...)
}

// endLine takes the finished line; terminated is false for the rest at the end
// of the stream.
func (p *Parser) endLine(terminated bool) {
	line, full := p.line, p.lineLen
	p.line, p.lineLen = p.line[:0], 0
	if !p.started {
		p.started = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		if len(line) == 0 && full > 0 {
			return
		}
	}
	if full == 0 {
		p.dispatch()
		return
	}
	if line[0] == ':' {
		return
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "data":
		p.addData(value, full)
	case "id":
		// The standard ignores an id that holds NUL.
		if terminated && bytes.IndexByte(value, 0) < 0 {
			p.ev.ID, p.ev.HasID = string(value), true
		}
	case "event":
		p.ev.Name = string(value)
	}
}

func (p *Parser) addData(value []byte, full int64) {
	if p.over > 0 || int64(len(p.data))+full > int64(p.limit) {
		p.over += int64(len(p.data)) + full
		p.data, p.hasData = nil, true
		return
	}
	if p.hasData {
		p.data = append(p.data, '\n')
	}
	p.data = append(p.data, value...)
	p.hasData = true
}

// dispatch ends the current event. Without data it is no event; an id without
// data is forgotten.
func (p *Parser) dispatch() {
	if p.hasData {
		p.ev.Data, p.ev.Oversize = p.data, p.over
		p.ready = append(p.ready, p.ev)
	}
	p.ev, p.data, p.hasData, p.over = Event{}, nil, false, 0
}

// Decoder reads events from a stream.
type Decoder struct {
	r   io.Reader
	p   *Parser
	buf []byte
	err error
}

// NewDecoder returns a decoder that keeps at most limit bytes of one event.
func NewDecoder(r io.Reader, limit int) *Decoder {
	return &Decoder{r: r, p: NewParser(limit), buf: make([]byte, 32<<10)}
}

// Next returns the next event, or the reader's error once all events before it
// were returned; io.EOF at the end.
func (d *Decoder) Next() (Event, error) {
	for {
		if e, ok := d.p.Pop(); ok {
			return e, nil
		}
		if d.err != nil {
			return Event{}, d.err
		}
		n, err := d.r.Read(d.buf)
		d.p.Feed(d.buf[:n])
		if err != nil {
			d.p.Close()
			d.err = err
		}
	}
}
