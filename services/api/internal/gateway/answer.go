package gateway

import (
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/api/internal/command"
)

// reply hands an answer to those who wait. Answers may come before the ack of
// the publish, and twice.
func (g *Gateway) reply(m *nats.Msg) {
	if kind := m.Header.Get("Fondaco-Reply"); kind != "" && kind != "orders" {
		return
	}
	r, err := command.ReadReply(m.Data)
	if err != nil {
		g.log.Warn("an answer could not be read", zap.Error(err))
		return
	}
	g.hear(r.PackNo)
	g.mu.Lock()
	p := g.open[r.PackNo]
	g.mu.Unlock()
	if p == nil {
		return
	}
	came := time.Now()
	g.soon.Store(came.Sub(p.sealed) < answerSoon)
	g.gather.Store(m.Header.Get(ordersv1.HeaderGather) != "")
	// Before any caller hears of it, before MarketOf forgets it, and perhaps before
	// the publish's ack.
	for _, account := range p.accounts {
		g.stored(account, r.InSeq)
	}
	if g.take(r.PackNo) == nil {
		return // its callers were told meanwhile that nothing is known
	}
	if r.Count != p.count {
		g.log.Error("an answer has another number of outcomes than its pack has commands", zap.Uint64("pack_no", r.PackNo),
			zap.Int("outcomes", r.Count), zap.Int("commands", p.count))
		p.fail(ErrUnknown)
		return
	}
	g.stages.answering.Observe(came.Sub(p.sealed).Seconds())
	for _, b := range p.batches {
		g.stages.waiting.Observe(p.sealed.Sub(b.began).Seconds())
		b.read(&r)
		b.InSeq, b.Came = r.InSeq, came
		if b.Trace != "" {
			b.Spans = m.Header.Get(bus.HeaderTrace)
		}
		g.seconds.Observe(came.Sub(b.began).Seconds())
		b.Done(b)
	}
}

// hear tells the publisher that a pack is stored.
func (g *Gateway) hear(no uint64) {
	if no <= g.upTo.Load() {
		return
	}
	g.upTo.Store(no)
	select {
	case g.heard <- struct{}{}:
	default:
	}
}

func (g *Gateway) take(no uint64) *pack {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.open[no]
	delete(g.open, no)
	return p
}

// MarketOf is the market of a new order of the account that has no answer yet,
// by its client_order_id or client_ref; of several the one sent last, 0 when
// there is none. freed says that a cancel of the name is on its way before it,
// or where there is none that one is on its way.
func (g *Gateway) MarketOf(account uint64, n command.Name) (market uint32, freed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	look := func(b *Batch) (done bool) {
		if b.Account != account {
			return false
		}
		m, free := command.MarketOf(b.Data, n)
		if market == 0 {
			market = m
		}
		freed = freed || free
		return market != 0 && freed
	}
	for i := len(g.waiting) - 1; i >= g.head; i-- {
		if look(g.waiting[i]) {
			return market, freed
		}
	}
	for no := g.packNo; no >= g.oldest && no > 0; no-- {
		p := g.open[no]
		for i := 0; p != nil && i < len(p.batches); i++ {
			if look(p.batches[len(p.batches)-1-i]) {
				return market, freed
			}
		}
	}
	return market, freed
}
