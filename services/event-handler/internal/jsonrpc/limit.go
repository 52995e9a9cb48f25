package jsonrpc

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Stats count what a client has done so far.
type Stats struct {
	Calls    uint64 // calls sent, each of a batch counted
	Requests uint64 // HTTP exchanges
	Errors   uint64 // exchanges that failed, and calls answered with an error
	Dials    uint64 // connections made: somebody else may be behind a new one
}

// counters are Stats that grow.
type counters struct{ calls, requests, errors, dials atomic.Uint64 }

// Stats may be called at any time.
func (c *Client) Stats() Stats {
	return Stats{Calls: c.count.calls.Load(), Requests: c.count.requests.Load(), Errors: c.count.errors.Load(), Dials: c.count.dials.Load()}
}

// bucket holds one second's worth of calls; nil when any number is allowed.
func bucket(perSecond uint64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(perSecond))
}

// allow waits until n calls may be sent. n is at most the bucket's size, see New.
func (c *Client) allow(ctx context.Context, n int) error {
	if c.bucket == nil {
		return nil
	}
	r := c.bucket.ReserveN(time.Now(), n)
	d := r.Delay()
	if d == 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		r.Cancel()
		return c.transport(ctx, ctx.Err())
	}
}

// send makes one exchange within the endpoint's limit, and counts it.
func (c *Client) send(ctx context.Context, calls []*Call, batch bool) error {
	if err := c.allow(ctx, len(calls)); err != nil {
		return err
	}
	c.count.calls.Add(uint64(len(calls)))
	c.count.requests.Add(1)
	err := c.exchange(ctx, calls, batch)
	if err != nil && ctx.Err() == nil {
		c.count.errors.Add(1)
	}
	for _, call := range calls {
		if call.Err != nil {
			c.count.errors.Add(1)
		}
	}
	return err
}
