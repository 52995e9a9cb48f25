package rds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"fondaco.dev/pkg/run"
)

// settleWithin is how long a start waits for Redis to say what it is.
const settleWithin = time.Second

// ErrCluster: the clients were made for a single Redis. The process has to start
// again, and will ask then.
var ErrCluster = errors.New("redis was not there at the start and is a cluster's node: start again, or set FONDACO_REDIS_CLUSTER=true")

// Settle asks Redis whether it is a cluster where the configuration leaves it
// open. When there is no answer within a second it is taken for a single one for
// now, and it stays open: Watch goes on to ask.
func (c Config) Settle(ctx context.Context) Config {
	if !c.Ask {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	if cluster, err := c.clustered(ctx); err == nil {
		c.Cluster, c.Ask = cluster, false
	}
	return c
}

// Watch asks on until Redis has answered what Settle wanted to know, and then
// waits for ctx's end. It is ErrCluster when the answer is another one than was
// assumed.
func (c Config) Watch(ctx context.Context) error {
	for backoff := (run.Backoff{Max: time.Second}); c.Ask; {
		cluster, err := c.clustered(ctx)
		switch {
		case err == nil && cluster:
			return ErrCluster
		case err == nil:
			c.Ask = false
		case backoff.Wait(ctx) != nil:
			return nil
		}
	}
	<-ctx.Done()
	return nil
}

func (c Config) clustered(ctx context.Context) (bool, error) {
	opts, err := redis.ParseURL(c.URL.Reveal())
	if err != nil {
		return false, errURL
	}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout, opts.MaxRetries = settleWithin, settleWithin, settleWithin, -1
	opts.DialerRetries, opts.ContextTimeoutEnabled = 1, true
	client := redis.NewClient(opts)
	defer client.Close()
	info, err := client.Info(ctx, "cluster").Result()
	var said redis.Error
	switch {
	case errors.As(err, &said):
		return false, nil // a server that does not know the question is no cluster
	case err != nil:
		return false, fmt.Errorf("asking redis what it is: %w", err)
	}
	return strings.Contains(info, "cluster_enabled:1"), nil
}
