package bus

import (
	"bytes"
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
	kv         jetstream.KeyValue
	key        string
	log        *zap.Logger
	done       chan struct{}
	cancel     context.CancelFunc
	ended      sync.WaitGroup
	renewEvery time.Duration
}

// Lease blocks until the key is held, or ctx ends. A holder that died is
// followed within LeaseTTL.
func (b *Bus) Lease(ctx context.Context, key string) (*Lease, error) {
	return b.LeaseWithin(ctx, key, LeaseTTL)
}

// LeaseWithin is Lease for work that may not wait as long: a holder that has
// not renewed for term (at most LeaseTTL), by the clock of the one that waits,
// has its lease taken. It may only be slow, so that there are two for a moment:
// the fence of what they write keeps them apart.
func (b *Bus) LeaseWithin(ctx context.Context, key string, term time.Duration) (*Lease, error) {
	// Subjects and other names hold characters that a key may not.
	key = strings.NewReplacer("*", "_", ">", "_", " ", "_").Replace(key)
	l := &Lease{key: key, log: b.log, done: make(chan struct{}), renewEvery: term * 3 / 10}
	holder := []byte(b.cfg.Name + " " + rand.Text())
	var seen uint64 // the holder's last renewal that was seen, and since when
	var since time.Time
	for {
		kv, err := b.js.KeyValue(ctx, LeaseBucket)
		if err == nil {
			l.kv = kv
			var rev uint64
			rev, err = kv.Create(ctx, key, holder)
			if errors.Is(err, jetstream.ErrKeyExists) && term < LeaseTTL {
				e, readErr := kv.Get(ctx, key)
				switch {
				case readErr != nil:
					seen = 0
				case e.Revision() != seen:
					seen, since = e.Revision(), time.Now()
				case time.Since(since) >= term:
					b.log.Warn("a lease is taken from a holder that does not renew it", zap.String("lease", key))
					rev, err = kv.Update(ctx, key, holder, seen)
				}
			}
			if err == nil {
				ctx, cancel := context.WithCancel(context.Background())
				l.cancel = cancel
				l.ended.Go(func() { l.renew(ctx, holder, rev) })
				return l, nil
			}
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			seen = 0
			b.log.Debug("lease not to be had", zap.String("lease", key), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lease %s: %w", key, ctx.Err())
		case <-time.After(min(500*time.Millisecond, term/10)):
		}
	}
}

// Held tells whether anybody holds the key of a lease.
func (b *Bus) Held(ctx context.Context, key string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	kv, err := b.js.KeyValue(ctx, LeaseBucket)
	if err != nil {
		return false, fmt.Errorf("opening bucket %s: %w", LeaseBucket, err)
	}
	if _, err := kv.Get(ctx, key); errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("reading lease %s: %w", key, err)
	}
	return true, nil
}

// renew keeps the entry young until Release, or until the lease must be
// counted as lost: another holder stands there, or it was not renewed in time.
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
		case <-time.After(l.renewEvery):
		}
		tick, cancel := context.WithTimeout(ctx, 2*time.Second)
		next, err := l.kv.Update(tick, l.key, holder, rev)
		if errors.Is(err, jetstream.ErrKeyExists) {
			// An update that timed out may have been done all the same.
			if e, readErr := l.kv.Get(tick, l.key); readErr == nil && bytes.Equal(e.Value(), holder) {
				next, err = e.Revision(), nil
			}
		}
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
