package gateway

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestStagesAddUp: an order is counted once in each stage, and they do not take
// longer than it took its caller.
func TestStagesAddUp(t *testing.T) {
	t.Parallel()
	_, b := start(t)
	g := New("main", func(uint64, uint64) {}, admin.New("", zlog.Nop()), zlog.Nop().Logger)
	var mu sync.Mutex
	took := map[string][]float64{}
	stage := func(name string) prometheus.Observer {
		return prometheus.ObserverFunc(func(seconds float64) {
			mu.Lock()
			defer mu.Unlock()
			took[name] = append(took[name], seconds)
		})
	}
	g.stages = stages{waiting: stage("waiting"), answering: stage("answering"), waking: stage("waking")}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var packs sync.Mutex
	var seen []*ordersv1.Pack
	wg.Go(func() { _ = g.Run(ctx, b) })
	wg.Go(func() { echo(ctx, t, b, &seen, &packs) })
	const orders = 3
	var all time.Duration
	for n := 0; n < orders; {
		began := time.Now()
		if err := g.Do(ctx, batch("order")); err == nil {
			all += time.Since(began)
			n++
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	sum := 0.0
	for _, name := range []string{"waiting", "answering", "waking"} {
		if n := len(took[name]); n != orders {
			t.Errorf("%s was counted %d times, wanted %d", name, n, orders)
		}
		for _, seconds := range took[name] {
			if sum += seconds; seconds < 0 {
				t.Errorf("an order was %v s in %s", seconds, name)
			}
		}
	}
	if sum > all.Seconds() {
		t.Errorf("the stages took %v s, the orders %v", sum, all)
	}
}
