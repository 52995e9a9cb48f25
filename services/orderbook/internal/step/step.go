// Package step is what a leader does with packs and outputs, without the
// goroutines, channels and clocks around it: the service and the simulator are
// made of the same steps.
package step

import (
	"context"
	"crypto/sha256"
	"fmt"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/intake"
	"fondaco.dev/services/orderbook/internal/recovery"
)

// Desk applies packs and collects their events until an output takes them.
type Desk struct {
	Venue  string
	Engine *engine.Engine

	reply      engine.Reply
	batch      *engine.Batch // events that no output holds yet
	packs      int           // packs in batch
	firstIn    uint64
	firstEvent uint64
	last       recovery.Last
}

// NewDesk begins at the end of what is published.
func NewDesk(venue string, st *recovery.State) *Desk {
	return &Desk{Venue: venue, Engine: st.Engine, batch: &engine.Batch{}, last: st.Last}
}

// Applied is the message that was applied last.
func (d *Desk) Applied() recovery.Last { return d.last }

// Taken says what became of a pack.
type Taken struct {
	engine.Applied
	Input  engine.Input
	Events int
	// Gateway is who sent it, as it stands in the pack, and Reply the answer that
	// it may have at once; both are good until the next pack.
	Gateway []byte
	Reply   []byte
}

// Take applies the next message of ORDERS and tells of each of its packs. After
// an error the desk is of no further use.
func (d *Desk) Take(m *bus.Message, each func(*Taken)) error {
	if m.Seq <= d.Engine.LastInSeq() {
		return fmt.Errorf("pack %d came after %d", m.Seq, d.Engine.LastInSeq())
	}
	if d.packs == 0 {
		d.firstIn, d.firstEvent = m.Seq, d.Engine.Events()+1
	}
	before := d.batch.Len()
	err := intake.Apply(d.Engine, intake.Input(d.Venue, m), d.batch, &d.reply, func(in engine.Input, res engine.Applied) {
		d.packs++
		each(&Taken{Applied: res, Input: in, Events: d.batch.Len() - before, Gateway: intake.Gateway(in.Data), Reply: d.reply.Bytes()})
		before = d.batch.Len()
	})
	d.last = recovery.Last{Seq: m.Seq, Data: m.Data}
	return err
}

// Packs is the number of packs that no output holds yet, and Size the bytes of
// their events.
func (d *Desk) Packs() int { return d.packs }
func (d *Desk) Size() int  { return d.batch.Size() }

// Seal makes an output of all that was applied since the last one. The desk goes
// on with spare, an empty batch.
func (d *Desk) Seal(spare *engine.Batch) Output {
	o := Output{
		Batch: d.batch, Packs: d.packs, FirstIn: d.firstIn, LastIn: d.Engine.LastInSeq(), FirstEvent: d.firstEvent,
		Digest: d.Engine.Digest(), Semantics: d.Engine.Semantics(), Last: d.last,
	}
	d.batch, d.packs = spare, 0
	d.batch.Reset()
	return o
}

// Output is one output on its way to TRADES.
type Output struct {
	Batch      *engine.Batch
	Packs      int // 0: there is nothing to publish
	FirstIn    uint64
	LastIn     uint64
	FirstEvent uint64
	Digest     [32]byte
	Semantics  uint32
	Last       recovery.Last // the pack LastIn
}

// Press publishes outputs, one after the other. It stands behind one message.
type Press struct {
	To        recovery.Publisher
	PartBytes int // an output above is cut
	// Tail is the newest message of the subject, 0 = none, and Sum its SHA-256.
	Tail uint64
	Sum  []byte
	// Before is asked before every output whether ORDERS still holds the last of
	// its packs; nil = nobody is.
	Before func(ctx context.Context, last recovery.Last) error
	// Stored is told the bytes of every part; nil = nobody.
	Stored func(bytes int)

	buf []byte
}

// Publish stores an output part by part, each fenced by the one before. After an
// error the press is of no further use: how far it came is for a recovery to see.
func (p *Press) Publish(ctx context.Context, o *Output, requestIDs []string) error {
	if p.Before != nil {
		if err := p.Before(ctx, o.Last); err != nil {
			return err
		}
	}
	out := engine.NewOutput(o.Batch, p.PartBytes)
	out.FirstInSeq, out.LastInSeq, out.FirstEvent, out.Digest, out.Semantics = o.FirstIn, o.LastIn, o.FirstEvent, o.Digest, o.Semantics
	for k := range out.Parts() {
		p.buf = out.AppendPart(p.buf[:0], k, p.Tail, p.Sum)
		seq, err := p.To.Publish(ctx, p.Tail, p.Sum, p.buf, requestIDs)
		if err != nil {
			return fmt.Errorf("publishing packs %d to %d (part %d of %d): %w", o.FirstIn, o.LastIn, k+1, out.Parts(), err)
		}
		sum := sha256.Sum256(p.buf)
		p.Tail, p.Sum = seq, sum[:]
		if p.Stored != nil {
			p.Stored(len(p.buf))
		}
	}
	return nil
}
