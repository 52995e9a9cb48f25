package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNotCounted: nothing is counted under the key; its burst is whole.
var ErrNotCounted = errors.New("nothing is counted under this key now: its whole burst is free")

// maxShown is how many keys Show reads.
const maxShown = 10_000

// Book is what all replicas have counted, for an operator to look at.
type Book struct{ Redis redis.UniversalClient }

// Counted is one key. Tokens that replicas hold on lease count as used.
type Counted struct {
	Key       string  `json:"key"`
	PerSecond int     `json:"per_second"`
	Burst     int     `json:"burst"`
	Left      float64 `json:"left"`       // below 0: in debt
	FullInMS  int64   `json:"full_in_ms"` // until the whole burst is free
}

// Show gives one key, or every one that is counted now, the most used first.
func (b *Book) Show(ctx context.Context, key string) ([]Counted, error) {
	var names []string
	if key != "" {
		k, err := ParseKey(key)
		if err != nil {
			return nil, err
		}
		names = []string{prefix + k.String()}
	} else {
		var err error
		if names, err = b.names(ctx); err != nil {
			return nil, fmt.Errorf("listing the limits: %w", err)
		}
	}
	now, err := b.Redis.Time(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("asking Redis for its time: %w", err)
	}
	out := []Counted{}
	for _, name := range names {
		text, err := b.Redis.Get(ctx, name).Result()
		if errors.Is(err, redis.Nil) {
			continue // whole again
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		c, err := counted(strings.TrimPrefix(name, prefix), text, now)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Counted) int {
		return cmp.Or(cmp.Compare(a.Left/float64(a.Burst), b.Left/float64(b.Burst)), cmp.Compare(a.Key, b.Key))
	})
	return out, nil
}

// names lists keys of every node.
func (b *Book) names(ctx context.Context) (names []string, err error) {
	var mu sync.Mutex
	scan := func(ctx context.Context, c redis.Cmdable) error {
		it := c.Scan(ctx, 0, prefix+"*", 1000).Iterator()
		for it.Next(ctx) {
			mu.Lock()
			enough := len(names) >= maxShown
			if !enough {
				names = append(names, it.Val())
			}
			mu.Unlock()
			if enough {
				return nil
			}
		}
		return it.Err()
	}
	if cluster, ok := b.Redis.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return scan(ctx, c) })
		return names, err
	}
	err = scan(ctx, b.Redis)
	return names, err
}

// counted reads the value that the script wrote: "FULL RATE BURST", the first in
// microseconds.
func counted(key, text string, now time.Time) (Counted, error) {
	bad := fmt.Errorf("the value of %s is not one of a limit", key)
	parts := strings.Fields(text)
	if len(parts) != 3 {
		return Counted{}, bad
	}
	full, err1 := strconv.ParseInt(parts[0], 10, 64)
	rate, err2 := strconv.Atoi(parts[1])
	burst, err3 := strconv.Atoi(parts[2])
	if errors.Join(err1, err2, err3) != nil || rate <= 0 || burst <= 0 {
		return Counted{}, bad
	}
	in := max(0, time.UnixMicro(full).Sub(now))
	return Counted{Key: key, PerSecond: rate, Burst: burst, Left: float64(burst) - in.Seconds()*float64(rate), FullInMS: in.Milliseconds()}, nil
}

// Reset gives a key its whole burst at once, on every replica, or fails with
// ErrNotCounted.
func (b *Book) Reset(ctx context.Context, key string) error {
	k, err := ParseKey(key)
	if err != nil {
		return err
	}
	n, err := b.Redis.Del(ctx, prefix+k.String()).Result()
	if err != nil {
		return fmt.Errorf("deleting %s: %w", key, err)
	}
	if err := b.Redis.Publish(ctx, resetChannel, k.String()).Err(); err != nil {
		return fmt.Errorf("telling the replicas: %w", err)
	}
	if n == 0 {
		return ErrNotCounted
	}
	return nil
}
