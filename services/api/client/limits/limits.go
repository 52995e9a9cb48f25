// Package limits gives the operator's program what the api's replicas have
// counted of their clients.
package limits

import (
	"context"

	"fondaco.dev/pkg/rds"
	"fondaco.dev/services/api/internal/limit"
)

// ErrNotCounted: nothing is counted under the key; its burst is whole.
var ErrNotCounted = limit.ErrNotCounted

// Counted is one client's limit.
type Counted = limit.Counted

// Show gives one key, or with "" all that is counted now, the most used first.
func Show(ctx context.Context, cfg rds.Config, key string) ([]Counted, error) {
	client, err := rds.Open(cfg.Settle(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	return (&limit.Book{Redis: client}).Show(ctx, key)
}

// Reset gives a key its whole burst at once, on every replica.
func Reset(ctx context.Context, cfg rds.Config, key string) error {
	client, err := rds.Open(cfg.Settle(ctx))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return (&limit.Book{Redis: client}).Reset(ctx, key)
}
