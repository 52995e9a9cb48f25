// Package rds opens Redis clients. Redis carries hints only: nothing waits for
// it and nothing is lost with it.
package rds

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"fondaco.dev/pkg/env"
)

// Config says where Redis is.
type Config struct {
	URL env.Secret // FONDACO_REDIS_URL
	// Timeout, for a client that somebody waits for: a call ends within it, or
	// with its context, and is not tried again. 0 = 3s, tried twice.
	Timeout time.Duration
	// Cluster: the URL is of one node of a Redis cluster, ?addr=host:port names
	// more; hints go by sharded channels, which stay on the node of their slot.
	// FONDACO_REDIS_CLUSTER sets it; without it Redis is asked, see Settle.
	Cluster bool
	// Ask: nobody has said what Cluster is.
	Ask bool
}

// ConfigFromEnv reads the settings of a service's client.
func ConfigFromEnv(r *env.Reader) Config {
	return Config{URL: r.Secret("FONDACO_REDIS_URL", "redis://127.0.0.1:6379"), Cluster: r.Bool("FONDACO_REDIS_CLUSTER", false),
		Ask: r.String("FONDACO_REDIS_CLUSTER", "") == ""}
}

var errURL = errors.New("FONDACO_REDIS_URL cannot be parsed; it has the form redis://user:password@host:port/0")

// Open makes a client; it connects when it is first used.
func Open(cfg Config) (redis.UniversalClient, error) {
	dial, call, tries := 2*time.Second, 3*time.Second, 1
	if cfg.Timeout > 0 {
		dial, call, tries = cfg.Timeout, cfg.Timeout, -1
	}
	if cfg.Cluster {
		opts, err := redis.ParseClusterURL(cfg.URL.Reveal())
		if err != nil {
			return nil, errURL
		}
		opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.MaxRetries = dial, call, call, tries
		opts.ContextTimeoutEnabled = cfg.Timeout > 0
		return redis.NewClusterClient(opts), nil
	}
	opts, err := redis.ParseURL(cfg.URL.Reveal())
	if err != nil {
		return nil, errURL
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.MaxRetries = dial, call, call, tries
	if cfg.Timeout > 0 {
		opts.ContextTimeoutEnabled, opts.DialerRetries = true, 1
	}
	return redis.NewClient(opts), nil
}

// Publish sends a message to who listens to the channel now.
func Publish(ctx context.Context, c redis.UniversalClient, channel string, body []byte) error {
	if _, sharded := c.(*redis.ClusterClient); sharded {
		return c.SPublish(ctx, channel, body).Err()
	}
	return c.Publish(ctx, channel, body).Err()
}

// Subscribe listens to one channel: those of a cluster may be on different
// nodes.
func Subscribe(ctx context.Context, c redis.UniversalClient, channel string) *redis.PubSub {
	if _, sharded := c.(*redis.ClusterClient); sharded {
		return c.SSubscribe(ctx, channel)
	}
	return c.Subscribe(ctx, channel)
}
