// Package run starts the parts of a process together and stops them together.
package run

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"
)

// Part is one long-lived piece of a service.
type Part struct {
	Name string
	// Run blocks until ctx ends. A return before that is an error, nil or not.
	Run func(ctx context.Context) error
}

// All runs every part until ctx ends or one of them returns, then stops the
// others and waits for them. It returns nil after a clean stop.
func All(ctx context.Context, log *zap.Logger, parts ...Part) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg   sync.WaitGroup
		once sync.Once
		out  error
	)
	for _, p := range parts {
		wg.Go(func() {
			err := p.Run(inner)
			if inner.Err() != nil {
				if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
					log.Warn("part stopped with an error", zap.String("part", p.Name), zap.Error(err))
				}
				return
			}
			once.Do(func() {
				if err == nil {
					err = errors.New("returned although nobody stopped it")
				}
				out = fmt.Errorf("%s: %w", p.Name, err)
			})
			cancel()
		})
	}
	wg.Wait()
	return out
}
