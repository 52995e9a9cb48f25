package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
)

const (
	stream  = "S"
	subject = "s.a"
)

func setup(t *testing.T) (*bustest.Server, *bus.Bus) {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv,
		[]jetstream.StreamConfig{{Name: stream, Subjects: []string{"s.>"}, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew}},
		[]jetstream.KeyValueConfig{{Bucket: bus.ControlBucket}, {Bucket: bus.LeaseBucket, TTL: bus.LeaseTTL}}, nil)
	return srv, srv.Bus(t)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestPublishFenced(t *testing.T) {
	t.Parallel()
	srv, b := setup(t)
	ctx := within(t, 30*time.Second)
	seq := uint64(0)
	// A -> B -> A: equal contents are different messages.
	for i, data := range []string{"A", "B", "A"} {
		next, err := b.PublishFenced(ctx, stream, subject, seq, []byte(data), nil)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		seq = next
	}
	if seq != 3 {
		t.Fatalf("last sequence = %d, want 3", seq)
	}
	// The same publish again, as after an ack that was lost, is the same message.
	again, err := b.PublishFenced(ctx, stream, subject, 2, []byte("A"), nil)
	if err != nil || again != 3 {
		t.Errorf("a repeated publish gave %d, %v; want 3", again, err)
	}
	// Another writer with an old view is fenced, inside the duplicate window or not.
	if _, err := srv.Bus(t).PublishFenced(ctx, stream, subject, 2, []byte("C"), nil); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("an old view gave %v, want ErrFenced", err)
	}
	if _, err := b.PublishFenced(ctx, stream, subject, 1, []byte("B2"), nil); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("an older view gave %v, want ErrFenced", err)
	}
	if _, err := b.PublishFenced(ctx, stream, "s.empty", 7, []byte("x"), nil); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("expecting a message on an empty subject gave %v, want ErrFenced", err)
	}
	last, err := b.Last(ctx, stream, subject)
	if err != nil || string(last.Data) != "A" || last.Seq != 3 {
		t.Errorf("last = %+v, %v", last, err)
	}
	if none, err := b.Last(ctx, stream, "s.none"); none != nil || err != nil {
		t.Errorf("an empty subject has %v, %v", none, err)
	}
}

func TestTwoWritersOneWins(t *testing.T) {
	t.Parallel()
	srv, _ := setup(t)
	ctx := within(t, 60*time.Second)
	const each = 40
	var wg sync.WaitGroup
	for w := range 2 {
		b := srv.Bus(t)
		wg.Go(func() {
			for i := 0; i < each; {
				last, err := b.Last(ctx, stream, subject)
				if err != nil {
					t.Error(err)
					return
				}
				var seq uint64
				if last != nil {
					seq = last.Seq
				}
				_, err = b.PublishFenced(ctx, stream, subject, seq, fmt.Appendf(nil, "%d/%d", w, i), nil)
				switch {
				case err == nil:
					i++
				case !errors.Is(err, bus.ErrFenced):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b := srv.Bus(t)
	f := b.Follow(ctx, stream, []string{subject}, 0)
	defer f.Close()
	seen := map[string]int{}
	for n := 0; n < 2*each; {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			seen[string(m.Data)]++
		}
		n += len(msgs)
	}
	if len(seen) != 2*each {
		t.Errorf("%d distinct messages of %d: some are doubled", len(seen), 2*each)
	}
}

func TestServerRestartLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	srv, b := setup(t)
	ctx := within(t, 60*time.Second)
	f := b.Follow(ctx, stream, []string{subject}, 0)
	defer f.Close()
	const total = 300
	var publishing sync.WaitGroup
	defer publishing.Wait() // the last message is read before its ack is
	publishing.Go(func() {
		seq := uint64(0)
		for i := range total {
			next, err := b.PublishFenced(ctx, stream, subject, seq, fmt.Appendf(nil, "%d", i), nil)
			if err != nil {
				t.Errorf("message %d: %v", i, err)
				return
			}
			seq = next
		}
	})
	for n := 0; n < total; {
		msgs, err := f.Next(ctx, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			if string(m.Data) != fmt.Sprint(n) || m.Seq != uint64(n+1) {
				t.Fatalf("got %q at %d, want %d", m.Data, m.Seq, n)
			}
			n++
			if n == total/3 || n == 2*total/3 {
				srv.Restart(t)
			}
		}
	}
}

func TestPublishOnce(t *testing.T) {
	t.Parallel()
	_, b := setup(t)
	ctx := within(t, 20*time.Second)
	one, err := b.PublishOnce(ctx, "s.orders", "gw:1", []byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.PublishOnce(ctx, "s.orders", "gw:1", []byte("x"), nil)
	if err != nil || one != two {
		t.Errorf("sent again: %d and %d, %v", one, two, err)
	}
}

func TestFollowStartsWhereAsked(t *testing.T) {
	t.Parallel()
	_, b := setup(t)
	ctx := within(t, 20*time.Second)
	for i := range 5 {
		if _, err := b.PublishOnce(ctx, subject, fmt.Sprint(i), []byte{byte(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	f := b.Follow(ctx, stream, []string{subject}, 4)
	defer f.Close()
	msgs, err := f.Next(ctx, 1)
	if err != nil || len(msgs) != 1 || msgs[0].Seq != 4 || msgs[0].Pending != 1 {
		t.Errorf("first message = %+v, %v", msgs, err)
	}
}

func TestLeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	srv, b := setup(t)
	ctx := within(t, 30*time.Second)
	one, err := b.Lease(ctx, "work.x")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 1200*time.Millisecond)
	defer cancel()
	if _, err := srv.Bus(t).Lease(short, "work.x"); err == nil {
		t.Fatal("two holders")
	}
	one.Release()
	two, err := srv.Bus(t).Lease(ctx, "work.x")
	if err != nil {
		t.Fatal(err)
	}
	two.Release()
	select {
	case <-two.Done():
	case <-ctx.Done():
		t.Error("a released lease is not done")
	}
}

func TestLazySyncIsRefused(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t, bustest.LazySync())
	bustest.Provision(t, srv, nil, []jetstream.KeyValueConfig{{Bucket: bus.ControlBucket}}, nil)
	ctx := within(t, 20*time.Second)
	if err := srv.Bus(t).CheckDurable(ctx); !errors.Is(err, bus.ErrLazySync) {
		t.Errorf("got %v, want ErrLazySync", err)
	}
	allowed, err := bus.Connect(ctx, bus.Config{URL: srv.URL, Name: "t", AllowLazySync: true}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer allowed.Close()
	if err := allowed.CheckDurable(ctx); err != nil {
		t.Errorf("allowed by name, got %v", err)
	}
}
