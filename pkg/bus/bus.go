// Package bus is the house's way of using NATS: a connection that waits and
// never buffers, publishes that end in a known outcome, ordered reading
// without acks, and leases.
package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/run"
)

// HeaderRequestID carries the request ids that a message came from, comma
// separated, at most MaxRequestIDs.
const HeaderRequestID = "Fondaco-Request-Id"

// HeaderTrace carries the W3C traceparents of the requests among them that are
// followed, comma separated; see pkg/trace.
const HeaderTrace = "Fondaco-Trace"

// HeaderQuiet on a message of CHAIN, with the value "1", says that its rows are
// stored without being announced.
const HeaderQuiet = "Fondaco-Quiet"

// MaxRequestIDs bounds the header: a pack may hold a thousand commands.
const MaxRequestIDs = 32

// apiTimeout bounds one question to the server; the callers above retry.
const apiTimeout = 5 * time.Second

// Config says which server and who asks.
type Config struct {
	URL           string     // FONDACO_NATS_URL, comma separated servers
	User          string     // FONDACO_NATS_USER, default the service's name; empty = no authentication
	Password      env.Secret // FONDACO_NATS_PASSWORD
	Name          string     // shown in the server's connection list
	AllowLazySync bool       // FONDACO_ALLOW_LAZY_SYNC: run although the server acks before fsync
}

// ConfigFromEnv reads the settings of a service's connection.
func ConfigFromEnv(r *env.Reader, service string) Config {
	return Config{
		URL:           r.String("FONDACO_NATS_URL", nats.DefaultURL),
		User:          r.String("FONDACO_NATS_USER", service),
		Password:      r.Secret("FONDACO_NATS_PASSWORD", ""),
		Name:          service,
		AllowLazySync: r.Bool("FONDACO_ALLOW_LAZY_SYNC", false),
	}
}

// Bus is one connection.
type Bus struct {
	nc  *nats.Conn
	js  jetstream.JetStream
	log *zap.Logger
	cfg Config
	// connection lasts as long as the present connection.
	connection *atomic.Pointer[lifetime]
}

// lifetime is a context that is ended with a connection.
type lifetime struct {
	context.Context
	end context.CancelFunc
}

func newLifetime() *lifetime {
	ctx, end := context.WithCancel(context.Background())
	return &lifetime{ctx, end}
}

// InboxPrefix is where the answers to a user's requests go; each user may
// subscribe to its own alone.
func InboxPrefix(user string) string {
	if user == "" {
		return nats.InboxPrefix[:len(nats.InboxPrefix)-1]
	}
	return "_INBOX_" + user
}

// Connect waits for the server until ctx ends; a refused password or a bad URL
// ends the wait at once.
func Connect(ctx context.Context, cfg Config, log *zap.Logger) (*Bus, error) {
	connection := &atomic.Pointer[lifetime]{}
	connection.Store(newLifetime())
	opts := []nats.Option{
		nats.Name(cfg.Name),
		nats.CustomInboxPrefix(InboxPrefix(cfg.User)),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		// A message that is published after its caller was told "timeout" is a
		// doubled order: nothing is buffered while there is no connection.
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		// A denied publish shows up here and as a timeout at its caller.
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			fields := []zap.Field{zap.Error(err)}
			if sub != nil {
				fields = append(fields, zap.String("subject", sub.Subject))
			}
			log.Error("nats reported an error", fields...)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			connection.Swap(newLifetime()).end()
			if err != nil {
				log.Warn("nats connection lost", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("nats connection is back") }),
	}
	if cfg.User != "" && cfg.Password != "" {
		opts = append(opts, nats.UserInfo(cfg.User, cfg.Password.Reveal()))
	}
	backoff := run.Backoff{Max: 2 * time.Second}
	for said := false; ; said = true {
		nc, err := nats.Connect(cfg.URL, opts...)
		if err == nil {
			js, err := jetstream.New(nc)
			if err != nil {
				nc.Close()
				return nil, fmt.Errorf("preparing jetstream: %w", err)
			}
			return &Bus{nc: nc, js: js, log: log, cfg: cfg, connection: connection}, nil
		}
		if errors.Is(err, nats.ErrAuthorization) {
			return nil, fmt.Errorf("connecting to nats as user %q: refused; check FONDACO_NATS_USER and FONDACO_NATS_PASSWORD: %w", cfg.User, err)
		}
		if !said {
			log.Warn("waiting for nats", zap.Error(err))
		}
		if backoff.Wait(ctx) != nil {
			return nil, fmt.Errorf("waiting for nats: %w", err)
		}
	}
}

