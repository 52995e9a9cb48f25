package limit

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/services/api/internal/problem"
)

var alice, bob = Client{Account: 7, Token: 71}, Client{Account: 8, Token: 81}

// alone is a limiter of one process.
func alone(rules Rules) *Limiter {
	return New(Config{Rules: rules}, prometheus.NewRegistry(), zap.NewNop())
}

// TestTenThousandASecond: of a client that sends ten times its limit about a
// tenth passes, at once; the rest is told when to come back, and it passes then.
func TestTenThousandASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, ctx := alone(Rules{Order: Rate{PerSecond: 1000, Burst: 500}, Cancel: PerSecond(10)}), context.Background()
		passed := 0
		for range 10000 {
			v := l.Take(ctx, Order, 1, alice)
			if v.OK {
				passed++
			} else if v.Wait < time.Millisecond || v.Wait > 500*time.Millisecond {
				t.Fatalf("told to wait %v", v.Wait)
			}
			time.Sleep(100 * time.Microsecond)
		}
		if passed < 1450 || passed > 1510 {
			t.Errorf("%d of 10000 passed in a second", passed)
		}
		if v := l.Take(ctx, Order, 500, bob); !v.OK {
			t.Error("another account is limited too")
		}
		v := l.Take(ctx, Order, 100, alice)
		if v.OK {
			t.Fatal("an empty bucket gave 100")
		}
		if c := l.Take(ctx, Cancel, 1, alice); !c.OK {
			t.Error("a limited account cannot cancel")
		}
		time.Sleep(v.Wait + 2*time.Millisecond)
		if w := l.Take(ctx, Order, 100, alice); !w.OK {
			t.Errorf("not after the %v that it was told", v.Wait)
		}
	})
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	var none *Limiter
	for _, l := range []*Limiter{none, alone(Rules{})} {
		for range 10000 {
			if v := l.Take(t.Context(), Order, 100, alice); !v.OK || v.Err() != nil {
				t.Fatal("limited")
			}
		}
		l.Give(Order, 1, alice)
	}
}

// TestLargerThanTheBucket: a whole batch passes a small bucket when it is full.
func TestLargerThanTheBucket(t *testing.T) {
	t.Parallel()
	var b Bucket
	r, now := Rate{PerSecond: 10, Burst: 5}, time.Unix(1, 0)
	if _, ok := b.Take(r, now, 100); !ok {
		t.Error("never")
	}
	if _, ok := b.Take(r, now.Add(5*time.Second), 100); ok {
		t.Error("too soon")
	}
	if _, ok := b.Take(r, now.Add(11*time.Second), 100); !ok {
		t.Error("not when it was full again")
	}
}

// TestWhoIsCounted: tokens of an account share its limit and have their own;
// what carries no token counts for its address, an IPv6 one for its /64.
func TestWhoIsCounted(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	l := alone(Rules{Read: Rate{1, 4}, TokenRead: Rate{1, 3}, AddressRead: Rate{1, 2}})
	first, second := Client{Account: 7, Token: 1}, Client{Account: 7, Token: 2}
	if v := l.Take(ctx, Read, 3, first); !v.OK {
		t.Fatal("refused")
	}
	if v := l.Take(ctx, Read, 1, first); v.OK || v.key.String() != "read:token:0000000000000001" {
		t.Errorf("a token's limit: %+v", v)
	}
	if v := l.Take(ctx, Read, 1, second); !v.OK {
		t.Error("what its token refused was taken from the account")
	}
	if v := l.Take(ctx, Read, 1, second); v.OK || v.key.String() != "read:account:7" {
		t.Errorf("the account's: %+v", v)
	}
	at := func(text string) Client { return Client{Address: netip.MustParseAddr(text)} }
	if v := l.Take(ctx, Read, 2, at("2001:db8::1")); !v.OK {
		t.Error("an address is counted with the account")
	}
	if v := l.Take(ctx, Read, 1, at("2001:db8::ffff:1")); v.OK || v.key.String() != "read:address:2001:db8::" {
		t.Errorf("the same /64: %+v", v)
	}
	if v := l.Take(ctx, Read, 1, at("2001:db8:0:1::1")); !v.OK {
		t.Error("another /64 is limited too")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, h := alone(Rules{Read: PerSecond(10)}), http.Header{}
		v := l.Take(context.Background(), Read, 5, alice)
		v.Header(h, make([]string, 1))
		if got := h.Get("RateLimit"); got != `"read";r=15;t=1` || h.Get("RateLimit-Policy") != `"read";q=20;w=2` {
			t.Errorf("%s, %v", got, h)
		}
		v = l.Take(context.Background(), Read, 16, alice)
		v.Header(h, make([]string, 1))
		p, ok := problem.Of(v.Err())
		if !ok || p.Status != 429 || p.Code != "rate_limited" || p.RetryAfterMS != 101 || p.RetryAfter != 1 || h.Get("RateLimit") != `"read";r=0;t=1` {
			t.Errorf("%+v, %v", p, h)
		}
		none := alone(Rules{}).Take(context.Background(), Read, 1, alice)
		none.Header(h, nil)
	})
}

// TestForgotten: clients that are gone cost nothing, and one that is not keeps
// its state.
func TestForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, ctx := alone(Rules{AddressRead: PerSecond(10)}), context.Background()
		for i := range 1000 {
			l.Take(ctx, Read, 1, Client{Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
		}
		time.Sleep(6 * time.Second)
		busy := Client{Address: netip.MustParseAddr("192.0.2.1")}
		l.Take(ctx, Read, 20, busy)
		l.sweep(time.Now())
		if n := l.count(); n != 1 {
			t.Errorf("%v are kept", n)
		}
		if v := l.Take(ctx, Read, 1, busy); v.OK {
			t.Error("a limited client was forgotten")
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, k := range []string{"order:account:7", "read:address:192.0.2.1", "socket:address:2001:db8::", "read:token:00112233aabbccdd", "cancel:account:18446744073709551615"} {
		if got, err := ParseKey(k); err != nil || got.String() != k {
			t.Errorf("%s: %v, %v", k, got, err)
		}
	}
	for _, k := range []string{"", "order", "order:account", "order:account:", "order:account:-1", "order:account:07", "none:account:7", "x:account:7", "read:address:x", "read:token:7", "read:token:00112233AABBCCDD", "read:who:7"} {
		if got, err := ParseKey(k); err == nil {
			t.Errorf("%q is %v", k, got)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("order:account:7")
	f.Add("read:address:::1")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseKey(text); err == nil && k.String() != text {
			t.Errorf("%q is %q", text, k)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	l, ctx := alone(Rules{Order: PerSecond(1 << 30)}), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if v := l.Take(ctx, Order, 1, alice); !v.OK {
			b.Fatal("limited")
		}
	}
}
