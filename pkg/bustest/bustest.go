// Package bustest gives tests a real NATS server with JetStream on disk.
package bustest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/natsd"
)

// Server is a test's own NATS server; it stops with the test.
type Server struct {
	URL  string
	dir  string
	port int
	srv  *natsd.Server
	lazy bool
	max  int64
}

// Option changes the server.
type Option func(*Server)

// LazySync makes the server ack before fsync.
func LazySync() Option { return func(s *Server) { s.lazy = true } }

// MaxStore bounds what all streams together take on disk, in bytes; above it the
// server refuses to store, as on a full disk, but does not break.
func MaxStore(bytes int64) Option { return func(s *Server) { s.max = bytes } }

// Start starts a server, sync always, without authentication.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir()}
	for _, o := range opts {
		o(s)
	}
	s.start(t)
	t.Cleanup(func() { s.srv.Stop() })
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	srv, err := natsd.Start(natsd.Config{Dir: s.dir, Port: s.port, LazySync: s.lazy, MaxStore: s.max}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	if s.port, err = strconv.Atoi(u.Port()); err != nil {
		t.Fatal(err)
	}
	s.srv, s.URL = srv, srv.URL()
}

// Stop ends the server; Restart brings it back.
func (s *Server) Stop() { s.srv.Stop() }

// Restart stops the server and starts it again on the same port and folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.srv.Stop()
	s.start(t)
}

// Backup copies the server's folder, while it is down for a moment, and returns
// what puts the copy back the same way: what was stored since is gone then, and
// its sequences are given again.
func (s *Server) Backup(t testing.TB) (restore func()) {
	t.Helper()
	kept := t.TempDir()
	replace := func(from, to string) {
		s.srv.Stop()
		if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
			t.Fatal(err)
		}
		s.start(t)
	}
	replace(s.dir, kept)
	return func() { replace(kept, s.dir) }
}

// Bus connects; the connection ends with the test.
func (s *Server) Bus(t testing.TB) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Config{URL: s.URL, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// Provision creates streams, buckets and object stores with a verdict that the
// server is durable.
func Provision(t testing.TB, s *Server, streams []jetstream.StreamConfig, buckets []jetstream.KeyValueConfig, objects []jetstream.ObjectStoreConfig) {
	t.Helper()
	sync, ids, err := natsd.Durability(s.srv.MonitorURL())
	if err != nil {
		t.Fatal(err)
	}
	b := s.Bus(t)
	v := bus.Verdict{SyncAlways: sync, Servers: ids, At: time.Now()}
	if err := bus.Provision(context.Background(), b.JetStream(), streams, buckets, objects, v); err != nil {
		t.Fatal(err)
	}
}

// Fill takes all the room that MaxStore left; free gives it back.
func (s *Server) Fill(t testing.TB) (free func()) {
	t.Helper()
	return Ballast(t, s.Bus(t))
}

// Ballast stores messages in a stream of its own until the server has no room for
// more; free deletes them. The bus's user must be allowed to make streams.
func Ballast(t testing.TB, b *bus.Bus) (free func()) {
	t.Helper()
	const name = "BALLAST"
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if _, err := b.JetStream().CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{"ballast"}, Storage: jetstream.FileStorage}); err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 1<<20); ; {
		_, err := b.JetStream().Publish(ctx, "ballast", block)
		var refused *jetstream.APIError
		if errors.As(err, &refused) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		for { // the connection may be away after a restart of the server
			err := b.JetStream().DeleteStream(ctx, name)
			if err == nil {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatal(err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}
