package house

import (
	"context"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog"
)

// Service is one part that runs until its ctx ends.
type Service struct {
	Name string
	// Prepare reads the settings and returns what runs with them.
	Prepare func(env.Lookup) (Run, error)
}

// Run blocks until ctx ends and returns nil after a clean stop.
type Run func(ctx context.Context, log *zlog.Logger) error

// service makes a Service of the two functions that every service's root
// package exports.
func service[C any](name string, load func(env.Lookup) (C, error), run func(context.Context, C, *zlog.Logger) error) Service {
	return Service{Name: name, Prepare: func(lookup env.Lookup) (Run, error) {
		cfg, err := load(lookup)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, log *zlog.Logger) error { return run(ctx, cfg, log) }, nil
	}}
}
