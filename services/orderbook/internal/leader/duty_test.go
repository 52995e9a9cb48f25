package leader

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/recovery"
)

// events waits for messages of TRADES after a sequence until seen says that
// there were enough.
func (h *house) events(after uint64, seen func(*tradesv1.Event) (enough bool)) {
	h.t.Helper()
	f := h.bus.Follow(h.ctx(), tradesv1.Stream, []string{tradesv1.Subject(venue)}, after+1)
	defer f.Close()
	for {
		msgs, err := f.Next(h.ctx(), 32<<20)
		if err != nil {
			h.t.Fatalf("TRADES does not have it: %v", err)
		}
		for _, m := range msgs {
			o := &tradesv1.Output{}
			if err := proto.Unmarshal(m.Data, o); err != nil {
				h.t.Fatal(err)
			}
			for _, e := range o.Events {
				if seen(e) {
					return
				}
			}
		}
	}
}

// tail is the sequence of TRADES' last message.
func (h *house) tail() uint64 {
	h.t.Helper()
	m, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil || m == nil {
		h.t.Fatalf("TRADES has no message: %v", err)
	}
	return m.Seq
}

// ticksOnly expects that nothing but ticks came into ORDERS after a sequence,
// and at least one of them.
func (h *house) ticksOnly(after uint64) {
	h.t.Helper()
	m, err := h.bus.Last(h.ctx(), ordersv1.Stream, ordersv1.Subject(venue, ordersv1.FromTick))
	if err != nil || m == nil || m.Seq <= after {
		h.t.Errorf("there was no tick after pack %d: %v, %v", after, m, err)
	}
	for _, from := range []string{ordersv1.FromAPI, ordersv1.FromFunds, ordersv1.FromAdmin} {
		if m, err := h.bus.Last(h.ctx(), ordersv1.Stream, ordersv1.Subject(venue, from)); err != nil || m != nil && m.Seq > after {
			h.t.Errorf("pack %d from %s came too: %v", m.Seq, from, err)
		}
	}
}

// TestAnOrderExpiresByItself: nobody sends anything, and the order ends on time.
func TestAnOrderExpiresByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.start(nil).wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	ends := time.Now().Add(700 * time.Millisecond)
	c := limit(1, buy, 3, 90, "soon")
	c.GetNewOrder().TimeInForce = ordersv1.TimeInForce_TIME_IN_FORCE_GTD
	c.GetNewOrder().ExpiresAtMs = ends.UnixMilli()
	first := g.ask(c)
	if o := first.Outcomes[0]; o.Status != ordersv1.OrderStatus_ORDER_STATUS_OPEN {
		t.Fatalf("%v", o)
	}
	h.events(0, func(e *tradesv1.Event) bool {
		k := e.GetOrderCanceled()
		return k != nil && k.OrderId == first.Outcomes[0].OrderId && ordersv1.CancelReason(k.Reason) == ordersv1.CancelReason_CANCEL_REASON_EXPIRED
	})
	if now := time.Now(); now.Before(ends) {
		t.Errorf("it ended %v too early", ends.Sub(now))
	}
	h.ticksOnly(first.InSeq)
	h.verify()
}

