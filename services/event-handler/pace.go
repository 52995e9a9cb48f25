package eventhandler

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// pace is what a backfill may publish in a second; zero: as much as it can.
type pace struct{ messages, bytes int }

// Beside orders a backfill leaves the machine to them. Whoever reads it works too:
// a byte of CHAIN costs the writer and Postgres four times what it costs here.
const (
	// Beside a few orders: at most 20 messages and 20 MB a second. At full speed
	// these took three times as long.
	someMessages = 20
	someBytes    = 20 << 20
	// From so many messages of ORDERS a second on: 5 messages, and 1.5 MB for each
	// processor. Orders at 2,000 a second on two took 22 ms beside 20 MB and 5 ms
	// beside 3.
	manyOrders   = 100
	manyMessages = 5
	manyBytes    = 3 << 19
)

// quiet is how long ORDERS has to be idle until nothing yields.
const quiet = 6 * time.Second

// orders is what is known of the order stream's traffic.
type orders struct {
	mu        sync.Mutex
	newest    time.Time // when it last grew; zero: not seen
	at        time.Time // of the last look
	seq       uint64    // then
	perSecond float64   // messages; before the second look as many as matter
}

// look notes the stream's last sequence and for how long it has been idle. What
// was seen before counts half: a pause between two bursts is no quiet time.
func (o *orders) look(now time.Time, seq uint64, idle time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.at.IsZero():
		o.perSecond = manyOrders
	case now.After(o.at) && seq >= o.seq:
		o.perSecond = max(float64(seq-o.seq)/now.Sub(o.at).Seconds(), o.perSecond/2)
	}
	o.newest, o.at, o.seq = now.Add(-idle), now, seq
}

// pace is a backfill's at the moment, on a machine of so many processors.
func (o *orders) pace(now time.Time, processors int) pace {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.newest.IsZero() || now.Sub(o.newest) >= quiet:
		return pace{}
	case o.perSecond < manyOrders:
		return pace{someMessages, someBytes}
	}
	return pace{manyMessages, min(processors*manyBytes, someBytes)}
}

// yield waits until a message of that size may go out.
func (l *subjectLog) yield(ctx context.Context, size int) error {
	p := l.pace()
	if p == (pace{}) {
		return nil
	}
	space := max(time.Second/time.Duration(p.messages), time.Duration(size)*time.Second/time.Duration(p.bytes))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(l.last.Add(space))):
		return nil
	}
}

// unhurried is the pace of a network whose backfill is under way.
func (n *network) unhurried() pace {
	if p, active := n.health.progress(); !active || !p.backfill {
		return pace{}
	}
	return n.svc.orders.pace(time.Now(), runtime.GOMAXPROCS(0))
}
