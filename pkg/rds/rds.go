// Package rds opens Redis clients. Redis carries hints only: nothing waits for
// it and nothing is lost with it.
package rds

import (
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"fondaco.dev/pkg/env"
)

// Config says where Redis is.
type Config struct {
	URL env.Secret // FONDACO_REDIS_URL
}

// ConfigFromEnv reads the settings of a service's client.
func ConfigFromEnv(r *env.Reader) Config {
	return Config{URL: r.Secret("FONDACO_REDIS_URL", "redis://127.0.0.1:6379")}
}

// Open makes a client; it connects when it is first used.
func Open(cfg Config) (*redis.Client, error) {
	opts, err := redis.ParseURL(cfg.URL.Reveal())
	if err != nil {
		return nil, errors.New("FONDACO_REDIS_URL cannot be parsed; it has the form redis://user:password@host:port/0")
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = 2*time.Second, 3*time.Second, 3*time.Second
	opts.MaxRetries = 1
	return redis.NewClient(opts), nil
}
