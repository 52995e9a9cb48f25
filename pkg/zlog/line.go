package zlog

import (
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Lines writes lines of one name and one message, of level info, of which there
// are many and none is urgent, such as one a request. They are the bytes that the
// logger would write, for a fraction of its time: what is the same in all of them
// is encoded once, and they wait for each other, since writing each by itself
// would cost a system call. That needs Flushing to run; a process that is killed
// loses the last second of them. The zero value and nil write nothing.
type Lines struct {
	sink  *sink // nil = nothing is written
	level zap.AtomicLevel
	form  form
	now   atomic.Pointer[second]
}

// form is what all lines have: before, time, after, session, request, the
// request's id, fields, the fields and the end.
type form struct {
	brief                          bool   // before is all there is
	json                           bool   // else readable
	layout                         string // of times, up to the second
	before, after, request, fields string
	space                          string // behind commas and colons
}

// second is what the times of one second have in common.
type second struct {
	unix       int64
	text, zone string
}

// Lines is for those of one message, under a name below the logger's. Both are
// plain text.
func (l *Logger) Lines(name, message string) *Lines {
	if l.sink == nil {
		return &Lines{}
	}
	out := &Lines{sink: l.sink, level: l.Level.atomic}
	level, name := levelName(zapcore.InfoLevel), l.Name()+"."+name
	switch l.encoder.(type) {
	case briefEncoder:
		out.form = form{brief: true, before: message + "\n"}
	case *readableEncoder:
		out.form = form{layout: "15:04:05", after: " " + level + " " + name + " [", request: "/", fields: "] " + message + " {", space: " "}
	default:
		out.form = form{json: true, layout: "2006-01-02T15:04:05", before: `{"level":"` + level + `","time":"`,
			after:   `","service":"` + name + `","msg":"` + message + `","` + sessionKey + `":"`,
			request: `","` + requestKey + `":"`, fields: `"`}
	}
	return out
}

// Line is one of them under way, with one field at least. Its memory is used
// again.
type Line struct {
	lines *Lines
	buf   []byte
}

// Begin makes line the next one; false when the level is above info: nothing
// else may be called then. Session and request may not be empty.
func (l *Lines) Begin(line *Line, at time.Time, session, request string) bool {
	if l == nil || l.sink == nil || !l.level.Enabled(zapcore.InfoLevel) {
		return false
	}
	f := &l.form
	line.lines = l
	b := append(line.buf[:0], f.before...)
	if !f.brief {
		s, ms := l.second(at), at.Nanosecond()/1e6
		b = append(append(b, s.text...), '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		b = append(append(b, s.zone...), f.after...)
		if f.json {
			b = append(quote(append(quote(b, session), f.request...), request), f.fields...)
		} else {
			b = append(append(append(append(b, session...), f.request...), request...), f.fields...)
		}
	}
	line.buf = b
	return true
}

func (l *Lines) second(at time.Time) *second {
	unix := at.Unix()
	s := l.now.Load()
	if s == nil || s.unix != unix {
		s = &second{unix: unix, text: at.Format(l.form.layout)}
		if l.form.json {
			s.zone = at.Format("Z0700")
		}
		l.now.Store(s)
	}
	return s
}

// name begins a field; false when fields are not written.
func (l *Line) name(name string) bool {
	f := &l.lines.form
	if f.brief {
		return false
	}
	if l.buf[len(l.buf)-1] != '{' {
		l.buf = append(append(l.buf, ','), f.space...)
	}
	l.buf = append(append(append(append(l.buf, '"'), name...), `":`...), f.space...)
	return true
}

// String adds a field. Names are plain text.
func (l *Line) String(name, value string) {
	if l.name(name) {
		l.buf = append(quote(append(l.buf, '"'), value), '"')
	}
}

// Int adds a field.
func (l *Line) Int(name string, value int64) {
	if l.name(name) {
		l.buf = strconv.AppendInt(l.buf, value, 10)
	}
}

// Address adds a field.
func (l *Line) Address(name string, value netip.Addr) {
	switch {
	case value.Zone() != "" || !value.IsValid():
		l.String(name, value.String())
	case l.name(name):
		l.buf = append(value.AppendTo(append(l.buf, '"')), '"')
	}
}

// exact is below what a float64 holds of nanoseconds in 15 digits: their text is
// the shortest that is read as the same number of seconds.
const exact = 1e15

// Duration adds a field, in seconds.
func (l *Line) Duration(name string, value time.Duration) {
	if !l.name(name) {
		return
	}
	if value < 0 || value >= exact {
		l.buf = strconv.AppendFloat(l.buf, float64(value)/float64(time.Second), 'f', -1, 64)
		return
	}
	l.buf = strconv.AppendInt(l.buf, int64(value/time.Second), 10)
	if rest := value % time.Second; rest > 0 {
		l.buf = append(l.buf, '.')
		for unit := time.Second / 10; rest > 0; unit /= 10 {
			l.buf = append(l.buf, byte('0'+rest/unit))
			rest %= unit
		}
	}
}

// End writes the line.
func (l *Line) End() {
	if !l.lines.form.brief {
		l.buf = append(l.buf, "}\n"...)
	}
	l.lines.sink.add(l.buf)
}

// quote appends what stands between quotes in JSON, as zap has it.
func quote(b []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		} else if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, `\ufffd`...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	return append(b, s[from:]...)
}
