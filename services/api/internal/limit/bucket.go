package limit

import "time"

// Rate is a bucket's size and how fast it fills; PerSecond 0 = no limit.
type Rate struct{ PerSecond, Burst int }

// PerSecond lets a client that was quiet send two seconds' worth at once.
func PerSecond(n int) Rate { return Rate{PerSecond: n, Burst: 2 * n} }

// each is how long the bucket takes to fill by one.
func (r Rate) each() time.Duration { return time.Second / time.Duration(r.PerSecond) }

// filling is how long the bucket takes to fill by n.
func (r Rate) filling(n float64) time.Duration {
	return time.Duration(n / float64(r.PerSecond) * float64(time.Second))
}

// Bucket is one client's. The zero value is full.
type Bucket struct {
	used float64 // above what was refilled
	last time.Time
}

// Take takes n at once, or says how many milliseconds to wait.
func (b *Bucket) Take(r Rate, now time.Time, n int) (waitMS int64, ok bool) {
	if r.PerSecond <= 0 {
		return 0, true
	}
	b.refill(r, now)
	// A request that is larger than the bucket passes when the bucket is full.
	if over := b.used + float64(n) - max(float64(r.Burst), float64(n)); over > 0 {
		return int64(over/float64(r.PerSecond)*1000) + 1, false
	}
	b.used += float64(n)
	return 0, true
}

func (b *Bucket) refill(r Rate, now time.Time) {
	if !b.last.IsZero() {
		b.used = max(0, b.used-now.Sub(b.last).Seconds()*float64(r.PerSecond))
	}
	b.last = now
}

// Give takes a Take back: nothing was done after all.
func (b *Bucket) Give(n int) { b.used = max(0, b.used-float64(n)) }
