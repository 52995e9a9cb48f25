package run

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff spaces retries: each wait is twice the one before, from Min up to
// Max, less a random part of up to half, so that many clients spread out. The
// zero value waits from 100 ms up to 10 s.
type Backoff struct {
	Min, Max time.Duration
	next     time.Duration
}

// Wait sleeps for the next interval, or returns ctx's error when it ends first.
func (b *Backoff) Wait(ctx context.Context) error {
	lo, hi := b.Min, b.Max
	if lo <= 0 {
		lo = 100 * time.Millisecond
	}
	if hi < lo {
		hi = max(lo, 10*time.Second)
	}
	b.next = min(max(b.next, lo), hi)
	d := b.next - time.Duration(rand.Int64N(int64(b.next)/2+1))
	b.next *= 2
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Reset starts again at Min.
func (b *Backoff) Reset() { b.next = 0 }
