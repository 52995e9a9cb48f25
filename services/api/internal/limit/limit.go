// Package limit holds clients to a number of commands a second: who sends more
// is told when to go on, before anything is queued, so that nobody is served
// late.
package limit

import (
	"sync"
	"time"
)

// Rate is a bucket's size and how fast it fills; PerSecond 0 = no limit.
type Rate struct{ PerSecond, Burst int }

// Bucket is one client's. The zero value is full.
type Bucket struct {
	used float64 // above what was refilled
	last time.Time
}

// Take takes n commands at once, or says how many milliseconds to wait. Cancels
// may overdraw the bucket by its own size: who is limited can still get out.
func (b *Bucket) Take(r Rate, now time.Time, n int, cancel bool) (waitMS int64, ok bool) {
	if r.PerSecond <= 0 {
		return 0, true
	}
	if !b.last.IsZero() {
		b.used = max(0, b.used-now.Sub(b.last).Seconds()*float64(r.PerSecond))
	}
	b.last = now
	room := float64(r.Burst)
	if cancel {
		room *= 2
	}
	// A request that is larger than the bucket passes when the bucket is full.
	if over := b.used + float64(n) - max(room, float64(n)); over > 0 {
		return int64(over/float64(r.PerSecond)*1000) + 1, false
	}
	b.used += float64(n)
	return 0, true
}

// Give takes a Take back: nothing was sent after all.
func (b *Bucket) Give(n int) { b.used = max(0, b.used-float64(n)) }

// Accounts holds a bucket for each account. It is safe for concurrent use.
type Accounts struct {
	rate Rate
	mu   sync.Mutex
	all  map[uint64]*Bucket
}

// maxAccounts is from how many buckets on full ones are forgotten.
const maxAccounts = 10000

// New makes the buckets of accounts.
func New(r Rate) *Accounts { return &Accounts{rate: r, all: map[uint64]*Bucket{}} }

// Take is Bucket.Take of an account.
func (a *Accounts) Take(account uint64, n int, cancel bool) (waitMS int64, ok bool) {
	if a.rate.PerSecond <= 0 {
		return 0, true
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.all[account]
	if b == nil {
		if len(a.all) >= maxAccounts {
			full := time.Duration(2*float64(a.rate.Burst)/float64(a.rate.PerSecond)*float64(time.Second)) + time.Second
			for id, old := range a.all {
				if now.Sub(old.last) > full {
					delete(a.all, id)
				}
			}
		}
		b = &Bucket{}
		a.all[account] = b
	}
	return b.Take(a.rate, now, n, cancel)
}

// Give is Bucket.Give of an account.
func (a *Accounts) Give(account uint64, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.all[account]; b != nil {
		b.Give(n)
	}
}
