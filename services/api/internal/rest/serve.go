package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/services/api/internal/lane"
)

// maxBody of a request, in bytes.
const maxBody = 64 << 10

// bounds of a connection: a client that sends or takes a byte at a time is gone
// after them, and holds nothing but its own connection until then.
type bounds struct {
	readHeader time.Duration
	read       time.Duration // of the whole request
	write      time.Duration // from the end of the header to the end of the answer: the total of a request
	idle       time.Duration // between requests
	header     int           // bytes, to which net/http adds 4 KiB
}

var standard = bounds{
	readHeader: 5 * time.Second,
	read:       15 * time.Second,
	write:      60 * time.Second, // above the longest view of Postgres
	idle:       2 * time.Minute,
	header:     16 << 10,
}

// Run serves on addr until ctx ends; listening is told the address.
func (s *Server) Run(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s (set FONDACO_HTTP_ADDR to a free address): %w", addr, err)
	}
	s.log.Info("serving", zap.String("addr", ln.Addr().String()))
	return s.serve(ctx, ln)
}

func (s *Server) serve(ctx context.Context, ln net.Listener) error {
	b := &s.bounds
	srv := lane.New(&http.Server{Handler: s, ReadHeaderTimeout: b.readHeader, ReadTimeout: b.read, WriteTimeout: b.write, IdleTimeout: b.idle,
		MaxHeaderBytes: b.header, ErrorLog: zap.NewStdLog(s.log.Named("http"))})
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving http: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	// No new ones, sockets are told, then what is under way ends.
	shut := make(chan error, 1)
	go func() { shut <- srv.Shutdown(end) }()
	s.Sockets.Shutdown(end)
	if err := <-shut; errors.Is(err, context.DeadlineExceeded) {
		_ = srv.Close()
	}
	<-done
	return nil
}
