// Package zlog makes the loggers of all services: one set of levels, three
// formats, and a level that can be changed while the process runs.
package zlog

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"fondaco.dev/pkg/env"
)

// TraceLevel is finer than debug.
const TraceLevel = zapcore.DebugLevel - 1

const (
	allLevel = zapcore.Level(-128)
	offLevel = zapcore.Level(127)
)

var levels = []struct {
	name  string
	level zapcore.Level
}{
	{"all", allLevel}, {"trace", TraceLevel}, {"debug", zapcore.DebugLevel}, {"info", zapcore.InfoLevel},
	{"warn", zapcore.WarnLevel}, {"error", zapcore.ErrorLevel}, {"fatal", zapcore.FatalLevel}, {"off", offLevel},
}

// LevelNames lists what ParseLevel understands.
func LevelNames() string {
	names := make([]string, len(levels))
	for i, l := range levels {
		names[i] = l.name
	}
	return strings.Join(names, ", ")
}

// ParseLevel reads a level's name in any case.
func ParseLevel(s string) (zapcore.Level, error) {
	for _, l := range levels {
		if strings.EqualFold(s, l.name) {
			return l.level, nil
		}
	}
	return 0, fmt.Errorf("log level %q is not one of %s", s, LevelNames())
}

func levelName(l zapcore.Level) string {
	for _, known := range levels {
		if known.level == l {
			return known.name
		}
	}
	return l.String()
}

// Config is how a process logs.
type Config struct {
	Level  string // LOG_LEVEL, default info
	Format string // LOG_FORMAT: "" readable, "json", "brief" message only
}

// ConfigFromEnv reads LOG_LEVEL and LOG_FORMAT.
func ConfigFromEnv(r *env.Reader) Config {
	cfg := Config{Level: r.String("LOG_LEVEL", "info"), Format: r.OneOf("LOG_FORMAT", "", "", "json", "brief")}
	if _, err := ParseLevel(cfg.Level); err != nil {
		r.Fail("LOG_LEVEL", err.Error())
	}
	return cfg
}

// Level is a logger's level, changeable while it is used.
type Level struct{ atomic zap.AtomicLevel }

// Set changes the level by name.
func (l *Level) Set(name string) error {
	lvl, err := ParseLevel(name)
	if err != nil {
		return err
	}
	l.atomic.SetLevel(lvl)
	return nil
}

// String is the level's name.
func (l *Level) String() string { return levelName(l.atomic.Level()) }

// Logger is a zap logger and the level that governs it.
type Logger struct {
	*zap.Logger
	Level *Level

	encoder zapcore.Encoder
	sink    *sink // nil of Nop
}

// New makes the logger of one service; every line carries its name.
func New(cfg Config, service string, w io.Writer) (*Logger, error) {
	lvl, err := ParseLevel(cfg.Level)
	if err != nil {
		return nil, err
	}
	level := &Level{atomic: zap.NewAtomicLevelAt(lvl)}
	var enc zapcore.Encoder
	switch cfg.Format {
	case "json":
		enc = zapcore.NewJSONEncoder(encoding())
	case "brief":
		enc = briefEncoder{Encoder: zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), out: zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "msg"})}
	default:
		enc = &readableEncoder{Encoder: zapcore.NewConsoleEncoder(readable())}
	}
	out := &sink{w: w}
	core := zapcore.NewCore(enc, out, level.atomic)
	return &Logger{Logger: zap.New(core).Named(service), Level: level, encoder: enc, sink: out}, nil
}

// Nop is a logger that writes nothing.
func Nop() *Logger {
	return &Logger{Logger: zap.NewNop(), Level: &Level{atomic: zap.NewAtomicLevelAt(offLevel)}}
}

func encodeLevel(l zapcore.Level, enc zapcore.PrimitiveArrayEncoder) { enc.AppendString(levelName(l)) }

func encoding() zapcore.EncoderConfig {
	cfg := zap.NewProductionEncoderConfig()
	cfg.TimeKey, cfg.NameKey, cfg.MessageKey = "time", "service", "msg"
	cfg.EncodeTime = zapcore.ISO8601TimeEncoder
	cfg.EncodeLevel = encodeLevel
	return cfg
}

func readable() zapcore.EncoderConfig {
	cfg := encoding()
	cfg.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	cfg.ConsoleSeparator = " "
	return cfg
}

// Fields that the readable format turns into its [session/request] prefix.
const (
	sessionKey = "session"
	requestKey = "request"
)

// Session is the field of the connection or gateway that a line belongs to.
func Session(id string) zap.Field { return zap.String(sessionKey, id) }

// Request is the field of the request that a line belongs to.
func Request(id string) zap.Field { return zap.String(requestKey, id) }

// readableEncoder writes "[session/request] message", so that a person can
// follow one request with the eye.
type readableEncoder struct {
	zapcore.Encoder
	session, request string
}

func (e *readableEncoder) Clone() zapcore.Encoder {
	return &readableEncoder{Encoder: e.Encoder.Clone(), session: e.session, request: e.request}
}

// AddString receives fields given by With.
func (e *readableEncoder) AddString(key, value string) {
	switch key {
	case sessionKey:
		e.session = value
	case requestKey:
		e.request = value
	default:
		e.Encoder.AddString(key, value)
	}
}

// others holds a line's fields without those of its prefix; encoders keep none.
var others = sync.Pool{New: func() any { return new([]zapcore.Field) }}

func (e *readableEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	session, request := e.session, e.request
	room := others.Get().(*[]zapcore.Field)
	rest := (*room)[:0]
	defer func() {
		clear(rest)
		*room = rest
		others.Put(room)
	}()
	for _, f := range fields {
		switch {
		case f.Key == sessionKey && f.Type == zapcore.StringType:
			session = f.String
		case f.Key == requestKey && f.Type == zapcore.StringType:
			request = f.String
		default:
			rest = append(rest, f)
		}
	}
	if session != "" || request != "" {
		entry.Message = "[" + session + "/" + request + "] " + entry.Message
	}
	return e.Encoder.EncodeEntry(entry, rest)
}

// briefEncoder writes the message and nothing else: fields go to the embedded
// encoder, which nobody prints.
type briefEncoder struct {
	zapcore.Encoder
	out zapcore.Encoder
}

func (e briefEncoder) Clone() zapcore.Encoder { return briefEncoder{e.Encoder.Clone(), e.out} }

func (e briefEncoder) EncodeEntry(entry zapcore.Entry, _ []zapcore.Field) (*buffer.Buffer, error) {
	return e.out.EncodeEntry(zapcore.Entry{Message: entry.Message, Level: entry.Level}, nil)
}
