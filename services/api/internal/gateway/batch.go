package gateway

import (
	"context"
	"errors"
	"time"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/services/api/internal/command"
)

var (
	// ErrNotSent: the command certainly did not leave; trying again is safe.
	ErrNotSent = errors.New("the command was not sent")
	// ErrClosed: the house takes in no new orders for now; nothing was sent.
	ErrClosed = errors.New("no new orders are taken in")
	// ErrUnknown: the command left and its answer did not come in time.
	ErrUnknown = errors.New("the command's outcome is not known yet")
	// errAnswer: the engine's answer cannot be read; nothing is known then either.
	errAnswer = errors.Join(ErrUnknown, errors.New("the engine's answer cannot be read"))
)

// Batch is commands of one account that stay together and in order. Between
// Send and Done it belongs to the gateway.
type Batch struct {
	Account   uint64
	Data      []byte // the commands as elements of orders.v1.Pack.commands
	Count     int
	New       bool   // there are new orders among them
	RequestID string // "" = none to note
	Trace     string // traceparent; "" = not followed
	// Done is called once with what follows. It must not block.
	Done func(*Batch)

	Err      error // ErrNotSent or ErrUnknown; else the rest counts
	InSeq    uint64
	Came     time.Time         // when the answer came
	Spans    string            // the engine's, as in bus.HeaderTrace; of a followed batch
	Outcomes []command.Outcome // one a command; reused by the next Send

	began    time.Time
	sealed   bool // under the gateway's lock
	answered chan struct{}
}

// read takes the batch's outcomes from a reply.
func (b *Batch) read(r *command.Reply) {
	if cap(b.Outcomes) < b.Count {
		b.Outcomes = make([]command.Outcome, b.Count)
	}
	b.Outcomes = b.Outcomes[:b.Count]
	for i := range b.Outcomes {
		if !r.Next(&b.Outcomes[i]) {
			b.Err = errAnswer
		}
	}
}

func (p *pack) fail(err error) {
	for _, b := range p.batches {
		b.Err = err
		b.Done(b)
	}
}

// note keeps what is asked of a pack after its batches are their owners' again.
func (p *pack) note() {
	for _, b := range p.batches {
		if b.RequestID != "" && len(p.ids) < bus.MaxRequestIDs {
			p.ids = append(p.ids, b.RequestID)
		}
		if b.Trace != "" && len(p.traces) < trace.MaxParents {
			p.traces = append(p.traces, b.Trace)
		}
		if n := len(p.accounts); n == 0 || p.accounts[n-1] != b.Account {
			p.accounts = append(p.accounts, b.Account)
		}
	}
}

// sweepEvery is how exact the bound on an answer's wait is.
const sweepEvery = 50 * time.Millisecond

// sweep tells the owners of batches that took too long.
func (g *Gateway) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			g.expire(now)
		}
	}
}

// expire ends what should have been answered by now: what is in no pack was
// certainly not sent, of the rest nothing is known.
func (g *Gateway) expire(now time.Time) {
	var unsent []*Batch
	var unknown []*pack
	g.mu.Lock()
	for g.head < len(g.waiting) && now.Sub(g.waiting[g.head].began) > g.wait {
		b := g.waiting[g.head]
		g.waiting[g.head] = nil
		g.head++
		g.queued -= b.Count
		unsent = append(unsent, b)
	}
	for g.oldest <= g.packNo {
		p := g.open[g.oldest]
		if p != nil && !now.After(p.until) {
			break
		}
		if p != nil {
			delete(g.open, g.oldest)
			unknown = append(unknown, p)
			g.late.Add(float64(p.count))
		}
		g.oldest++
	}
	g.mu.Unlock()
	for _, b := range unsent {
		b.Err = ErrNotSent
		b.Done(b)
	}
	for _, p := range unknown {
		p.fail(ErrUnknown)
	}
}