// TestMassCancelGoesOnByItself: one command cancels more orders than a pack may;
// ticks do the rest, and a leader that starts in between goes on with it.
func TestMassCancelGoesOnByItself(t *testing.T) {
	t.Parallel()
	const orders = 23_000 // a command may do 10,000
	h := newHouse(t)
	i := h.start(nil)
	i.wait()
	g := h.gateway(ordersv1.FromAPI, "api-1")
	for n := 0; n < orders; {
		var cmds []*ordersv1.Command
		for range ordersv1.MaxCommands {
			cmds = append(cmds, limit(1, buy, 1, int64(50+n%40), fmt.Sprint(n)))
			n++
		}
		for k, o := range g.ask(cmds...).Outcomes {
			if o.Status != ordersv1.OrderStatus_ORDER_STATUS_OPEN {
				t.Fatalf("order %d: %v", k, o)
			}
		}
	}
	// It dies with the cancel under way: before its output is published.
	_ = i.stop()
	before := h.tail()
	g.send(&ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: 1}}})
	asked := h.lastSeq()
	i = h.start(func(w Wire) Wire { return &faulty{Wire: w, at: 2} })
	select {
	case <-i.done:
	case <-h.ctx().Done():
		t.Fatal("the mass cancel did not need a second output: the test tests nothing")
	}
	h.start(nil).wait()
	canceled, put := 0, 0
	h.events(before, func(e *tradesv1.Event) bool {
		if e.GetOrderCanceled() != nil {
			canceled++
		}
		if w := e.GetWorkLeft(); w != nil {
			if put++; len(w.MassCancels) == 0 {
				return true
			}
			if canceled == orders {
				t.Error("work is left and nothing to do")
			}
		}
		return false
	})
	if canceled != orders || put != 3 {
		t.Errorf("%d of %d orders were canceled, the work left was told %d times", canceled, orders, put)
	}
	h.ticksOnly(asked)
	h.verify()
}

// refusedFor expects that no instance serves, and all of the texts.
func (h *house) refusedFor(want error, texts ...string) {
	h.t.Helper()
	i := h.start(nil)
	select {
	case <-i.done:
	case <-i.ready:
		h.t.Fatal("it serves")
	case <-h.ctx().Done():
		h.t.Fatal("it neither serves nor refuses")
	}
	for _, text := range texts {
		if !errors.Is(i.err, want) || !strings.Contains(i.err.Error(), text) {
			h.t.Fatalf("it refuses with %v, want %v with %q", i.err, want, text)
		}
	}
}

// TestUnknownBehaviourInAPack: an Activate of a newer program ends the leader
// before anything of that pack is published, and keeps others from serving.
func TestUnknownBehaviourInAPack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.start(nil)
	i.wait()
	h.gateway(ordersv1.FromAdmin, "operator").send(&ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: engine.NewestSemantics + 1}}})
	activates := h.lastSeq()
	select {
	case <-i.done:
	case <-h.ctx().Done():
		t.Fatal("the leader goes on")
	}
	asked, known := fmt.Sprintf("activates behaviour version %d", engine.NewestSemantics+1), fmt.Sprintf("knows up to %d", engine.NewestSemantics)
	if err := i.err; !errors.Is(err, recovery.ErrSemantics) || !strings.Contains(err.Error(), asked) || !strings.Contains(err.Error(), known) {
		t.Errorf("the leader ended with %v", err)
	}
	h.refusedFor(recovery.ErrSemantics, asked, known)
	// What the leader had carried out before may have been published meanwhile.
	outputs, o := h.outputs(), &tradesv1.Output{}
	if err := proto.Unmarshal(outputs[len(outputs)-1], o); err != nil || o.LastInSeq >= activates {
		t.Errorf("TRADES went on to pack %d, which activates what is not known in %d: %v", o.LastInSeq, activates, err)
	}
}

// TestUnknownBehaviourInTrades: a newer program has published already.
func TestUnknownBehaviourInTrades(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	last, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
	if err != nil {
		t.Fatal(err)
	}
	h.gateway(ordersv1.FromAPI, "api-9").send(limit(1, buy, 1, 50, "more"))
	o := &tradesv1.Output{FirstInSeq: h.lastSeq(), LastInSeq: h.lastSeq(), Part: 1, Last: true, FirstEventSeq: 1, PrevSeq: last.Seq, PrevDigest: digestOf(last.Data),
		Semantics: engine.NewestSemantics + 7}
	data, err := proto.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.bus.PublishFenced(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue), last.Seq, data, nil); err != nil {
		t.Fatal(err)
	}
	h.refusedFor(recovery.ErrSemantics, fmt.Sprintf("made by behaviour version %d", engine.NewestSemantics+7), fmt.Sprintf("knows up to %d", engine.NewestSemantics))
}
