package limit

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"fondaco.dev/pkg/embedded/redisd"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/services/api/internal/problem"
)

// replica runs a limiter on a Redis until the test ends.
func replica(t testing.TB, cfg rds.Config, rules Rules, grace time.Duration) *Limiter {
	t.Helper()
	cfg.Timeout = Patience
	client, err := rds.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := New(Config{Rules: rules, Grace: grace, Redis: client}, prometheus.NewRegistry(), zlogtest.Test(t).Logger)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		l.Close()
	})
	return l
}

func realRedis(t testing.TB) rds.Config {
	t.Helper()
	srv, err := redisd.Start(t.Context(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	return rds.Config{URL: srv.URL()}
}

func mini(t testing.TB) (*miniredis.Miniredis, rds.Config) {
	t.Helper()
	m := miniredis.RunT(t)
	return m, rds.Config{URL: env.Secret("redis://" + m.Addr())}
}

// TestReplicasShareALimit: a client that sends all it can to three replicas at
// once gets through them what one would let through, and little more.
func TestReplicasShareALimit(t *testing.T) {
	t.Parallel()
	cfg, rules := realRedis(t), Rules{Order: Rate{PerSecond: 2000, Burst: 1000}}
	const replicas = 3
	var passed, refused atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range replicas {
		l := replica(t, cfg, rules, time.Second)
		wg.Go(func() {
			for time.Since(began) < time.Second {
				if v := l.Take(t.Context(), Order, 1, alice); v.OK {
					passed.Add(1)
				} else {
					refused.Add(1)
					time.Sleep(min(v.Wait, 5*time.Millisecond)) // a client that hardly listens
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began).Seconds()
	most := 1000 + 2000*took*(1+replicas/64.) + replicas*(1000/20)
	if got := float64(passed.Load()); got > most || got < 0.8*(1000+2000*took) {
		t.Errorf("%v passed in %.2f s, at most %.0f should; %d were refused", got, took, most, refused.Load())
	}
	t.Logf("%d passed in %.3f s, %.0f at most", passed.Load(), took, most)
}

// TestOrdersDoNotWait: a client that sends half of what it may is never refused,
// hardly ever waits for Redis, and asks it seldom.
func TestOrdersDoNotWait(t *testing.T) {
	t.Parallel()
	l := replica(t, realRedis(t), Rules{Order: PerSecond(4000)}, time.Second)
	const commands = 1000
	slow := 0
	tick := time.NewTicker(500 * time.Microsecond)
	defer tick.Stop()
	for range commands {
		<-tick.C
		began := time.Now()
		if v := l.Take(t.Context(), Order, 1, alice); !v.OK {
			t.Fatalf("refused: %+v", v)
		}
		if time.Since(began) > 10*time.Millisecond {
			slow++
		}
	}
	if trips := testutil.ToFloat64(l.trips); trips < 1 || trips > commands/20 || slow > commands/100 {
		t.Errorf("%v round trips and %d slow ones for %d commands", trips, slow, commands)
	}
}

// TestFarFromTheLimit: who sends little costs Redis nothing.
func TestFarFromTheLimit(t *testing.T) {
	t.Parallel()
	_, cfg := mini(t)
	l := replica(t, cfg, Rules{AddressRead: PerSecond(1000)}, time.Second)
	for range 40 {
		if v := l.Take(t.Context(), Read, 1, Client{}); !v.OK {
			t.Fatal("refused")
		}
	}
	if n := testutil.ToFloat64(l.trips); n != 0 {
		t.Errorf("%v round trips", n)
	}
}

// TestABurstWaitsForItsLease: a client within its burst is not refused because a
// lease is on its way.
func TestABurstWaitsForItsLease(t *testing.T) {
	t.Parallel()
	_, cfg := mini(t)
	l := replica(t, cfg, Rules{Order: Rate{PerSecond: 1, Burst: 2000}}, time.Second)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 4 {
				if v := l.Take(t.Context(), Order, 100, alice); !v.OK {
					t.Errorf("refused: %+v", v)
				}
			}
		})
	}
	wg.Wait()
	other := replica(t, cfg, Rules{Order: Rate{PerSecond: 1, Burst: 2000}}, time.Second)
	if v := other.Take(t.Context(), Order, 1000, alice); v.OK || v.Wait < 100*time.Second {
		t.Errorf("the other replica does not know: %+v", v)
	}
}

// TestWithoutRedis: reads and cancels go on by each process's bucket, new orders
// end when the grace is over, and begin when Redis is back.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	m, cfg := mini(t)
	rules := Rules{Order: Rate{PerSecond: 100, Burst: 100}, Cancel: Rate{PerSecond: 100, Burst: 100}, AddressRead: Rate{PerSecond: 1, Burst: 50}}
	l := replica(t, cfg, rules, 300*time.Millisecond)
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never %s", what)
			}
		}
	}
	until("counted by Redis", func() bool { return l.Take(t.Context(), Order, 1, alice).OK && m.Exists(prefix+"order:account:7") })
	m.Close()
	gone := time.Now()
	if v := l.Take(t.Context(), Order, 20, bob); !v.OK {
		t.Errorf("refused within the grace: %+v", v)
	}
	var v Verdict
	until("refused", func() bool { v = l.Take(t.Context(), Order, 1, alice); return !v.OK && v.Unavailable })
	if since := time.Since(gone); since < 300*time.Millisecond {
		t.Errorf("refused after %v", since)
	}
	if p, ok := problem.Of(v.Err()); !ok || p.Status != 503 || p.Code != "limits_unavailable" || p.RetryAfter != 1 {
		t.Errorf("%+v", p)
	}
	if l.shared() != 0 {
		t.Error("the metric says that the limits are shared")
	}
	for range 100 {
		if v := l.Take(t.Context(), Cancel, 1, alice); !v.OK {
			t.Fatalf("a cancel was refused: %+v", v)
		}
	}
	reads := 0
	for range 200 {
		if l.Take(t.Context(), Read, 1, Client{}).OK {
			reads++
		}
	}
	if reads < 50 || reads > 55 {
		t.Errorf("%d reads passed a bucket of 50", reads)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	until("served again", func() bool { return l.Take(t.Context(), Order, 1, bob).OK })
	// A Redis that was started anew knows no script.
	m.FlushAll()
	if err := l.ledger.redis.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	until("counted by the new Redis", func() bool { return l.Take(t.Context(), Order, 1, bob).OK && m.Exists(prefix+"order:account:8") })
}

