package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
)

// TestLeaseOfASilentHolder is taken after the term, long before the bucket
// forgets it; a holder that renews keeps it.
func TestLeaseOfASilentHolder(t *testing.T) {
	t.Parallel()
	const term = 500 * time.Millisecond
	srv := bustest.Start(t)
	bustest.Provision(t, srv, nil, []jetstream.KeyValueConfig{{Bucket: bus.ControlBucket}, {Bucket: bus.LeaseBucket, TTL: bus.LeaseTTL}}, nil)
	dies, err := bus.Connect(t.Context(), bus.Config{URL: srv.URL, Name: "dies"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	one, err := dies.LeaseWithin(t.Context(), "work", term)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 3*term)
	defer cancel()
	if _, err := srv.Bus(t).LeaseWithin(short, "work", term); err == nil {
		t.Fatal("the lease of a holder that renews was taken")
	}
	if held, err := srv.Bus(t).Held(t.Context(), "work"); err != nil || !held {
		t.Fatal(held, err)
	}
	dies.Close()
	soon, cancel := context.WithTimeout(t.Context(), 6*term)
	defer cancel()
	two, err := srv.Bus(t).LeaseWithin(soon, "work", term)
	if err != nil {
		t.Fatal(err)
	}
	two.Release()
	one.Release()
	if held, err := srv.Bus(t).Held(t.Context(), "work"); err != nil || held {
		t.Fatal(held, err)
	}
}

// TestLeaseTakenOver: the former holder sees the other's name and gives up.
func TestLeaseTakenOver(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, nil, []jetstream.KeyValueConfig{{Bucket: bus.ControlBucket}, {Bucket: bus.LeaseBucket, TTL: bus.LeaseTTL}}, nil)
	b := srv.Bus(t)
	one, err := b.LeaseWithin(t.Context(), "work", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := b.JetStream().KeyValue(t.Context(), bus.LeaseBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "work", "another"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-one.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the former holder does not notice")
	}
	one.Release()
}
