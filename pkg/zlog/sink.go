package zlog

import (
	"context"
	"io"
	"sync"
	"time"
)

// Bounds of lines that wait.
const (
	maxWaiting = 64 << 10
	flushEvery = time.Second
)

// sink is where all lines of a logger go, in their order. A line that waits is
// written with the next one that does not, when 64 KiB wait, or by Flush.
type sink struct {
	mu      sync.Mutex
	w       io.Writer
	waiting []byte
}

// Write passes a line on at once.
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return s.w.Write(p)
	}
	s.waiting = append(s.waiting, p...)
	return len(p), s.flush()
}

// Sync writes what waits.
func (s *sink) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush()
}

func (s *sink) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	_, err := s.w.Write(s.waiting)
	s.waiting = s.waiting[:0]
	return err
}

// add takes a line that may wait.
func (s *sink) add(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting = append(s.waiting, p...); len(s.waiting) >= maxWaiting {
		_ = s.flush()
	}
}

// Flushing writes what waits each second until ctx ends, and then once more.
func (l *Logger) Flushing(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.Sync()
		case <-tick.C:
			_ = l.Sync() // who cannot write cannot say so either
		}
	}
}