// TestReset: an operator's reset reaches every replica.
func TestReset(t *testing.T) {
	t.Parallel()
	_, cfg := mini(t)
	rules := Rules{Read: Rate{PerSecond: 1, Burst: 100}}
	replicas := []*Limiter{replica(t, cfg, rules, time.Second), replica(t, cfg, rules, time.Second)}
	full := func() bool {
		for _, l := range replicas {
			if l.Take(t.Context(), Read, 50, alice).OK {
				return false
			}
		}
		return true
	}
	for !full() {
	}
	client, err := rds.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	b := &Book{Redis: client}
	shown, err := b.Show(t.Context(), "read:account:7")
	if err != nil || len(shown) != 1 || shown[0].PerSecond != 1 || shown[0].Burst != 100 || shown[0].Left > 5 {
		t.Fatalf("%+v, %v", shown, err)
	}
	if all, err := b.Show(t.Context(), ""); err != nil || len(all) != 1 || all[0].Key != "read:account:7" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := b.Reset(t.Context(), "read:account:7"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !replicas[1].Take(t.Context(), Read, 90, alice).OK; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the reset does not arrive")
		}
	}
	if err := b.Reset(t.Context(), "read:account:9"); err != ErrNotCounted {
		t.Errorf("got %v", err)
	}
	if err := b.Reset(t.Context(), "x"); err == nil {
		t.Error("a key that is none was reset")
	}
}

// TestScript: what Redis grants is what the algorithm says, claim by claim.
func TestScript(t *testing.T) {
	t.Parallel()
	m, cfg := mini(t)
	client, err := rds.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := &ledger{redis: client}
	rng := rand.New(rand.NewPCG(1, 2))
	k := Key{class: Order, id: 7}
	for _, r := range []Rate{{10, 20}, {1, 1}, {2000, 4000}, {7, 100}} {
		m.FlushAll()
		now := time.UnixMilli(1_700_000_000_000)
		used, at := 0.0, now
		for range 300 {
			now = now.Add(time.Duration(rng.IntN(3_000_000/r.PerSecond)) * time.Microsecond)
			m.SetTime(now)
			debt, want := float64(rng.IntN(2*r.Burst)*rng.IntN(2)), rng.IntN(r.Burst+2)
			got, err := l.charge(t.Context(), []claim{{key: k, rate: r, debt: debt, want: want}})
			if err != nil {
				t.Fatal(err)
			}
			used = max(0, used-now.Sub(at).Seconds()*float64(r.PerSecond)) + debt
			used, at = min(used, 2*float64(r.Burst)), now
			granted := max(0, min(want, int(math.Floor(float64(r.Burst)-used+0.001))))
			used += float64(granted)
			if got[0].granted != granted || math.Abs(got[0].left-(float64(r.Burst)-used)) > 0.01 {
				t.Fatalf("rate %v: granted %d, left %.3f; want %d, %.3f", r, got[0].granted, got[0].left, granted, float64(r.Burst)-used)
			}
		}
	}
	if n, err := client.Exists(t.Context(), prefix+k.String()).Result(); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if ttl := client.PTTL(t.Context(), prefix+k.String()).Val(); ttl <= 0 || ttl > 30*time.Second {
		t.Errorf("kept for %v", ttl)
	}
}

func BenchmarkTakeShared(b *testing.B) {
	l := replica(b, realRedis(b), Rules{Order: PerSecond(1 << 28)}, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		if v := l.Take(context.Background(), Order, 1, alice); !v.OK {
			b.Fatal("limited")
		}
	}
	b.ReportMetric(testutil.ToFloat64(l.trips)/float64(b.N), "trips/op")
}