// Conn is the connection itself, for core subjects.
func (b *Bus) Conn() *nats.Conn { return b.nc }

// JetStream is the connection's JetStream context.
func (b *Bus) JetStream() jetstream.JetStream { return b.js }

// Close ends the connection.
func (b *Bus) Close() { b.nc.Close() }

// Ready is nil while the connection is up.
func (b *Bus) Ready() error {
	if !b.nc.IsConnected() {
		return fmt.Errorf("nats: %s", b.nc.Status())
	}
	return nil
}

// Reconnects is how often the connection was made anew: what was read before may
// have changed in ways that sequences do not show.
func (b *Bus) Reconnects() uint64 { return b.nc.Stats().Reconnects }

// StreamState is where a stream begins and ends.
type StreamState struct {
	Created  time.Time
	FirstSeq uint64
	LastSeq  uint64
	// Deleted messages between the two: a subject that was trimmed leaves them.
	Deleted int
	// Idle is for how long nothing was stored, by the server's clock; from the
	// stream's creation on while it is empty.
	Idle time.Duration
}

// Stream asks for a stream's state; jetstream.ErrStreamNotFound before it is
// provisioned.
func (b *Bus) Stream(ctx context.Context, stream string) (StreamState, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return StreamState{}, fmt.Errorf("asking for stream %s: %w", stream, err)
	}
	info := s.CachedInfo()
	newest := info.State.LastTime
	if newest.IsZero() || newest.Before(info.Created) {
		newest = info.Created
	}
	return StreamState{Created: info.Created, FirstSeq: info.State.FirstSeq, LastSeq: info.State.LastSeq, Deleted: info.State.NumDeleted,
		Idle: max(0, info.TimeStamp.Sub(newest))}, nil
}

// WaitStream waits until the stream is provisioned.
func (b *Bus) WaitStream(ctx context.Context, stream string) (StreamState, error) {
	backoff := run.Backoff{Max: time.Second}
	for {
		st, err := b.Stream(ctx, stream)
		if err == nil {
			return st, nil
		}
		if backoff.Wait(ctx) != nil {
			return StreamState{}, err
		}
	}
}

// Message is one stored message. Data belongs to the receiver.
type Message struct {
	Subject string
	Seq     uint64    // stream sequence
	Time    time.Time // the server's, when it was stored
	Header  nats.Header
	Data    []byte
	Pending uint64 // messages that stood behind it when it was delivered
}

// Last reads the newest message of a subject from the stream's leader; nil
// when there is none.
func (b *Bus) Last(ctx context.Context, stream, subject string) (*Message, error) {
	return b.read(ctx, stream, subject, func(ctx context.Context, s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return s.GetLastMsgForSubject(ctx, subject)
	})
}

// Get reads the message with a stream sequence; nil when it is not there.
func (b *Bus) Get(ctx context.Context, stream string, seq uint64) (*Message, error) {
	return b.read(ctx, stream, fmt.Sprint(seq), func(ctx context.Context, s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return s.GetMsg(ctx, seq)
	})
}

// Next reads the oldest message of a subject at or after a stream sequence; nil
// when there is none.
func (b *Bus) Next(ctx context.Context, stream, subject string, seq uint64) (*Message, error) {
	return b.read(ctx, stream, fmt.Sprintf("%s from %d", subject, seq), func(ctx context.Context, s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return s.GetMsg(ctx, max(seq, 1), jetstream.WithGetMsgSubject(subject))
	})
}

func (b *Bus) read(ctx context.Context, stream, what string, get func(context.Context, jetstream.Stream) (*jetstream.RawStreamMsg, error)) (*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("asking for stream %s: %w", stream, err)
	}
	m, err := get(ctx, s)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s of stream %s: %w", what, stream, err)
	}
	return &Message{Subject: m.Subject, Seq: m.Sequence, Time: m.Time, Header: m.Header, Data: m.Data}, nil
}
