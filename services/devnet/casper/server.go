package casper

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// server is a listening HTTP server.
type server struct {
	http     *http.Server
	listener net.Listener
	done     chan error
}

func serve(ctx context.Context, addr string, handler http.Handler) (*server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &server{
		http:     &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		listener: listener,
		done:     make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// close lets open requests end for a second, then cuts them.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
