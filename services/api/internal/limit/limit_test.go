package limit

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTenThousandASecond: of a client that sends ten times its limit about a
// tenth passes, at once; the rest is told when to come back, and it passes then.
func TestTenThousandASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(Rate{PerSecond: 1000, Burst: 500})
		passed := 0
		for range 10000 {
			wait, ok := a.Take(7, 1, false)
			if ok {
				passed++
			} else if wait < 1 || wait > 500 {
				t.Fatalf("told to wait %d ms", wait)
			}
			time.Sleep(100 * time.Microsecond)
		}
		if passed < 1450 || passed > 1510 {
			t.Errorf("%d of 10000 passed in a second", passed)
		}
		if _, ok := a.Take(8, 500, false); !ok {
			t.Error("another account is limited too")
		}
		wait, ok := a.Take(7, 100, false)
		if ok {
			t.Fatal("an empty bucket gave 100")
		}
		if _, ok := a.Take(7, 1, true); !ok {
			t.Error("a limited account cannot cancel")
		}
		time.Sleep(time.Duration(wait+2) * time.Millisecond)
		if _, ok := a.Take(7, 100, false); !ok {
			t.Errorf("not after the %d ms that it was told", wait)
		}
	})
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	a := New(Rate{})
	for range 100000 {
		if _, ok := a.Take(1, 100, false); !ok {
			t.Fatal("limited")
		}
	}
}

// TestLargerThanTheBucket: a whole batch passes a small bucket when it is full.
func TestLargerThanTheBucket(t *testing.T) {
	t.Parallel()
	var b Bucket
	r, now := Rate{PerSecond: 10, Burst: 5}, time.Unix(1, 0)
	if _, ok := b.Take(r, now, 100, false); !ok {
		t.Error("never")
	}
	if _, ok := b.Take(r, now.Add(5*time.Second), 100, false); ok {
		t.Error("too soon")
	}
	if _, ok := b.Take(r, now.Add(11*time.Second), 100, false); !ok {
		t.Error("not when it was full again")
	}
}
