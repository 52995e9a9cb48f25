package gateway

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

func (g *Gateway) publish(ctx context.Context, b *bus.Bus, no uint64, p *pack) error {
	h := nats.Header{}
	if len(p.ids) > 0 {
		h.Set(bus.HeaderRequestID, strings.Join(p.ids, ","))
	}
	if len(p.traces) > 0 {
		h.Set(bus.HeaderTrace, strings.Join(p.traces, ","))
	}
	subject, id := ordersv1.Subject(g.venue, ordersv1.FromAPI), ordersv1.MsgID(g.id, no)
	answered, err := g.post(ctx, b, no, subject, id, h)
	if !answered && err == nil {
		var seq uint64
		if seq, err = b.PublishOnce(ctx, subject, id, g.buf, h); err == nil {
			for _, account := range p.accounts {
				g.stored(account, seq)
			}
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("publishing pack %d: %w", no, err)
	}
	g.packs.Inc()
	g.commands.Add(float64(p.count))
	if ce := g.log.Check(zap.DebugLevel, "pack stored"); ce != nil {
		ce.Write(zap.Uint64("pack_no", no), zap.Int("commands", p.count), zap.Strings("request_ids", p.ids))
	}
	return nil
}

// Bounds of going without acks.
const (
	// answerSoon: the answer is worth waiting for in the place of the ack.
	answerSoon = 50 * time.Millisecond
	// answerLate: the pack is sent again, with an ack.
	answerLate = 250 * time.Millisecond
)

// Bounds of sending packs to the leader, who gathers those of several gateways.
const (
	gatherBytes = 16 << 10         // a larger pack is worth a message of its own
	gatherPause = 10 * time.Second // after one that was not answered in time
)

// post sends the pack without asking for an ack and waits for its answer; false
// when acks are needed.
func (g *Gateway) post(ctx context.Context, b *bus.Bus, no uint64, subject, id string, h nats.Header) (answered bool, err error) {
	if !g.soon.Load() {
		return false, nil
	}
	gathered := g.gather.Load() && len(g.buf) <= gatherBytes && time.Now().After(g.apart)
	if gathered {
		err = b.Conn().PublishMsg(&nats.Msg{Subject: ordersv1.GatherSubject(g.venue), Data: g.buf, Header: h})
	} else {
		err = b.Post(subject, id, g.buf, h)
	}
	if err != nil {
		return false, nil
	}
	late := time.NewTimer(answerLate)
	defer late.Stop()
	for g.upTo.Load() < no {
		select {
		case <-g.heard:
		case <-late.C:
			g.soon.Store(false)
			if gathered {
				g.apart = time.Now().Add(gatherPause)
			}
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return true, nil
}
