package hint_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/services/writer/internal/hint"

	feedv1 "fondaco.dev/proto/feed/v1"
)

func value(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.GetName() == name {
			return m.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestHintsReachTheirChannel(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sub := client.Subscribe(ctx, feedv1.HintChannel("b", "chain.v1.dev.f"))
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	p := hint.New(client, prometheus.NewRegistry(), zap.NewNop())
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.Run(ctx) })
	want := &feedv1.Hint{Build: "b", Partition: "chain.v1.dev.f", Epoch: "e", PrevPos: 1, Pos: 2}
	p.Offer(want)
	m, err := sub.ReceiveMessage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got feedv1.Hint
	if err := proto.Unmarshal([]byte(m.Payload), &got); err != nil || !proto.Equal(&got, want) {
		t.Errorf("got %v %v", &got, err)
	}
	cancel()
	wg.Wait()
}

func TestAFullQueueDropsAndNeverBlocks(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	// Nobody runs the publisher: as slow as Redis can be.
	p := hint.New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), registry, zap.NewNop())
	start := time.Now()
	for range 1000 {
		p.Offer(&feedv1.Hint{})
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("offering took %v", d)
	}
	if got := value(t, registry, "fondaco_writer_hints_dropped_total"); got != 1000-256 {
		t.Errorf("%v dropped", got)
	}
}

func TestRedisThatIsDownIsCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	p := hint.New(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}), registry, zap.NewNop())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.Run(ctx) })
	p.Offer(&feedv1.Hint{})
	deadline := time.Now().Add(10 * time.Second)
	for value(t, registry, "fondaco_writer_hints_dropped_total") < 1 {
		if time.Now().After(deadline) {
			t.Fatal("a hint that went nowhere is not counted")
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	wg.Wait()
}
