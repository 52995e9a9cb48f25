package hugepage

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// readyAsked makes this test's program a child that has its heap made ready.
const readyAsked = "FONDACO_TEST_READY"

// TestReady: a heap that was made ready is in memory before it is used and stays
// there, and the collector waits for all of it. In a program of its own, whose heap
// nobody else uses.
func TestReady(t *testing.T) {
	const bytes = 64 << 20
	if os.Getenv(readyAsked) != "" {
		before := resident(t)
		Heap{Ready: bytes}.Set()
		ready := resident(t) - before
		for range 4 * bytes / Size { // nothing of it lives on
			for i, b := 0, make([]byte, Size); i < Size; i += 4096 {
				b[i] = 1
			}
		}
		// What hears of collections sets it.
		for end := time.Now().Add(10 * time.Second); goal() < bytes*9/10 && time.Now().Before(end); {
			runtime.Gosched()
		}
		fmt.Printf("goal %d ready %d kept %d", goal()>>20, ready>>20, (resident(t)-before)>>20)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestReady$")
	cmd.Env = append(os.Environ(), readyAsked+"=1", "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var goal, ready, kept int
	if _, err := fmt.Sscanf(string(out), "goal %d ready %d kept %d", &goal, &ready, &kept); err != nil {
		t.Fatalf("the program said %q: %v", out, err)
	}
	const want = bytes * 9 / 10 >> 20
	if goal < want {
		t.Errorf("the heap is collected at %d MiB, though %d are ready", goal, bytes>>20)
	}
	if ready < want || kept < want {
		t.Errorf("%d MiB were there before they were used, and %d after, of %d", ready, kept, bytes>>20)
	}
}

// resident is how much memory the process has, in bytes.
func resident(t *testing.T) (n int) {
	var all int
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(raw), &all, &n); err != nil {
		t.Fatal(err)
	}
	return n * os.Getpagesize()
}

// goal is the size in bytes at which the heap is collected next.
func goal() uint64 { return read("/gc/heap/goal:bytes") }

func read(metric string) uint64 {
	s := []metrics.Sample{{Name: metric}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func TestKeeperFits(t *testing.T) {
	t.Parallel()
	k := keeper{bytes: 256 << 20, percent: 100}
	for live, want := range map[uint64]bool{0: true, 1 << 20: true, 127 << 20: true, 129 << 20: false, 256 << 20: false, 1 << 40: false} {
		if got := k.fits(live); got != want {
			t.Errorf("%d MiB live: %t, want %t", live>>20, got, want)
		}
	}
}

// TestKeeperLetsGo: a heap in which more lives than was made ready is collected by
// the percent, and by the limit again when it is small. In a program of its own.
func TestKeeperLetsGo(t *testing.T) {
	const bytes, percent = 32 << 20, 100
	if os.Getenv(readyAsked) != "" {
		keep(bytes, percent)
		until := func(by uint64) (same bool) {
			for end := time.Now().Add(10 * time.Second); !same && time.Now().Before(end); runtime.GC() {
				same = read("/gc/gogc:percent") == by
			}
			return same
		}
		lives := make([]byte, bytes)
		large := until(percent)
		runtime.KeepAlive(lives)
		fmt.Printf("large %t small %t", large, until(math.MaxUint64))
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKeeperLetsGo$")
	cmd.Env = append(os.Environ(), readyAsked+"=1", "GOGC=100", "GOMEMLIMIT=off")
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "large true small true") {
		t.Errorf("the program said %q: %v", out, err)
	}
}
