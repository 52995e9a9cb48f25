package standby

import (
	"context"
	"time"

	"fondaco.dev/pkg/bus"
)

// presence tells the leader that somebody else takes the snapshots: one standby
// at a time holds a lease for it.
type presence struct {
	standby *Standby
	looked  time.Time
	cancel  context.CancelFunc
	got     chan *bus.Lease
	lease   *bus.Lease
}

// begin waits for the lease in the background until end, or until ctx ends.
func (p *presence) begin(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.got = make(chan *bus.Lease, 1)
	p.looked = time.Now()
	go func() {
		defer close(p.got)
		if lease, err := p.standby.Bus.Lease(ctx, Presence(p.standby.Venue)); err == nil {
			p.got <- lease
		}
	}()
	p.standby.Metrics.Standby.Set(1)
}

// due reports that the last look around is long ago.
func (p *presence) due() bool { return time.Since(p.looked) >= checkEvery }

func (p *presence) renew() { p.looked = time.Now() }

// held tells whether this is the standby that takes snapshots.
func (p *presence) held() bool {
	if p.lease == nil {
		select {
		case p.lease = <-p.got:
		default:
		}
	}
	if p.lease == nil {
		return false
	}
	select {
	case <-p.lease.Done():
		return false
	default:
		return true
	}
}

func (p *presence) end() {
	p.standby.Metrics.Standby.Set(0)
	p.cancel()
	for lease := range p.got {
		lease.Release()
	}
	if p.lease != nil {
		p.lease.Release()
	}
}
