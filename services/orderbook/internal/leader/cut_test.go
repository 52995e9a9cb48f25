package leader

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/standby"
)

// TestTradesCutWhileStandingBy: the standby is ahead of what TRADES holds now,
// since an older copy of it was restored. It gives up its state, and the state
// that it builds anew is one of what is there.
func TestTradesCutWhileStandingBy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.start(nil)
	i.wait()
	h.gateway(ordersv1.FromAPI, "api-1").load(20)
	h.verify()
	_ = i.stop()
	older := h.outputs()

	leads, err := h.bus.LeaseWithin(h.ctx(), standby.Lease(venue), standby.Term)
	if err != nil {
		t.Fatal(err)
	}
	defer leads.Release()
	src := h.source()
	m := metric.New(prometheus.NewRegistry(), venue)
	st, err := src.Run(h.ctx())
	if err != nil {
		t.Fatal(err)
	}
	s := &standby.Standby{Options: standby.Options{Venue: venue, SnapshotPacks: 1 << 30, SnapshotEvery: time.Hour}, Bus: h.bus, Source: src,
		Wire: NewWire(h.bus, venue, src.Log), Keeper: keeper.New(src, m, 0, src.Log), Metrics: m, Log: src.Log, Waiting: func(error) {}}
	waited := make(chan error, 1)
	go func() {
		lease, err := s.Wait(h.ctx(), st)
		if lease != nil {
			lease.Release()
		}
		waited <- err
	}()
	for { // until it is warm
		held, err := h.bus.Held(h.ctx(), standby.Presence(venue))
		if err != nil {
			t.Fatal(err)
		}
		if held {
			break
		}
	}
	h.remake(tradesv1.Stream)
	for k, data := range older[:len(older)/2] {
		if _, err := h.bus.PublishFenced(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue), uint64(k), data, nil); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-waited:
		if !errors.Is(err, recovery.ErrRegressed) || !strings.Contains(err.Error(), "TRADES") || !strings.Contains(err.Error(), "restore") {
			t.Errorf("it stands by no longer, with %v", err)
		}
	case <-h.ctx().Done():
		t.Fatal("it stands by with a state that TRADES does not have")
	}
	leads.Release()
	h.start(nil).wait()
	h.verify()
}

// outputs are all messages of TRADES.
func (h *house) outputs() (all [][]byte) {
	h.t.Helper()
	end := h.tail()
	f := h.bus.Follow(h.ctx(), tradesv1.Stream, []string{tradesv1.Subject(venue)}, 1)
	defer f.Close()
	for {
		msgs, err := f.Next(h.ctx(), 32<<20)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, m := range msgs {
			if all = append(all, m.Data); m.Seq == end {
				return all
			}
		}
	}
}
