// Package redisd gives the all-in-one a Redis: the redis-server found on PATH,
// as a child, or miniredis in this process.
package redisd

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/env"
)

// Server is a running Redis that keeps nothing on disk: it carries hints only.
type Server struct {
	url       env.Secret
	bin, conf string // of redis-server
	proc      *child.Process
	mini      *miniredis.Miniredis
}

// Start runs redis-server when it is on PATH, else miniredis with a warning.
func Start(ctx context.Context, log *zap.Logger) (*Server, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		log.Warn("redis-server is not on PATH: using miniredis in this process; set FONDACO_REDIS_URL to use another Redis")
		mini := miniredis.NewMiniRedis()
		mini.Seed(1)
		if err := mini.Start(); err != nil {
			return nil, fmt.Errorf("starting miniredis: %w", err)
		}
		return &Server{mini: mini, url: env.Secret("redis://" + mini.Addr())}, nil
	}
	port, err := child.FreePort()
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	s := &Server{bin: bin, url: env.Secret("redis://:" + password + "@" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))),
		conf: fmt.Sprintf("bind 127.0.0.1\nport %d\nsave \"\"\nappendonly no\nrequirepass %s\n", port, password)}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// launch starts the child and returns when it answers.
func (s *Server) launch(ctx context.Context) (err error) {
	cmd := exec.Command(s.bin, "-")
	// The password goes in by standard input: arguments are seen by everybody.
	cmd.Stdin = strings.NewReader(s.conf)
	if s.proc, err = child.Start(cmd, syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		s.Stop()
		return err
	}
	return nil
}

// Restart ends it as a crash would, stays away for that long and starts it again
// on the same port, empty.
func (s *Server) Restart(ctx context.Context, away time.Duration) error {
	if s.mini != nil {
		s.mini.Close()
	} else {
		s.proc.Stop(child.Step{Signal: syscall.SIGKILL, Wait: 2 * time.Second})
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(away):
	}
	if s.mini != nil {
		s.mini.FlushAll()
		return s.mini.Restart()
	}
	return s.launch(ctx)
}

// URL is how clients reach it.
func (s *Server) URL() env.Secret { return s.url }

// Done is closed when the child has ended; nil for miniredis.
func (s *Server) Done() <-chan struct{} {
	if s.proc == nil {
		return nil
	}
	return s.proc.Done()
}

// Stop ends it.
func (s *Server) Stop() {
	if s.mini != nil {
		s.mini.Close()
		return
	}
	s.proc.Stop(child.Step{Signal: syscall.SIGTERM, Wait: 2 * time.Second})
}

func (s *Server) waitReady(ctx context.Context) error {
	opts, err := redis.ParseURL(s.url.Reveal())
	if err != nil {
		return fmt.Errorf("preparing the redis client: %w", err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if err = client.Ping(ctx).Err(); err == nil {
			return nil
		}
		select {
		case <-s.proc.Done():
			return fmt.Errorf("starting redis-server: %w", s.proc.Err())
		case <-ctx.Done():
			return fmt.Errorf("waiting for redis-server: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
