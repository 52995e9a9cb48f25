package house

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// stage is a group of parts that stop together. The first part of any stage
// that returns although nobody stopped it is told on failed.
type stage struct {
	ctx    context.Context
	cancel context.CancelFunc
	failed chan<- error
	log    *zap.Logger

	mu      sync.Mutex
	running map[string]int
	done    sync.WaitGroup
}

func newStage(failed chan<- error, log *zap.Logger) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	return &stage{ctx: ctx, cancel: cancel, failed: failed, log: log, running: map[string]int{}}
}

// start runs a part in its own goroutine.
func (s *stage) start(name string, run func(context.Context) error) {
	s.count(name, 1)
	s.done.Go(func() {
		defer s.count(name, -1)
		err := run(s.ctx)
		if s.ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				s.log.Warn("stopped with an error", zap.String("part", name), zap.Error(err))
			}
			return
		}
		if err == nil {
			err = errors.New("ended although nobody stopped it")
		}
		select {
		case s.failed <- fmt.Errorf("%s: %w", name, err):
		default: // an earlier failure is already told
			s.log.Error("failed too", zap.String("part", name), zap.Error(err))
		}
	})
}

func (s *stage) count(name string, by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[name] += by; s.running[name] == 0 {
		delete(s.running, name)
	}
}

// stop ends the parts and waits for them, but not longer than limit: a part
// that does not end is named, and the process goes on to end around it.
func (s *stage) stop(limit time.Duration) {
	s.cancel()
	done := make(chan struct{})
	go func() { s.done.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
		s.mu.Lock()
		defer s.mu.Unlock()
		for name := range s.running {
			s.log.Warn("does not stop in time", zap.String("part", name), zap.Duration("waited", limit))
		}
	}
}
