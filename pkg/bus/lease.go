package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// LeaseBucket is the key-value bucket of leases; its entries live LeaseTTL.
const (
	LeaseBucket = "lease"
	LeaseTTL    = 10 * time.Second
	leaseRenew  = 3 * time.Second
)

// Lease says that this process does a piece of work and others wait. It only
// saves work: what keeps two holders from doing harm is the fence.
type Lease struct {
	kv     jetstream.KeyValue
	key    string
	log    *zap.Logger
	done   chan struct{}
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// Lease blocks until the key is held, or ctx ends.
func (b *Bus) Lease(ctx context.Context, key string) (*Lease, error) {
	// Subjects and other names hold characters that a key may not.
	key = strings.NewReplacer("*", "_", ">", "_", " ", "_").Replace(key)
	holder := []byte(b.cfg.Name + " " + rand.Text())
	for {
		kv, err := b.js.KeyValue(ctx, LeaseBucket)
		if err == nil {
			var rev uint64
			rev, err = kv.Create(ctx, key, holder)
			if err == nil {
				return b.hold(kv, key, holder, rev), nil
			}
		}
		if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			b.log.Debug("lease not to be had", zap.String("lease", key), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lease %s: %w", key, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (b *Bus) hold(kv jetstream.KeyValue, key string, holder []byte, rev uint64) *Lease {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lease{kv: kv, key: key, log: b.log, done: make(chan struct{}), cancel: cancel}
	l.ended.Go(func() { l.renew(ctx, holder, rev) })
	return l
}

// renew keeps the entry young until Release, or until the lease must be
// counted as lost: another revision stands there, or it was not renewed in time.
func (l *Lease) renew(ctx context.Context, holder []byte, rev uint64) {
	defer close(l.done)
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := l.kv.Delete(end, l.key, jetstream.LastRevision(rev)); err != nil {
				l.log.Debug("lease runs out by itself", zap.String("lease", l.key), zap.Error(err))
			}
			return
		case <-time.After(leaseRenew):
		}
		tick, cancel := context.WithTimeout(ctx, 2*time.Second)
		next, err := l.kv.Update(tick, l.key, holder, rev)
		cancel()
		switch {
		case err == nil:
			rev, renewed = next, time.Now()
		case ctx.Err() != nil:
		case errors.Is(err, jetstream.ErrKeyExists), time.Since(renewed) > LeaseTTL-leaseRenew:
			l.log.Warn("lease lost", zap.String("lease", l.key), zap.Error(err))
			return
		}
	}
}

// Done is closed when the lease is lost or released.
func (l *Lease) Done() <-chan struct{} { return l.done }

// Release gives the lease back, so that another need not wait for its end.
func (l *Lease) Release() {
	l.cancel()
	l.ended.Wait()
}
